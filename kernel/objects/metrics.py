"""What Pods and nodes use (metrics.k8s.io/v1beta1): measured when it is asked for, never stored."""

from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Time


class ContainerMetrics(Struct):
    """What one container uses: `cpu` in cores, `memory` as its working set in bytes."""

    name: str
    """Name of the container."""
    usage: dict[str, Quantity]
    """Its usage: cpu and memory."""


class PodMetrics(Kind, group="metrics.k8s.io", version="v1beta1", plural="pods"):
    """What a Pod's containers used at `timestamp`; of the processor, in the `window` before it
    (a duration such as `15s`)."""

    timestamp: Time
    """When the usage was measured."""
    window: str
    """Over how long it was measured, 10s say."""
    containers: list[ContainerMetrics]
    """Usage of each container."""


class NodeMetrics(
    Kind, group="metrics.k8s.io", version="v1beta1", plural="nodes", namespaced=False
):
    """The same of a whole node."""

    timestamp: Time
    """When the usage was measured."""
    window: str
    """Over how long it was measured, 10s say."""
    usage: dict[str, Quantity]
    """Usage of the whole node: cpu and memory."""
