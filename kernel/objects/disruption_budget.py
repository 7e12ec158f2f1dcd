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
    selector: LabelSelector | None = None
    max_unavailable: int | str | None = None
    unhealthy_pod_eviction_policy: str | None = None


class PodDisruptionBudgetStatus(Struct):
    """How many Pods there were when they were last counted, and how many may be evicted."""

    observed_generation: Int64 = 0
    disrupted_pods: dict[str, Time] = {}
    disruptions_allowed: Int32 = msgspec.field(default_factory=int)
    current_healthy: Int32 = msgspec.field(default_factory=int)
    desired_healthy: Int32 = msgspec.field(default_factory=int)
    expected_pods: Int32 = msgspec.field(default_factory=int)
    conditions: Annotated[list[Condition], MergeKey("type")] = []


class PodDisruptionBudget(Kind, group="policy", version="v1", short_names=("pdb",)):
    """Keeps enough Pods of an application alive while nodes are emptied."""

    spec: PodDisruptionBudgetSpec = msgspec.field(default_factory=PodDisruptionBudgetSpec)
    status: PodDisruptionBudgetStatus = msgspec.field(default_factory=PodDisruptionBudgetStatus)
