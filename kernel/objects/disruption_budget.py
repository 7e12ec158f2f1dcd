"""PodDisruptionBudgets (policy/v1): how many Pods may be evicted at once."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import Condition, LabelSelector
from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class PodDisruptionBudgetSpec(Struct):
    """How many of the selected Pods must be available, or may be missing: a number, or a
    percentage."""

    min_available: int | str | None = None
    """How many Pods must stay healthy: a number, or a percentage. Excludes `maxUnavailable`."""
    selector: LabelSelector | None = None
    """Labels of the Pods. Empty selects all of the namespace."""
    max_unavailable: int | str | None = None
    """How many Pods may be missing: a number, or a percentage. Excludes `minAvailable`."""
    unhealthy_pod_eviction_policy: str | None = None
    """When Pods that run but are not ready may be evicted: as long as the budget is met, or always.
    Default: IfHealthyBudget. One of: AlwaysAllow, IfHealthyBudget."""


class PodDisruptionBudgetStatus(Struct):
    """How many Pods there were when they were last counted, and how many may be evicted."""

    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    disrupted_pods: dict[str, Time] = {}
    """When each Pod whose eviction was granted, and that is not yet ending, was to be evicted, by
    its name."""
    disruptions_allowed: Int32 = msgspec.field(default_factory=int)
    """How many Pods may be evicted now."""
    current_healthy: Int32 = msgspec.field(default_factory=int)
    """How many Pods are healthy."""
    desired_healthy: Int32 = msgspec.field(default_factory=int)
    """How many Pods must be healthy."""
    expected_pods: Int32 = msgspec.field(default_factory=int)
    """How many Pods the budget counts."""
    conditions: Annotated[list[Condition], MergeKey("type")] = []
    """What is to be said of its state, by type."""


class PodDisruptionBudget(Kind, group="policy", version="v1", short_names=("pdb",)):
    """Keeps enough Pods of an application alive while nodes are emptied."""

    spec: PodDisruptionBudgetSpec = msgspec.field(default_factory=PodDisruptionBudgetSpec)
    """How many Pods must stay, and which they are."""
    status: PodDisruptionBudgetStatus = msgspec.field(default_factory=PodDisruptionBudgetStatus)
    """How many may go now."""
