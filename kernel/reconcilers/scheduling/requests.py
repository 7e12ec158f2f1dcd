"""Pure: what a Pod asks of a node, in numbers, and what a node has to give.

Two Pods that ask for the same have equal `Requirements`, whatever else they are: so a verdict on
one of them holds for all of them.
"""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from kernel.objects.affinity import NodeSelectorTerm, PreferredSchedulingTerm, Toleration
from kernel.objects.container import Container
from kernel.objects.node import Node, Taint
from kernel.objects.pod import Pod, PodSpec
from kernel.objects.quantity import to_integer, to_milli

# What a container that asks for nothing counts as when nodes are compared (Kubernetes'
# DefaultMilliCPURequest and DefaultMemoryRequest); never when it is decided whether it fits.
UNSTATED_CPU_MILLI = 100
UNSTATED_MEMORY_BYTES = 200 * 1024 * 1024

ANY_ADDRESS = "0.0.0.0"

_to_milli = lru_cache(4096)(to_milli)
_to_integer = lru_cache(4096)(to_integer)


class HostPort(NamedTuple):
    """A port of the node itself."""

    address: str
    protocol: str
    port: int


class Amounts(NamedTuple):
    """Amounts of resources. `others` are all but cpu and memory, sorted by name."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    others: tuple[tuple[str, int], ...] = ()


class Requirements(msgspec.Struct, frozen=True, cache_hash=True):
    """What a Pod asks for. `stated` decides whether it fits; `weighed` (with a minimum for each
    container) how full a node is. `wishes` is a `Wishes` as JSON, so that all of this can be
    compared and hashed."""

    stated: Amounts = Amounts()
    weighed: Amounts = Amounts()
    ports: tuple[HostPort, ...] = ()
    wishes: bytes = b"{}"


class Wishes(msgspec.Struct):
    """The parts of a Pod's spec that are matched against a node's labels and taints.

    `required` None is "no condition"; otherwise one of its terms must hold.
    """

    selector: dict[str, str] = {}
    required: list[NodeSelectorTerm] | None = None
    preferred: list[PreferredSchedulingTerm] = []
    tolerations: list[Toleration] = []


class NodeFacts(msgspec.Struct, frozen=True):
    """What scheduling needs to know of a node: nothing that a heartbeat changes."""

    name: str
    labels: dict[str, str]
    taints: list[Taint]
    unschedulable: bool
    allocatable: Amounts
    pods_max: int


_wishes_encoder = msgspec.json.Encoder(order="deterministic")
_wishes_decoder = msgspec.json.Decoder(Wishes)


def node_facts(node: Node) -> NodeFacts:
    """The facts of a Node object."""
    allocatable = node.status.allocatable
    others = {
        name: _to_integer(amount)
        for name, amount in allocatable.items()
        if name not in ("cpu", "memory", "pods")
    }
    return NodeFacts(
        name=node.metadata.name,
        labels=node.metadata.labels,
        taints=node.spec.taints,
        unschedulable=node.spec.unschedulable,
        allocatable=Amounts(
            _to_milli(allocatable.get("cpu", "0")),
            _to_integer(allocatable.get("memory", "0")),
            tuple(sorted(others.items())),
        ),
        pods_max=_to_integer(allocatable.get("pods", "0")),
    )


def requirements(pod: Pod) -> Requirements:
    """What a Pod asks for."""
    spec = pod.spec
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    preferred = affinity.preferred_during_scheduling_ignored_during_execution if affinity else []
    wishes = Wishes(
        selector=spec.node_selector,
        required=required.node_selector_terms if required is not None else None,
        preferred=preferred,
        tolerations=spec.tolerations,
    )
    return Requirements(
        stated=_requests(spec),
        weighed=_requests(spec, weighed=True),
        ports=_host_ports(spec),
        wishes=_wishes_encoder.encode(wishes),
    )


@lru_cache(4096)
def parse_wishes(wishes: bytes) -> Wishes:
    """The `wishes` of `Requirements` as structs again; shared, not to be changed."""
    return _wishes_decoder.decode(wishes)


def _host_ports(spec: PodSpec) -> tuple[HostPort, ...]:
    """The ports of containers that run for the Pod's whole life."""
    sidecars = [one for one in spec.init_containers if one.restart_policy == "Always"]
    return tuple(
        HostPort(port.host_ip or ANY_ADDRESS, port.protocol or "TCP", port.host_port)
        for container in (*spec.containers, *sidecars)
        for port in container.ports
        if port.host_port
    )


def _requests(spec: PodSpec, *, weighed: bool = False) -> Amounts:
    """What a Pod needs at the most demanding moment of its life, as Kubernetes counts it.

    Sidecars (init containers that restart always) run from their turn on, so each later init
    container comes on top of them; the containers proper come on top of all of them. Overhead
    is added to the whole.
    """
    running: dict[str, int] = {}
    for container in spec.containers:
        _add(running, _container_requests(container, weighed))
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in spec.init_containers:
        asked = _container_requests(container, weighed)
        if container.restart_policy == "Always":
            _add(running, asked)
            _add(sidecars, asked)
            moment = dict(sidecars)
        else:
            moment = dict(sidecars)
            _add(moment, asked)
        _raise_to(peak, moment)
    _raise_to(running, peak)
    if spec.resources is not None:  # requests of the Pod as a whole take the containers' place
        running |= _parsed(spec.resources.requests)
    _add(running, _parsed(spec.overhead))
    cpu_milli, memory_bytes = running.pop("cpu", 0), running.pop("memory", 0)
    others = tuple(sorted((name, amount) for name, amount in running.items() if amount))
    return Amounts(cpu_milli, memory_bytes, others)


def _container_requests(container: Container, weighed: bool) -> dict[str, int]:
    asked = _parsed(container.resources.requests)
    if weighed:
        asked.setdefault("cpu", UNSTATED_CPU_MILLI)
        asked.setdefault("memory", UNSTATED_MEMORY_BYTES)
    return asked


def _parsed(quantities: dict[str, str]) -> dict[str, int]:
    return {
        name: _to_milli(amount) if name == "cpu" else _to_integer(amount)
        for name, amount in quantities.items()
    }


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _raise_to(total: dict[str, int], least: dict[str, int]) -> None:
    for name, amount in least.items():
        total[name] = max(total.get(name, 0), amount)
