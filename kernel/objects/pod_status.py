"""What is known of a Pod while it lives (core/v1): written by the node agent alone."""

from typing import Annotated

import msgspec

from kernel.objects.container import ResourceRequirements
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class PodCondition(Struct):
    """One aspect of a Pod's progress: PodScheduled, Initialized, ContainersReady, Ready."""

    type: str
    """Which aspect this is about: PodScheduled, Initialized, ContainersReady, Ready,
    DisruptionTarget or one of the Pod's gates."""
    observed_generation: Int64 = 0
    """The `metadata.generation` that it was made for."""
    status: str
    """True, False or Unknown."""
    last_probe_time: Time | None = None
    """When it was last looked at."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class HostIP(Struct):
    """An address of the node."""

    ip: str
    """The address."""


class PodIP(Struct):
    """An address of the Pod."""

    ip: str
    """The address."""


class ContainerStateWaiting(Struct):
    """The container is not running yet, or not again."""

    reason: str = ""
    """What it waits for, as one word: ContainerCreating, ImagePullBackOff, CrashLoopBackOff and so
    on."""
    message: str = ""
    """What it waits for, as a sentence for people."""


class ContainerStateRunning(Struct):
    """The container is running."""

    started_at: Time | None = None
    """When it was last started."""


class ContainerStateTerminated(Struct):
    """The container has ended. `signal` is 0 unless one ended it."""

    exit_code: Int32
    """Its exit code; 128 and the signal's number where a signal ended it."""
    signal: Int32 = 0
    """Number of the signal that ended it."""
    reason: str = ""
    """Completed, Error, OOMKilled, ContainerCannotRun and so on."""
    message: str = ""
    """What it left as its last words, or why it could not run."""
    started_at: Time | None = None
    """When it was started."""
    finished_at: Time | None = None
    """When it ended."""
    container_id: str = ""
    """Id of the ended container, containerd://… say."""


class ContainerState(Struct):
    """Exactly one field is set; none means waiting."""

    waiting: ContainerStateWaiting | None = None
    """It is not started, or not yet again."""
    running: ContainerStateRunning | None = None
    """It runs."""
    terminated: ContainerStateTerminated | None = None
    """It has ended."""


class VolumeMountStatus(Struct):
    """A mount as it was made."""

    name: str
    """Name of the volume."""
    mount_path: str
    """Where it appears in the container."""
    read_only: bool = False
    """Whether the container cannot write to it."""
    recursive_read_only: str | None = None
    """Whether mounts inside are read-only too: Disabled or Enabled."""


class LinuxContainerUser(Struct):
    """The ids that a container's first process runs with."""

    uid: Int64 = msgspec.field(default_factory=int)
    """Number of the user that the first process was started as."""
    gid: Int64 = msgspec.field(default_factory=int)
    """Number of its primary group."""
    supplemental_groups: list[Int64] = []
    """Numbers of its other groups."""


class ContainerUser(Struct):
    """Who a container's first process runs as."""

    linux: LinuxContainerUser | None = None
    """The user on Linux."""


class ResourceHealth(Struct):
    """The health of one device."""

    resource_id: str
    """Id of the device."""
    health: str = ""
    """Healthy, Unhealthy or Unknown."""
    message: str | None = None
    """What is wrong, for people."""


class ResourceStatus(Struct):
    """The health of the devices of one resource."""

    name: str
    """Name of the resource."""
    resources: list[ResourceHealth] = []
    """Health of each device."""


class ContainerStatus(Struct):
    """What is known of a container. `last_state` is how the run before this one ended."""

    name: str
    """Name of the container."""
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    """What it does now."""
    last_state: ContainerState = msgspec.field(default_factory=ContainerState)
    """How it ended last, if it was restarted."""
    ready: bool = msgspec.field(default_factory=bool)
    """Whether it gets traffic: started, and its readiness probe succeeds."""
    restart_count: Int32 = msgspec.field(default_factory=int)
    """How often it was restarted."""
    image: str = msgspec.field(default_factory=str)
    """Name of the image that it runs."""
    image_id: str = msgspec.field(default_factory=str)
    """Digest of that image."""
    container_id: str = ""
    """Id of the container, containerd://… say."""
    started: bool | None = None
    """Whether it has started: its postStart hook is done, and its startup probe has succeeded."""
    allocated_resources: dict[str, Quantity] = {}
    """What the node has set aside for it."""
    resources: ResourceRequirements | None = None
    """The requests and limits that hold now."""
    volume_mounts: Annotated[list[VolumeMountStatus], MergeKey("mountPath")] = []
    """Where volumes appear in it."""
    user: ContainerUser | None = None
    """Who its first process was started as."""
    allocated_resources_status: Annotated[list[ResourceStatus], MergeKey("name")] = []
    """Health of the devices given to it."""
    stop_signal: str | None = None
    """The signal that tells it to stop."""


class PodResourceClaimStatus(Struct):
    """The claim that was made for an entry of `resourceClaims`."""

    name: str
    """Name of the claim in the Pod."""
    resource_claim_name: str | None = None
    """Name of the ResourceClaim that was made for it."""


class ContainerExtendedResourceRequest(Struct):
    """Which request of a claim serves a container's extended resource."""

    container_name: str
    """Name of the container."""
    resource_name: str
    """Name of the resource."""
    request_name: str
    """The request of the claim that stands for it."""


class PodExtendedResourceClaimStatus(Struct):
    """The claim made for extended resources that devices back."""

    request_mappings: list[ContainerExtendedResourceRequest] = []
    """Which request of the claim stands for which resource of a container. Required."""
    resource_claim_name: str
    """Name of the ResourceClaim that was made for the Pod."""


class PodStatus(Struct):
    """What is known of a Pod. `phase` is Pending, Running, Succeeded, Failed or Unknown."""

    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    phase: str = ""
    """Where the Pod is in its life: not all started, running, or ended well or badly. One of:
    Failed, Pending, Running, Succeeded, Unknown."""
    conditions: Annotated[list[PodCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""
    message: str = ""
    """Why it is in this state, for people."""
    reason: str = ""
    """Why it is in this state, as one word: Evicted, DeadlineExceeded and so on."""
    nominated_node_name: str = ""
    """Node on which room is being made for it."""
    host_ip: str = ""
    """Address of its node."""
    host_ips: Annotated[list[HostIP], MergeKey("ip"), Atomic()] = []
    """Addresses of its node, one a family."""
    pod_ip: str = ""
    """Address of the Pod."""
    pod_ips: Annotated[list[PodIP], MergeKey("ip")] = []
    """Addresses of the Pod, one a family."""
    start_time: Time | None = None
    """When the node agent first took it up."""
    init_container_statuses: list[ContainerStatus] = []
    """State of each init container, in their order."""
    container_statuses: list[ContainerStatus] = []
    """State of each container."""
    qos_class: str = ""
    """How early it is ended when memory is short, by its requests and limits. One of: BestEffort,
    Burstable, Guaranteed."""
    ephemeral_container_statuses: list[ContainerStatus] = []
    """State of each ephemeral container."""
    resize: str = ""
    """How a change of its resources goes on: Proposed, InProgress, Deferred or Infeasible."""
    resource_claim_statuses: Annotated[
        list[PodResourceClaimStatus], MergeKey("name", retain_keys=True)
    ] = []
    """Claims that were made for it."""
    extended_resource_claim_status: PodExtendedResourceClaimStatus | None = None
    """The claim that stands for its extended resources."""
    allocated_resources: dict[str, Quantity] = {}
    """What the node has set aside for the whole Pod."""
    resources: ResourceRequirements | None = None
    """The requests and limits that hold for the whole Pod now."""
