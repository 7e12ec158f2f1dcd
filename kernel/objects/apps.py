"""The kinds that keep a number of Pods running (apps/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod_template import PodTemplateSpec
from kernel.objects.struct import MergeKey, RetainKeys, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class RollingUpdateDeployment(Struct):
    """How many Pods may be missing, and how many too many, while Pods are replaced: numbers, or
    percentages of `replicas`."""

    max_unavailable: int | str | None = None
    """How many Pods may be missing from `replicas` meanwhile: a number, or a percentage such as
    25%, rounded down. Not 0 if `maxSurge` is. Default: 25%."""
    max_surge: int | str | None = None
    """How many Pods there may be above `replicas` meanwhile: a number, or a percentage, rounded up.
    Not 0 if `maxUnavailable` is. Default: 25%."""


class DeploymentStrategy(Struct):
    """How Pods are replaced by new ones: RollingUpdate, or Recreate after all old ones ended."""

    type: str = ""
    """Whether new Pods come up as old ones go, or after all of them are gone. Default:
    RollingUpdate. One of: Recreate, RollingUpdate."""
    rolling_update: RollingUpdateDeployment | None = None
    """Limits of a rolling update; only with the type RollingUpdate."""


class DeploymentSpec(Struct):
    """How many Pods there are to be, of what, and how they are replaced when that changes."""

    replicas: Int32 | None = None
    """How many Pods there are to be. Default: 1."""
    selector: LabelSelector | None = None
    """Labels by which its Pods are known; must match the template's, and cannot be changed.
    Required."""
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    """What each Pod is made from. Its restartPolicy must be Always. Required."""
    strategy: Annotated[DeploymentStrategy, RetainKeys()] = msgspec.field(
        default_factory=DeploymentStrategy
    )
    """How Pods are replaced when the template changes."""
    min_ready_seconds: Int32 = 0
    """For how many seconds a new Pod must have been ready to count as available. Default: 0."""
    revision_history_limit: Int32 | None = None
    """How many old ReplicaSets are kept to roll back to. Default: 10."""
    paused: bool = False
    """Whether changes of the template wait until this is taken away."""
    progress_deadline_seconds: Int32 | None = None
    """After how many seconds without progress a rollout is reported as failed. Default: 600."""


class DeploymentCondition(Struct):
    """One aspect of a Deployment's state: Available, Progressing or ReplicaFailure."""

    type: str
    """Which aspect this is about: Available, Progressing or ReplicaFailure."""
    status: str
    """True, False or Unknown."""
    last_update_time: Time | None = None
    """When this condition was last written."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class DeploymentStatus(Struct):
    """How many Pods there were when they were last counted."""

    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    replicas: Int32 = 0
    """How many Pods there are that the selector matches and that are not ending."""
    updated_replicas: Int32 = 0
    """How many of them are made from the present template."""
    ready_replicas: Int32 = 0
    """How many of them are ready."""
    available_replicas: Int32 = 0
    """How many of them have been ready for `minReadySeconds`."""
    unavailable_replicas: Int32 = 0
    """How many Pods are still missing for the Deployment to be whole."""
    terminating_replicas: Int32 | None = None
    """How many Pods are ending."""
    conditions: Annotated[list[DeploymentCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""
    collision_count: Int32 | None = None
    """How often the name of a new ReplicaSet was taken; goes into the hash that names the next."""


class Deployment(
    Kind, group="apps", version="v1", short_names=("deploy",), categories=("all",), has_scale=True
):
    """A number of equal Pods, and the way from one version of them to the next."""

    spec: DeploymentSpec = msgspec.field(default_factory=DeploymentSpec)
    """What is wanted."""
    status: DeploymentStatus = msgspec.field(default_factory=DeploymentStatus)
    """What was last seen of it."""


class ReplicaSetSpec(Struct):
    """How many Pods there are to be, which ones count, and how new ones are made."""

    replicas: Int32 | None = None
    """How many Pods there are to be. Default: 1."""
    min_ready_seconds: Int32 = 0
    """For how many seconds a new Pod must have been ready to count as available. Default: 0."""
    selector: LabelSelector | None = None
    """Labels by which its Pods are known; must match the template's, and cannot be changed.
    Required."""
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    """What each Pod is made from."""


class ReplicaSetCondition(Struct):
    """One aspect of a ReplicaSet's state; `status` is True, False or Unknown."""

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


class ReplicaSetStatus(Struct):
    """How many Pods there were when they were last counted."""

    replicas: Int32 = msgspec.field(default_factory=int)
    """How many Pods there are that are not ending."""
    fully_labeled_replicas: Int32 = 0
    """How many of them have all labels of the template."""
    ready_replicas: Int32 = 0
    """How many of them are ready."""
    available_replicas: Int32 = 0
    """How many of them have been ready for `minReadySeconds`."""
    terminating_replicas: Int32 | None = None
    """How many Pods are ending."""
    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    conditions: Annotated[list[ReplicaSetCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""


class ReplicaSet(
    Kind, group="apps", version="v1", short_names=("rs",), categories=("all",), has_scale=True
):
    """A number of equal Pods, of one version; Deployments make them."""

    spec: ReplicaSetSpec = msgspec.field(default_factory=ReplicaSetSpec)
    """What is wanted."""
    status: ReplicaSetStatus = msgspec.field(default_factory=ReplicaSetStatus)
    """What was last seen of it."""


class RollingUpdateStatefulSetStrategy(Struct):
    """Which Pods are replaced: those whose number is `partition` or more."""

    partition: Int32 | None = None
    """The lowest number of the Pods that are replaced; those below stay as they are. Default: 0."""
    max_unavailable: int | str | None = None
    """How many Pods may be missing meanwhile: a number, or a percentage of `replicas`, rounded up.
    Default: 1."""


class StatefulSetUpdateStrategy(Struct):
    """How Pods are replaced by new ones: RollingUpdate, or OnDelete, when somebody deletes them."""

    type: str = ""
    """Whether Pods are replaced one after the other, or only as somebody deletes them. Default:
    RollingUpdate. One of: OnDelete, RollingUpdate."""
    rolling_update: RollingUpdateStatefulSetStrategy | None = None
    """Limits of a rolling update; only with the type RollingUpdate."""


class StatefulSetPersistentVolumeClaimRetentionPolicy(Struct):
    """What becomes of the Pods' claims when the set is deleted or scaled down: Retain, Delete."""

    when_deleted: str = ""
    """What becomes of the claims when the StatefulSet is deleted: Retain or Delete. Default:
    Retain."""
    when_scaled: str = ""
    """What becomes of the claims of Pods that a smaller `replicas` takes away: Retain or Delete.
    Default: Retain."""


class StatefulSetOrdinals(Struct):
    """The number of the first Pod."""

    start: Int32 = msgspec.field(default_factory=int)
    """The number of the first Pod; the others follow. Default: 0."""


class StatefulSetSpec(Struct):
    """How many Pods there are to be, of what, with which claims, and how they are replaced."""

    replicas: Int32 | None = None
    """How many Pods there are to be. Default: 1."""
    selector: LabelSelector | None = None
    """Labels by which its Pods are known; must match the template's, and cannot be changed.
    Required."""
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    """What each Pod is made from; each is named after the StatefulSet and its own number.
    Required."""
    volume_claim_templates: list[PersistentVolumeClaim] = []
    """Claims that are made for each Pod, and stay its own."""
    service_name: str = msgspec.field(default_factory=str)
    """Name of the Service, in the same namespace, that gives the Pods their DNS names."""
    pod_management_policy: str = ""
    """Whether Pods start and end one by one in their order, or all at once. Default: OrderedReady.
    One of: OrderedReady, Parallel."""
    update_strategy: StatefulSetUpdateStrategy = msgspec.field(
        default_factory=StatefulSetUpdateStrategy
    )
    """How Pods are replaced when the template changes."""
    revision_history_limit: Int32 | None = None
    """How many old revisions are kept to roll back to. Default: 10."""
    min_ready_seconds: Int32 = 0
    """For how many seconds a new Pod must have been ready to count as available. Default: 0."""
    persistent_volume_claim_retention_policy: (
        StatefulSetPersistentVolumeClaimRetentionPolicy | None
    ) = None
    """What becomes of claims that are not needed any more. Default: all are kept."""
    ordinals: StatefulSetOrdinals | None = None
    """How Pods are numbered. Default: from 0."""


class StatefulSetCondition(Struct):
    """One aspect of a StatefulSet's state; `status` is True, False or Unknown."""

    type: str
    """Which aspect this is about."""
    status: str
    """True, False or Unknown."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class StatefulSetStatus(Struct):
    """How many Pods there were when they were last counted, and of which versions."""

    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    replicas: Int32 = msgspec.field(default_factory=int)
    """How many Pods there are."""
    ready_replicas: Int32 = 0
    """How many of them are ready."""
    current_replicas: Int32 = 0
    """How many of them are of `currentRevision`."""
    updated_replicas: Int32 = 0
    """How many of them are of `updateRevision`."""
    current_revision: str = ""
    """The revision that Pods had before the rollout under way."""
    update_revision: str = ""
    """The revision that Pods have after it."""
    collision_count: Int32 | None = None
    """How often the name of a new revision was taken; goes into the hash that names the next."""
    conditions: Annotated[list[StatefulSetCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""
    available_replicas: Int32 = msgspec.field(default_factory=int)
    """How many Pods have been ready for `minReadySeconds`."""


class StatefulSet(
    Kind, group="apps", version="v1", short_names=("sts",), categories=("all",), has_scale=True
):
    """Pods with numbers, each with a name and storage that stay its own."""

    spec: StatefulSetSpec = msgspec.field(default_factory=StatefulSetSpec)
    """What is wanted."""
    status: StatefulSetStatus = msgspec.field(default_factory=StatefulSetStatus)
    """What was last seen of it."""


class RollingUpdateDaemonSet(Struct):
    """How many nodes may be without the Pod, or have two, while Pods are replaced: numbers, or
    percentages of the nodes."""

    max_unavailable: int | str | None = None
    """On how many nodes the Pod may be missing meanwhile: a number, or a percentage, rounded up.
    Not 0 if `maxSurge` is. Default: 1."""
    max_surge: int | str | None = None
    """On how many nodes there may be an old and a new Pod meanwhile: a number, or a percentage,
    rounded up. Default: 0."""


class DaemonSetUpdateStrategy(Struct):
    """How Pods are replaced by new ones: RollingUpdate, or OnDelete, when somebody deletes them."""

    type: str = ""
    """Whether Pods are replaced node by node, or only as somebody deletes them. Default:
    RollingUpdate. One of: OnDelete, RollingUpdate."""
    rolling_update: RollingUpdateDaemonSet | None = None
    """Limits of a rolling update; only with the type RollingUpdate."""


class DaemonSetSpec(Struct):
    """The Pod that is to be on each node, and how it is replaced when it changes."""

    selector: LabelSelector | None = None
    """Labels by which its Pods are known; must match the template's, and cannot be changed.
    Required."""
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    """What the Pod on each node is made from; its nodeSelector and tolerations say on which nodes.
    Required."""
    update_strategy: DaemonSetUpdateStrategy = msgspec.field(
        default_factory=DaemonSetUpdateStrategy
    )
    """How Pods are replaced when the template changes."""
    min_ready_seconds: Int32 = 0
    """For how many seconds a new Pod must have been ready to count as available. Default: 0."""
    revision_history_limit: Int32 | None = None
    """How many old revisions are kept to roll back to. Default: 10."""


class DaemonSetCondition(Struct):
    """One aspect of a DaemonSet's state; `status` is True, False or Unknown."""

    type: str
    """Which aspect this is about."""
    status: str
    """True, False or Unknown."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class DaemonSetStatus(Struct):
    """On how many nodes the Pod is, and on how many it is to be."""

    current_number_scheduled: Int32 = msgspec.field(default_factory=int)
    """How many nodes have the Pod and are to have it."""
    number_misscheduled: Int32 = msgspec.field(default_factory=int)
    """How many nodes have the Pod and are not to have it."""
    desired_number_scheduled: Int32 = msgspec.field(default_factory=int)
    """How many nodes are to have the Pod."""
    number_ready: Int32 = msgspec.field(default_factory=int)
    """How many nodes that are to have the Pod have one that is ready."""
    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    updated_number_scheduled: Int32 = 0
    """How many nodes have a Pod of the present template."""
    number_available: Int32 = 0
    """How many nodes have a Pod that has been ready for `minReadySeconds`."""
    number_unavailable: Int32 = 0
    """How many nodes that are to have an available Pod have none."""
    collision_count: Int32 | None = None
    """How often the name of a new revision was taken; goes into the hash that names the next."""
    conditions: Annotated[list[DaemonSetCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""


class DaemonSet(Kind, group="apps", version="v1", short_names=("ds",), categories=("all",)):
    """A Pod on each node, or on each of those that its template selects."""

    spec: DaemonSetSpec = msgspec.field(default_factory=DaemonSetSpec)
    """What is wanted."""
    status: DaemonSetStatus = msgspec.field(default_factory=DaemonSetStatus)
    """What was last seen of it."""
