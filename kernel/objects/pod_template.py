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
    """Labels and annotations of each Pod."""
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    """What is to run in each Pod."""


class PodTemplate(Kind, version="v1"):
    """A template of Pods that is stored by itself."""

    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    """What Pods are made from."""


class ReplicationControllerSpec(Struct):
    """How many Pods there are to be, which ones count, and how new ones are made."""

    replicas: Int32 | None = None
    """How many Pods there are to be. Default: 1."""
    min_ready_seconds: Int32 = 0
    """For how many seconds a new Pod must have been ready to count as available. Default: 0."""
    selector: Annotated[dict[str, str], Atomic()] = {}
    """Labels by which its Pods are known. Default: the template's."""
    template: PodTemplateSpec | None = None
    """What each Pod is made from."""


class ReplicationControllerCondition(Struct):
    """One aspect of a controller's state; `status` is True, False or Unknown."""

    type: str
    """Which aspect this is about, ReplicaFailure say."""
    status: str
    """True, False or Unknown."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class ReplicationControllerStatus(Struct):
    """How many Pods there were when they were last counted."""

    replicas: Int32 = msgspec.field(default_factory=int)
    """How many Pods there are."""
    fully_labeled_replicas: Int32 = 0
    """How many of them have all labels of the template."""
    ready_replicas: Int32 = 0
    """How many of them are ready."""
    available_replicas: Int32 = 0
    """How many of them have been ready for `minReadySeconds`."""
    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    conditions: Annotated[list[ReplicationControllerCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""


class ReplicationController(
    Kind, version="v1", short_names=("rc",), categories=("all",), has_scale=True
):
    """A number of equal Pods; Deployments have taken its place."""

    spec: ReplicationControllerSpec = msgspec.field(default_factory=ReplicationControllerSpec)
    """What is wanted."""
    status: ReplicationControllerStatus = msgspec.field(default_factory=ReplicationControllerStatus)
    """What was last seen of it."""
