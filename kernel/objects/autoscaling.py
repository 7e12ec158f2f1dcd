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
    """Its kind."""
    name: str = msgspec.field(default_factory=str)
    """Its name."""
    api_version: str = ""
    """The version of its kind."""


class MetricTarget(Struct):
    """The value that is aimed at; `type` is Utilization, Value or AverageValue."""

    type: str
    """What is compared. One of: AverageValue, Utilization, Value."""
    value: Quantity | None = None
    """The value of the metric."""
    average_value: Quantity | None = None
    """The value of the metric divided by the number of Pods."""
    average_utilization: Int32 | None = None
    """What is used in percent of what is requested, averaged over Pods."""


class MetricIdentifier(Struct):
    """A metric by name, and which of its series are meant."""

    name: str
    """Its name."""
    selector: LabelSelector | None = None
    """Labels of the series that are meant."""


class ObjectMetricSource(Struct):
    """A metric of some other object."""

    described_object: CrossVersionObjectReference
    """The object."""
    target: MetricTarget
    """What is aimed at."""
    metric: MetricIdentifier
    """The metric."""


class PodsMetricSource(Struct):
    """A metric of each Pod, averaged."""

    metric: MetricIdentifier
    """The metric."""
    target: MetricTarget
    """What is aimed at: an average value."""


class ResourceMetricSource(Struct):
    """A resource that Pods request, such as cpu."""

    name: str
    """The resource, such as cpu."""
    target: MetricTarget
    """What is aimed at."""


class ContainerResourceMetricSource(Struct):
    """A resource that one container of each Pod requests."""

    name: str
    """The resource, such as cpu."""
    target: MetricTarget
    """What is aimed at."""
    container: str
    """The name of the container."""


class ExternalMetricSource(Struct):
    """A metric from outside the cluster."""

    metric: MetricIdentifier
    """The metric."""
    target: MetricTarget
    """What is aimed at."""


class MetricSpec(Struct):
    """One metric to scale by: the source that `type` names is set."""

    type: str
    """Which of the sources it is. One of: ContainerResource, External, Object, Pods, Resource."""
    object: ObjectMetricSource | None = None
    """A metric of another object."""
    pods: PodsMetricSource | None = None
    """A metric of each Pod."""
    resource: ResourceMetricSource | None = None
    """A resource of the Pods."""
    container_resource: ContainerResourceMetricSource | None = None
    """A resource of one container of each Pod."""
    external: ExternalMetricSource | None = None
    """A metric from outside the cluster."""


class HPAScalingPolicy(Struct):
    """How much may change in how long: `value` Pods or percent in `period_seconds`."""

    type: str
    """What `value` counts. One of: Percent, Pods."""
    value: Int32
    """How much may change, above 0."""
    period_seconds: Int32
    """In how long, in seconds: 1800 at most."""


class HPAScalingRules(Struct):
    """How fast the number of Pods follows the load in one direction."""

    stabilization_window_seconds: Int32 | None = None
    """For how long past wishes are looked at, in seconds: 3600 at most."""
    select_policy: str | None = None
    """Which policy counts. One of: Disabled, Max, Min. Default: Max."""
    policies: Annotated[list[HPAScalingPolicy], Atomic()] = []
    """How much may change; at least one."""
    tolerance: Quantity | None = None
    """How far from its target a metric may be before anything changes."""


class HorizontalPodAutoscalerBehavior(Struct):
    """How fast the number of Pods follows the load."""

    scale_up: HPAScalingRules | None = None
    """How fast Pods are added."""
    scale_down: HPAScalingRules | None = None
    """How fast Pods are taken away."""


class HorizontalPodAutoscalerSpec(Struct):
    """What is scaled, between which bounds, and by which metrics."""

    scale_target_ref: CrossVersionObjectReference = msgspec.field(
        default_factory=CrossVersionObjectReference
    )
    """The object that is scaled."""
    min_replicas: Int32 | None = None
    """The fewest Pods. Default: 1."""
    max_replicas: Int32 = msgspec.field(default_factory=int)
    """The most Pods."""
    metrics: Annotated[list[MetricSpec], Atomic()] = []
    """What the number of Pods follows: the largest that any of these asks for."""
    behavior: HorizontalPodAutoscalerBehavior | None = None
    """How fast it follows."""


class MetricValueStatus(Struct):
    """What a metric is at."""

    value: Quantity | None = None
    """The value."""
    average_value: Quantity | None = None
    """The value divided by the number of Pods."""
    average_utilization: Int32 | None = None
    """What is used in percent of what is requested, averaged over Pods."""


class ObjectMetricStatus(Struct):
    """What a metric of another object is at."""

    metric: MetricIdentifier
    """The metric."""
    current: MetricValueStatus
    """What it is at."""
    described_object: CrossVersionObjectReference
    """The object."""


class PodsMetricStatus(Struct):
    """What a metric of each Pod is at."""

    metric: MetricIdentifier
    """The metric."""
    current: MetricValueStatus
    """What it is at."""


class ResourceMetricStatus(Struct):
    """How much of a resource is used."""

    name: str
    """The resource."""
    current: MetricValueStatus
    """What it is at."""


class ContainerResourceMetricStatus(Struct):
    """How much of a resource one container of each Pod uses."""

    name: str
    """The resource."""
    current: MetricValueStatus
    """What it is at."""
    container: str
    """The name of the container."""


class ExternalMetricStatus(Struct):
    """What a metric from outside the cluster is at."""

    metric: MetricIdentifier
    """The metric."""
    current: MetricValueStatus
    """What it is at."""


class MetricStatus(Struct):
    """What one metric is at: the source that `type` names is set."""

    type: str
    """Which of the sources it is. One of: ContainerResource, External, Object, Pods, Resource."""
    object: ObjectMetricStatus | None = None
    """A metric of another object."""
    pods: PodsMetricStatus | None = None
    """A metric of each Pod."""
    resource: ResourceMetricStatus | None = None
    """A resource of the Pods."""
    container_resource: ContainerResourceMetricStatus | None = None
    """A resource of one container of each Pod."""
    external: ExternalMetricStatus | None = None
    """A metric from outside the cluster."""


class HorizontalPodAutoscalerCondition(Struct):
    """One aspect of an autoscaler's state."""

    type: str
    """The aspect, such as AbleToScale."""
    status: str
    """Whether it holds. One of: False, True, Unknown."""
    last_transition_time: Time | None = None
    """When the status changed last."""
    reason: str = ""
    """Why, in a word."""
    message: str = ""
    """Why, for people."""


class HorizontalPodAutoscalerStatus(Struct):
    """How many Pods there are and are wanted, and why."""

    observed_generation: Int64 | None = None
    """The generation of the spec that this is about."""
    last_scale_time: Time | None = None
    """When the number of Pods was changed last."""
    current_replicas: Int32 = 0
    """How many Pods there are."""
    desired_replicas: Int32 = msgspec.field(default_factory=int)
    """How many there are to be."""
    current_metrics: Annotated[list[MetricStatus], Atomic()] = []
    """What the metrics are at."""
    conditions: Annotated[list[HorizontalPodAutoscalerCondition], MergeKey("type")] = []
    """Whether it can do its work."""


class HorizontalPodAutoscaler(
    Kind, group="autoscaling", version="v2", short_names=("hpa",), categories=("all",)
):
    """Keeps as many Pods of an object as its metrics ask for."""

    spec: HorizontalPodAutoscalerSpec = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    """What is wished for."""
    status: HorizontalPodAutoscalerStatus = msgspec.field(
        default_factory=HorizontalPodAutoscalerStatus
    )
    """How many Pods there are and are wanted."""
