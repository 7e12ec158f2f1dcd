"""Endpoints and EndpointSlice `kubernetes`: where the API server is that stands behind Service
`kubernetes`, as of its last start."""

from ipaddress import ip_address

from kernel.api.client import Client
from kernel.api.context import acting
from kernel.api.errors import NotFound
from kernel.objects.endpoint_slice import Endpoint, EndpointConditions, EndpointSlice, SlicePort
from kernel.objects.endpoints import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.reconcilers.node.machine import internal_ip

NAME = "api-endpoints"
OBJECT_NAME = "kubernetes"
_PORT = "https"


def published_address(host: str) -> str:
    """The address to publish of a server that listens on `host`: the machine's own where that is a
    loopback address or all of them, since neither may stand in Endpoints; empty where the machine
    has none."""
    try:
        listening = ip_address(host)
    except ValueError:
        return _usable(internal_ip())
    if listening.is_loopback or listening.is_unspecified:
        return _usable(internal_ip())
    return host


def _usable(address: str) -> str:
    return "" if ip_address(address).is_loopback else address


async def publish_endpoints(client: Client, address: str, port: int) -> None:
    """Tell where the server is; what is there is replaced where it says otherwise."""
    metadata = ObjectMeta(
        name=OBJECT_NAME,
        namespace="default",
        labels={"endpointslice.kubernetes.io/skip-mirror": "true"},
    )
    subset = EndpointSubset(
        addresses=[EndpointAddress(ip=address)],
        ports=[EndpointPort(name=_PORT, port=port, protocol="TCP")],
    )
    slice_metadata = ObjectMeta(
        name=OBJECT_NAME,
        namespace="default",
        labels={"kubernetes.io/service-name": OBJECT_NAME},
    )
    endpoint = Endpoint(addresses=[address], conditions=EndpointConditions(ready=True))
    endpoint_slice = EndpointSlice(
        metadata=slice_metadata,
        address_type="IPv6" if ":" in address else "IPv4",
        endpoints=[endpoint],
        ports=[SlicePort(name=_PORT, port=port, protocol="TCP")],
    )
    with acting(NAME):
        await _put(client, Endpoints(metadata=metadata, subsets=[subset]))
        await _put(client, endpoint_slice)


async def _put(client: Client, wanted: Endpoints | EndpointSlice) -> None:
    kind = type(wanted)
    try:
        present = await client.get(kind, OBJECT_NAME, namespace="default")
    except NotFound:
        await client.create(wanted)
        return
    if _content(present) != _content(wanted):
        await client.delete(kind, OBJECT_NAME, namespace="default")  # its type never changes
        await client.create(wanted)


def _content(obj: Kind) -> list[object]:
    """All but the metadata, which others may add to."""
    return [getattr(obj, name) for name in obj.__struct_fields__ if name != "metadata"]
