"""HorizontalPodAutoscalers (autoscaling/v2): as many Pods as the load asks for."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class CrossVersionObjectReference(Struct, atomic=True):
    """An object of the same namespace; its version may change."""

    kind: str = msgspec.field(default_factory=str)
    name: str = msgspec.field(default_factory=str)
    api_version: str = ""


class MetricTarget(Struct):
    """The value that is aimed at; `type` is Utilization, Value or AverageValue."""

    type: str
    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: Int32 | None = None


class MetricIdentifier(Struct):
    """A metric by name, and which of its series are meant."""

    name: str
    selector: LabelSelector | None = None


class ObjectMetricSource(Struct):
    """A metric of some other object."""

    described_object: CrossVersionObjectReference
    target: MetricTarget
    metric: MetricIdentifier


class PodsMetricSource(Struct):
    """A metric of each Pod, averaged."""

    metric: MetricIdentifier
    target: MetricTarget


class ResourceMetricSource(Struct):
    """A resource that Pods request, such as cpu."""

    name: str
    target: MetricTarget


class ContainerResourceMetricSource(Struct):
    """A resource that one container of each Pod requests."""

    name: str
    target: MetricTarget
    container: str


class ExternalMetricSource(Struct):
    """A metric from outside the cluster."""

    metric: MetricIdentifier
    target: MetricTarget


class MetricSpec(Struct):
    """One metric to scale by: the source that `type` names is set."""

    type: str
    object: ObjectMetricSource | None = None
    pods: PodsMetricSource | None = None
    resource: ResourceMetricSource | None = None
    container_resource: ContainerResourceMetricSource | None = None
    external: ExternalMetricSource | None = None


class HPAScalingPolicy(Struct):
    """How much may change in how long: `value` Pods or percent in `period_seconds`."""

    type: str
    value: Int32
    period_seconds: Int32


class HPAScalingRules(Struct):
    """How fast the number of Pods follows the load in one direction."""

    stabilization_window_seconds: Int32 | None = None
    select_policy: str | None = None
    policies: Annotated[list[HPAScalingPolicy], Atomic()] = []
    tolerance: Quantity | None = None


class HorizontalPodAutoscalerBehavior(Struct):
    """How fast the number of Pods follows the load."""

    scale_up: HPAScalingRules | None = None
    scale_down: HPAScalingRules | None = None


class HorizontalPodAutoscalerSpec(Struct):
    """What is scaled, between which bounds, and by which metrics."""

    scale_target_ref: CrossVersionObjectReference = msgspec.field(
        default_factory=CrossVersionObjectReference
    )
    min_replicas: Int32 | None = None
    max_replicas: Int32 = msgspec.field(default_factory=int)
    metrics: Annotated[list[MetricSpec], Atomic()] = []
    behavior: HorizontalPodAutoscalerBehavior | None = None


class MetricValueStatus(Struct):
    """What a metric is at."""

    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: Int32 | None = None


class ObjectMetricStatus(Struct):
    """What a metric of another object is at."""

    metric: MetricIdentifier
    current: MetricValueStatus
    described_object: CrossVersionObjectReference


class PodsMetricStatus(Struct):
    """What a metric of each Pod is at."""

    metric: MetricIdentifier
    current: MetricValueStatus


class ResourceMetricStatus(Struct):
    """How much of a resource is used."""

    name: str
    current: MetricValueStatus


class ContainerResourceMetricStatus(Struct):
    """How much of a resource one container of each Pod uses."""

    name: str
    current: MetricValueStatus
    container: str


class ExternalMetricStatus(Struct):
    """What a metric from outside the cluster is at."""

    metric: MetricIdentifier
    current: MetricValueStatus


class MetricStatus(Struct):
    """What one metric is at: the source that `type` names is set."""

    type: str
    object: ObjectMetricStatus | None = None
    pods: PodsMetricStatus | None = None
    resource: ResourceMetricStatus | None = None
    container_resource: ContainerResourceMetricStatus | None = None
    external: ExternalMetricStatus | None = None


class HorizontalPodAutoscalerCondition(Struct):
    """One aspect of an autoscaler's state."""

    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class HorizontalPodAutoscalerStatus(Struct):
    """How many Pods there are and are wanted, and why."""

    observed_generation: Int64 | None = None
    last_scale_time: Time | None = None
    current_replicas: Int32 = 0
    desired_replicas: Int32 = msgspec.field(default_factory=int)
    current_metrics: Annotated[list[MetricStatus], Atomic()] = []
    conditions: Annotated[list[HorizontalPodAutoscalerCondition], MergeKey("type")] = []


class HorizontalPodAutoscaler(
    Kind, group="autoscaling", version="v2", short_names=("hpa",), categories=("all",)
):
    """Keeps as many Pods of an object as its metrics ask for."""

    spec: HorizontalPodAutoscalerSpec = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    status: HorizontalPodAutoscalerStatus = msgspec.field(
        default_factory=HorizontalPodAutoscalerStatus
    )
