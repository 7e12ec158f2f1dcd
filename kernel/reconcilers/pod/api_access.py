"""Leading a Pod to the API server: its network, and the address that its containers are told."""

import ipaddress
from collections.abc import Sequence

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.objects.service import Service
from kernel.reconcilers.pod.configuration.service_variables import API_SERVICE
from kernel.reconcilers.pod.host import Host, PodMemory

REASON = "FailedApiAccess"

_SUBJECT = "way to the API server"


async def connect_to_api(host: Host, pod: Pod, sandbox: cri.Sandbox, memory: PodMemory) -> None:
    """Lead the Pod's own network to the API server, once for each sandbox that this process finds
    or makes. Where that can't be done an Event says so, and it is tried again later."""
    if memory.connected_sandbox == sandbox.id or shares_node_network(pod, sandbox.addresses):
        return
    if memory.must_wait(_SUBJECT):
        return
    namespace = await host.runtime.network_namespace(sandbox.id)
    try:
        if namespace:
            await host.api_access.connect(sandbox.id, namespace, sandbox.addresses[0])
    except OSError as error:
        memory.failed(_SUBJECT)
        if memory.first_time(REASON):
            message = f"the containers can't reach the API server: {error}"
            await host.recorder.event(pod, "Warning", REASON, message)
    else:
        memory.succeeded(_SUBJECT)
        memory.connected_sandbox = sandbox.id


def shares_node_network(pod: Pod, addresses: Sequence[str]) -> bool:
    """Whether the Pod's containers use the node's network: because they ask for it, or because
    there is no other, as with the process runtime for ordinary users (pure)."""
    if pod.spec.host_network or not addresses:
        return True
    return ipaddress.ip_address(addresses[0]).is_loopback


def as_reached(service: Service, node_address: tuple[str, int] | None) -> Service:
    """Service `kubernetes` as programs in the node's network reach it: with the server's own
    address, where one is known. Other Services stay as they are (pure)."""
    metadata, spec = service.metadata, service.spec
    if node_address is None or (metadata.namespace, metadata.name) != API_SERVICE:
        return service
    host, port = node_address
    ports = [msgspec.structs.replace(one, port=port) for one in spec.ports[:1]]
    spec = msgspec.structs.replace(spec, cluster_ip=host, ports=ports)
    return msgspec.structs.replace(service, spec=spec)
