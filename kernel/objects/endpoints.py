"""Endpoints (core/v1): who stands behind a Service, in one object."""

from kernel.objects.event import ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32


class EndpointAddress(Struct, atomic=True):
    """One address that takes traffic, and the Pod that has it."""

    ip: str
    """The address."""
    hostname: str = ""
    """The name that the address has below that of the Service."""
    node_name: str | None = None
    """The node that has the address."""
    target_ref: ObjectReference | None = None
    """The object that has the address, most often a Pod."""


class EndpointPort(Struct, atomic=True):
    """A port of the addresses beside it."""

    name: str = ""
    """Its name, that of the Service's port; may be left out where it is the only one."""
    port: Int32
    """Its number."""
    protocol: str = ""
    """How it is spoken to. One of: SCTP, TCP, UDP. Default: TCP."""
    app_protocol: str | None = None
    """What is spoken on it, such as http."""


class EndpointSubset(Struct):
    """Addresses that all have the same ports."""

    addresses: list[EndpointAddress] = []
    """Those that take traffic."""
    not_ready_addresses: list[EndpointAddress] = []
    """Those that take none for now."""
    ports: list[EndpointPort] = []
    """The ports of each of the addresses."""


class Endpoints(Kind, version="v1", plural="endpoints", short_names=("ep",)):
    """The addresses behind the Service of the same name, in one object."""

    subsets: list[EndpointSubset] = []
    """The addresses, grouped by the ports that they have."""
