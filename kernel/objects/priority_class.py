"""PriorityClasses (scheduling.k8s.io/v1): names for how important Pods are."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.wire_types import Int32

SYSTEM_PREFIX = "system-"
SYSTEM_CLASSES = {
    "system-cluster-critical": (
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another"
        " node if necessary.",
    ),
    "system-node-critical": (
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
}
"""Value and description of the classes that every cluster has."""


class PriorityClass(
    Kind,
    group="scheduling.k8s.io",
    version="v1",
    plural="priorityclasses",
    namespaced=False,
    short_names=("pc",),
):
    """A name for a priority: the higher, the sooner a Pod is placed, and the later displaced."""

    value: Int32 = msgspec.field(default_factory=int)
    """The priority: an integer, 1000000000 at most for classes other than the system's."""
    global_default: bool = False
    """Whether Pods that name no class are of this one. Default: false."""
    description: str = ""
    """When to use it."""
    preemption_policy: str | None = None
    """Whether its Pods may displace others. One of: Never, PreemptLowerPriority. Default:
    PreemptLowerPriority."""
