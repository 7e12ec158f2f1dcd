"""RuntimeClasses (node.k8s.io/v1): ways of running Pods that a runtime is configured for."""

from typing import Annotated

from kernel.objects.affinity import Toleration
from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, Struct


class Overhead(Struct):
    """What a Pod takes for itself, beside what its containers ask for."""

    pod_fixed: dict[str, Quantity] = {}
    """What each Pod needs beside, by resource."""


class Scheduling(Struct):
    """Which nodes can run such Pods; it is added to what the Pods say."""

    node_selector: Annotated[dict[str, str], Atomic()] = {}
    """Labels that a node must have; added to the Pod's own."""
    tolerations: list[Toleration] = []
    """Added to the Pod's own."""


class RuntimeClass(Kind, group="node.k8s.io", version="v1", namespaced=False):
    """A name for a handler: what the runtime's own configuration calls a way of running Pods."""

    handler: str = ""
    """Name of the runtime's configuration that Pods run with; cannot be changed. Required."""
    overhead: Overhead | None = None
    """What Pods need beside their containers."""
    scheduling: Scheduling | None = None
    """Which nodes have the handler."""
