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
    max_surge: int | str | None = None


class DeploymentStrategy(Struct):
    """How Pods are replaced by new ones: RollingUpdate, or Recreate after all old ones ended."""

    type: str = ""
    rolling_update: RollingUpdateDeployment | None = None


class DeploymentSpec(Struct):
    """How many Pods there are to be, of what, and how they are replaced when that changes."""

    replicas: Int32 | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    strategy: Annotated[DeploymentStrategy, RetainKeys()] = msgspec.field(
        default_factory=DeploymentStrategy
    )
    min_ready_seconds: Int32 = 0
    revision_history_limit: Int32 | None = None
    paused: bool = False
    progress_deadline_seconds: Int32 | None = None


class DeploymentCondition(Struct):
    """One aspect of a Deployment's state: Available, Progressing or ReplicaFailure."""

    type: str
    status: str
    last_update_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class DeploymentStatus(Struct):
    """How many Pods there were when they were last counted."""

    observed_generation: Int64 = 0
    replicas: Int32 = 0
    updated_replicas: Int32 = 0
    ready_replicas: Int32 = 0
    available_replicas: Int32 = 0
    unavailable_replicas: Int32 = 0
    terminating_replicas: Int32 | None = None
    conditions: Annotated[list[DeploymentCondition], MergeKey("type")] = []
    collision_count: Int32 | None = None


class Deployment(Kind, group="apps", version="v1", short_names=("deploy",), categories=("all",)):
    """A number of equal Pods, and the way from one version of them to the next."""

    spec: DeploymentSpec = msgspec.field(default_factory=DeploymentSpec)
    status: DeploymentStatus = msgspec.field(default_factory=DeploymentStatus)


class ReplicaSetSpec(Struct):
    """How many Pods there are to be, which ones count, and how new ones are made."""

    replicas: Int32 | None = None
    min_ready_seconds: Int32 = 0
    selector: LabelSelector | None = None
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)


class ReplicaSetCondition(Struct):
    """One aspect of a ReplicaSet's state; `status` is True, False or Unknown."""

    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class ReplicaSetStatus(Struct):
    """How many Pods there were when they were last counted."""

    replicas: Int32 = msgspec.field(default_factory=int)
    fully_labeled_replicas: Int32 = 0
    ready_replicas: Int32 = 0
    available_replicas: Int32 = 0
    terminating_replicas: Int32 | None = None
    observed_generation: Int64 = 0
    conditions: Annotated[list[ReplicaSetCondition], MergeKey("type")] = []


class ReplicaSet(Kind, group="apps", version="v1", short_names=("rs",), categories=("all",)):
    """A number of equal Pods, of one version; Deployments make them."""

    spec: ReplicaSetSpec = msgspec.field(default_factory=ReplicaSetSpec)
    status: ReplicaSetStatus = msgspec.field(default_factory=ReplicaSetStatus)


class RollingUpdateStatefulSetStrategy(Struct):
    """Which Pods are replaced: those whose number is `partition` or more."""

    partition: Int32 | None = None
    max_unavailable: int | str | None = None


class StatefulSetUpdateStrategy(Struct):
    """How Pods are replaced by new ones: RollingUpdate, or OnDelete, when somebody deletes them."""

    type: str = ""
    rolling_update: RollingUpdateStatefulSetStrategy | None = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(Struct):
    """What becomes of the Pods' claims when the set is deleted or scaled down: Retain, Delete."""

    when_deleted: str = ""
    when_scaled: str = ""


class StatefulSetOrdinals(Struct):
    """The number of the first Pod."""

    start: Int32 = msgspec.field(default_factory=int)


class StatefulSetSpec(Struct):
    """How many Pods there are to be, of what, with which claims, and how they are replaced."""

    replicas: Int32 | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    volume_claim_templates: list[PersistentVolumeClaim] = []
    service_name: str = msgspec.field(default_factory=str)
    pod_management_policy: str = ""
    update_strategy: StatefulSetUpdateStrategy = msgspec.field(
        default_factory=StatefulSetUpdateStrategy
    )
    revision_history_limit: Int32 | None = None
    min_ready_seconds: Int32 = 0
    persistent_volume_claim_retention_policy: (
        StatefulSetPersistentVolumeClaimRetentionPolicy | None
    ) = None
    ordinals: StatefulSetOrdinals | None = None


class StatefulSetCondition(Struct):
    """One aspect of a StatefulSet's state; `status` is True, False or Unknown."""

    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class StatefulSetStatus(Struct):
    """How many Pods there were when they were last counted, and of which versions."""

    observed_generation: Int64 = 0
    replicas: Int32 = msgspec.field(default_factory=int)
    ready_replicas: Int32 = 0
    current_replicas: Int32 = 0
    updated_replicas: Int32 = 0
    current_revision: str = ""
    update_revision: str = ""
    collision_count: Int32 | None = None
    conditions: Annotated[list[StatefulSetCondition], MergeKey("type")] = []
    available_replicas: Int32 = msgspec.field(default_factory=int)


class StatefulSet(Kind, group="apps", version="v1", short_names=("sts",), categories=("all",)):
    """Pods with numbers, each with a name and storage that stay its own."""

    spec: StatefulSetSpec = msgspec.field(default_factory=StatefulSetSpec)
    status: StatefulSetStatus = msgspec.field(default_factory=StatefulSetStatus)


class RollingUpdateDaemonSet(Struct):
    """How many nodes may be without the Pod, or have two, while Pods are replaced: numbers, or
    percentages of the nodes."""

    max_unavailable: int | str | None = None
    max_surge: int | str | None = None


class DaemonSetUpdateStrategy(Struct):
    """How Pods are replaced by new ones: RollingUpdate, or OnDelete, when somebody deletes them."""

    type: str = ""
    rolling_update: RollingUpdateDaemonSet | None = None


class DaemonSetSpec(Struct):
    """The Pod that is to be on each node, and how it is replaced when it changes."""

    selector: LabelSelector | None = None
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    update_strategy: DaemonSetUpdateStrategy = msgspec.field(
        default_factory=DaemonSetUpdateStrategy
    )
    min_ready_seconds: Int32 = 0
    revision_history_limit: Int32 | None = None


class DaemonSetCondition(Struct):
    """One aspect of a DaemonSet's state; `status` is True, False or Unknown."""

    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class DaemonSetStatus(Struct):
    """On how many nodes the Pod is, and on how many it is to be."""

    current_number_scheduled: Int32 = msgspec.field(default_factory=int)
    number_misscheduled: Int32 = msgspec.field(default_factory=int)
    desired_number_scheduled: Int32 = msgspec.field(default_factory=int)
    number_ready: Int32 = msgspec.field(default_factory=int)
    observed_generation: Int64 = 0
    updated_number_scheduled: Int32 = 0
    number_available: Int32 = 0
    number_unavailable: Int32 = 0
    collision_count: Int32 | None = None
    conditions: Annotated[list[DaemonSetCondition], MergeKey("type")] = []


class DaemonSet(Kind, group="apps", version="v1", short_names=("ds",), categories=("all",)):
    """A Pod on each node, or on each of those that its template selects."""

    spec: DaemonSetSpec = msgspec.field(default_factory=DaemonSetSpec)
    status: DaemonSetStatus = msgspec.field(default_factory=DaemonSetStatus)
