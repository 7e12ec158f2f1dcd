"""RuntimeClasses (node.k8s.io/v1): ways of running Pods that a runtime is configured for."""

from typing import Annotated

from kernel.objects.affinity import Toleration
from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, Struct


class Overhead(Struct):
    """What a Pod takes for itself, beside what its containers ask for."""

    pod_fixed: dict[str, Quantity] = {}


class Scheduling(Struct):
    """Which nodes can run such Pods; it is added to what the Pods say."""

    node_selector: Annotated[dict[str, str], Atomic()] = {}
    tolerations: list[Toleration] = []


class RuntimeClass(Kind, group="node.k8s.io", version="v1", namespaced=False):
    """A name for a handler: what the runtime's own configuration calls a way of running Pods."""

    handler: str = ""
    overhead: Overhead | None = None
    scheduling: Scheduling | None = None
