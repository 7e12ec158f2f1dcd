"""Reading what a Pod's configuration refers to."""

from contextlib import suppress

from kernel.api.client import Client
from kernel.api.errors import NotFound
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.pod import Pod
from kernel.objects.service import Service
from kernel.reconcilers.pod.environment import Sources
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.references import referenced_names
from kernel.reconcilers.pod.service_variables import API_SERVICE
from kernel.reconcilers.pod.volumes.token_reading import read_tokens


async def read_sources(
    client: Client, pod: Pod, host: Host, memory: PodMemory, addresses: tuple[str, ...]
) -> Sources:
    """Read what the Pod's configuration refers to. `addresses` are the sandbox's."""
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
    return Sources(
        config_maps=config_maps,
        secrets=secrets,
        capacity=host.capacity,
        addresses=host.addresses if pod.spec.host_network else addresses,
        host_addresses=host.addresses,
        tokens=await read_tokens(client, pod, host, memory),
    )


async def read_services(client: Client, pod: Pod) -> tuple[Service, ...]:
    """The Services that variables of the Pod's containers may tell of."""
    services = await client.list(Service, namespace=pod.metadata.namespace)
    namespace, name = API_SERVICE
    if pod.metadata.namespace != namespace:
        with suppress(NotFound):
            services.append(await client.get(Service, name, namespace=namespace))
    return tuple(services)
