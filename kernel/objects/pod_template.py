"""Templates of Pods, and the oldest kind that makes Pods of one (core/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import PodSpec
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class PodTemplateSpec(Struct):
    """What Pods are made of: the labels and annotations that they get, and their spec."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: PodSpec = msgspec.field(default_factory=PodSpec)


class PodTemplate(Kind, version="v1"):
    """A template of Pods that is stored by itself."""

    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)


class ReplicationControllerSpec(Struct):
    """How many Pods there are to be, which ones count, and how new ones are made."""

    replicas: Int32 | None = None
    min_ready_seconds: Int32 = 0
    selector: Annotated[dict[str, str], Atomic()] = {}
    template: PodTemplateSpec | None = None


class ReplicationControllerCondition(Struct):
    """One aspect of a controller's state; `status` is True, False or Unknown."""

    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class ReplicationControllerStatus(Struct):
    """How many Pods there were when they were last counted."""

    replicas: Int32 = msgspec.field(default_factory=int)
    fully_labeled_replicas: Int32 = 0
    ready_replicas: Int32 = 0
    available_replicas: Int32 = 0
    observed_generation: Int64 = 0
    conditions: Annotated[list[ReplicationControllerCondition], MergeKey("type")] = []


class ReplicationController(Kind, version="v1", short_names=("rc",), categories=("all",)):
    """A number of equal Pods; Deployments have taken its place."""

    spec: ReplicationControllerSpec = msgspec.field(default_factory=ReplicationControllerSpec)
    status: ReplicationControllerStatus = msgspec.field(default_factory=ReplicationControllerStatus)
