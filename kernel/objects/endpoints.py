"""Endpoints (core/v1) and EndpointSlices (discovery.k8s.io/v1): who stands behind a Service."""

from typing import Annotated

from kernel.objects.event import ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.struct import Atomic, Struct
from kernel.objects.wire_types import Int32


class EndpointAddress(Struct, atomic=True):
    """One address that takes traffic, and the Pod that has it."""

    ip: str
    hostname: str = ""
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointPort(Struct, atomic=True):
    """A port of the addresses beside it."""

    name: str = ""
    port: Int32
    protocol: str = ""
    app_protocol: str | None = None


class EndpointSubset(Struct):
    """Addresses that all have the same ports."""

    addresses: list[EndpointAddress] = []
    not_ready_addresses: list[EndpointAddress] = []
    ports: list[EndpointPort] = []


class Endpoints(Kind, version="v1", plural="endpoints", short_names=("ep",)):
    """The addresses behind the Service of the same name, in one object."""

    subsets: list[EndpointSubset] = []


class EndpointConditions(Struct):
    """What an endpoint is good for at the moment; None is unknown."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForZone(Struct):
    """A zone whose clients are to use an endpoint."""

    name: str


class ForNode(Struct):
    """A node whose clients are to use an endpoint."""

    name: str


class EndpointHints(Struct):
    """Which clients are to use an endpoint."""

    for_zones: list[ForZone] = []
    for_nodes: list[ForNode] = []


class Endpoint(Struct):
    """One backend of a Service."""

    addresses: Annotated[list[str], Atomic()] = []
    conditions: EndpointConditions | None = None
    hostname: str | None = None
    target_ref: ObjectReference | None = None
    deprecated_topology: dict[str, str] = {}
    node_name: str | None = None
    zone: str | None = None
    hints: EndpointHints | None = None


class SlicePort(Struct, atomic=True):
    """A port of all endpoints of a slice; without a number it stands for all ports."""

    name: str | None = None
    protocol: str | None = None
    port: Int32 | None = None
    app_protocol: str | None = None


class EndpointSlice(Kind, group="discovery.k8s.io", version="v1"):
    """Some of the backends of a Service, which its label `kubernetes.io/service-name` names."""

    address_type: str = ""
    endpoints: list[Endpoint] = []
    ports: list[SlicePort] = []
