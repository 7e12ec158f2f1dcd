"""Reading what a Pod's configuration refers to."""

from contextlib import suppress

from msgspec.structs import replace

from kernel.api.client import Client
from kernel.api.errors import NotFound
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.pod import Pod
from kernel.objects.service import Service
from kernel.reconcilers.pod.api_access import as_reached, shares_node_network
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.configuration.references import referenced_names
from kernel.reconcilers.pod.configuration.service_variables import API_SERVICE
from kernel.reconcilers.pod.configuration.used_objects import (
    Configuration,
    configuration_of,
    restarts_on_change,
)
from kernel.reconcilers.pod.decisions.init_order import is_sidecar
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.volumes.token_reading import read_tokens


async def read_sources(
    client: Client, pod: Pod, host: Host, memory: PodMemory, addresses: tuple[str, ...]
) -> Sources:
    """Read what the Pod's configuration refers to. `addresses` are the sandbox's."""
    return replace(
        await _read_objects(client, pod),
        capacity=host.capacity,
        addresses=host.addresses if pod.spec.host_network else addresses,
        host_addresses=host.addresses,
        tokens=await read_tokens(client, pod, host, memory),
    )


async def _read_objects(client: Client, pod: Pod) -> Sources:
    config_map_names, secret_names = referenced_names(pod)
    config_maps: dict[str, ConfigMap | None] = dict.fromkeys(config_map_names)
    secrets: dict[str, Secret | None] = dict.fromkeys(secret_names)
    namespace = pod.metadata.namespace
    for name in sorted(config_map_names):
        with suppress(NotFound):
            config_maps[name] = await client.get(ConfigMap, name, namespace=namespace)
    for name in sorted(secret_names):
        with suppress(NotFound):
            secrets[name] = await client.get(Secret, name, namespace=namespace)
    return Sources(config_maps=config_maps, secrets=secrets)


async def read_services(
    client: Client, pod: Pod, host: Host, addresses: tuple[str, ...]
) -> tuple[Service, ...]:
    """The Services that variables of the Pod's containers may tell of. `addresses` are the
    sandbox's."""
    services = await client.list(Service, namespace=pod.metadata.namespace)
    namespace, name = API_SERVICE
    if pod.metadata.namespace != namespace:
        with suppress(NotFound):
            services.append(await client.get(Service, name, namespace=namespace))
    if shares_node_network(pod, addresses):
        return tuple(as_reached(service, host.api_access.node_address) for service in services)
    return tuple(services)


async def read_configurations(client: Client, pod: Pod) -> dict[str, Configuration]:
    """What the Pod's containers would be started with now, by name; nothing where the Pod does not
    want to be restarted for it."""
    if not restarts_on_change(pod):
        return {}
    sources = await _read_objects(client, pod)
    sidecars = filter(is_sidecar, pod.spec.init_containers)
    return {
        container.name: configuration_of(pod, container, sources)
        for container in (*sidecars, *pod.spec.containers)
    }
