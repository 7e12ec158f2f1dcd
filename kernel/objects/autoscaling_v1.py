"""HorizontalPodAutoscalers as autoscaling/v1 has them: the stored ones of v2, by cpu alone."""

import msgspec

from kernel.objects.autoscaling import CrossVersionObjectReference
from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Int64, Time


class HorizontalPodAutoscalerSpec(Struct):
    """What is scaled, between which bounds, and by how much cpu."""

    scale_target_ref: CrossVersionObjectReference = msgspec.field(
        default_factory=CrossVersionObjectReference
    )
    """The object that is scaled."""
    min_replicas: Int32 | None = None
    """The fewest Pods. Default: 1."""
    max_replicas: Int32 = msgspec.field(default_factory=int)
    """The most Pods."""
    target_cpu_utilization_percentage: Int32 | None = None
    """The cpu that is to be used, in percent of what is requested. Default: 80."""


class HorizontalPodAutoscalerStatus(Struct):
    """How many Pods there are and are wanted, and how much cpu they use."""

    observed_generation: Int64 | None = None
    """The generation of the spec that this is about."""
    last_scale_time: Time | None = None
    """When the number of Pods was changed last."""
    current_replicas: Int32 = msgspec.field(default_factory=int)
    """How many Pods there are."""
    desired_replicas: Int32 = msgspec.field(default_factory=int)
    """How many there are to be."""
    current_cpu_utilization_percentage: Int32 | None = None
    """The cpu that is used, in percent of what is requested."""


class HorizontalPodAutoscaler(
    Kind, group="autoscaling", version="v1", short_names=("hpa",), categories=("all",)
):
    """Keeps as many Pods of an object as their cpu asks for."""

    spec: HorizontalPodAutoscalerSpec = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    """What is wished for."""
    status: HorizontalPodAutoscalerStatus = msgspec.field(
        default_factory=HorizontalPodAutoscalerStatus
    )
    """How many Pods there are and are wanted."""
