"""EndpointSlices (discovery.k8s.io/v1): who stands behind a Service, in as many objects as it
takes."""

from typing import Annotated

from kernel.objects.event import ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.struct import Atomic, Struct
from kernel.objects.wire_types import Int32


class EndpointConditions(Struct):
    """What an endpoint is good for at the moment; None is unknown."""

    ready: bool | None = None
    """Whether it takes traffic."""
    serving: bool | None = None
    """Whether it could take traffic, also while it is ending."""
    terminating: bool | None = None
    """Whether it is ending."""


class ForZone(Struct):
    """A zone whose clients are to use an endpoint."""

    name: str
    """The name of the zone."""


class ForNode(Struct):
    """A node whose clients are to use an endpoint."""

    name: str
    """The name of the node."""


class EndpointHints(Struct):
    """Which clients are to use an endpoint."""

    for_zones: list[ForZone] = []
    """The zones whose clients are to use it."""
    for_nodes: list[ForNode] = []
    """The nodes whose clients are to use it."""


class Endpoint(Struct):
    """One backend of a Service."""

    addresses: Annotated[list[str], Atomic()] = []
    """Its addresses, all of the slice's type; clients use the first. Required."""
    conditions: EndpointConditions | None = None
    """What it is good for."""
    hostname: str | None = None
    """The name that it has below that of the Service."""
    target_ref: ObjectReference | None = None
    """The object behind it, most often a Pod."""
    deprecated_topology: dict[str, str] = {}
    """Where it is, as the old version v1beta1 had it."""
    node_name: str | None = None
    """The node that it is on."""
    zone: str | None = None
    """The zone that it is in."""
    hints: EndpointHints | None = None
    """Which clients are to use it."""


class SlicePort(Struct, atomic=True):
    """A port of all endpoints of a slice; without a number it stands for all ports."""

    name: str | None = None
    """Its name, that of the Service's port. Default: none."""
    protocol: str | None = None
    """How it is spoken to. One of: SCTP, TCP, UDP. Default: TCP."""
    port: Int32 | None = None
    """Its number; without one, all ports."""
    app_protocol: str | None = None
    """What is spoken on it, such as http."""


class EndpointSlice(Kind, group="discovery.k8s.io", version="v1"):
    """Some of the backends of a Service, which its label `kubernetes.io/service-name` names."""

    address_type: str = ""
    """What addresses there are. One of: FQDN, IPv4, IPv6. Required."""
    endpoints: list[Endpoint] = []
    """The backends, 1000 at most."""
    ports: list[SlicePort] = []
    """The ports of each backend, 100 at most."""
