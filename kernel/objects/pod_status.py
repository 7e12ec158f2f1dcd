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
    observed_generation: Int64 = 0
    status: str
    last_probe_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class HostIP(Struct):
    """An address of the node."""

    ip: str


class PodIP(Struct):
    """An address of the Pod."""

    ip: str


class ContainerStateWaiting(Struct):
    """The container is not running yet, or not again."""

    reason: str = ""
    message: str = ""


class ContainerStateRunning(Struct):
    """The container is running."""

    started_at: Time | None = None


class ContainerStateTerminated(Struct):
    """The container has ended. `signal` is 0 unless one ended it."""

    exit_code: Int32
    signal: Int32 = 0
    reason: str = ""
    message: str = ""
    started_at: Time | None = None
    finished_at: Time | None = None
    container_id: str = ""


class ContainerState(Struct):
    """Exactly one field is set; none means waiting."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class VolumeMountStatus(Struct):
    """A mount as it was made."""

    name: str
    mount_path: str
    read_only: bool = False
    recursive_read_only: str | None = None


class LinuxContainerUser(Struct):
    """The ids that a container's first process runs with."""

    uid: Int64 = msgspec.field(default_factory=int)
    gid: Int64 = msgspec.field(default_factory=int)
    supplemental_groups: list[Int64] = []


class ContainerUser(Struct):
    """Who a container's first process runs as."""

    linux: LinuxContainerUser | None = None


class ResourceHealth(Struct):
    """The health of one device."""

    resource_id: str
    health: str = ""
    message: str | None = None


class ResourceStatus(Struct):
    """The health of the devices of one resource."""

    name: str
    resources: list[ResourceHealth] = []


class ContainerStatus(Struct):
    """What is known of a container. `last_state` is how the run before this one ended."""

    name: str
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    last_state: ContainerState = msgspec.field(default_factory=ContainerState)
    ready: bool = msgspec.field(default_factory=bool)
    restart_count: Int32 = msgspec.field(default_factory=int)
    image: str = msgspec.field(default_factory=str)
    image_id: str = msgspec.field(default_factory=str)
    container_id: str = ""
    started: bool | None = None
    allocated_resources: dict[str, Quantity] = {}
    resources: ResourceRequirements | None = None
    volume_mounts: Annotated[list[VolumeMountStatus], MergeKey("mountPath")] = []
    user: ContainerUser | None = None
    allocated_resources_status: Annotated[list[ResourceStatus], MergeKey("name")] = []
    stop_signal: str | None = None


class PodResourceClaimStatus(Struct):
    """The claim that was made for an entry of `resourceClaims`."""

    name: str
    resource_claim_name: str | None = None


class ContainerExtendedResourceRequest(Struct):
    """Which request of a claim serves a container's extended resource."""

    container_name: str
    resource_name: str
    request_name: str


class PodExtendedResourceClaimStatus(Struct):
    """The claim made for extended resources that devices back."""

    request_mappings: list[ContainerExtendedResourceRequest] = []
    resource_claim_name: str


class PodStatus(Struct):
    """What is known of a Pod. `phase` is Pending, Running, Succeeded, Failed or Unknown."""

    observed_generation: Int64 = 0
    phase: str = ""
    conditions: Annotated[list[PodCondition], MergeKey("type")] = []
    message: str = ""
    reason: str = ""
    nominated_node_name: str = ""
    host_ip: str = ""
    host_ips: Annotated[list[HostIP], MergeKey("ip"), Atomic()] = []
    pod_ip: str = ""
    pod_ips: Annotated[list[PodIP], MergeKey("ip")] = []
    start_time: Time | None = None
    init_container_statuses: list[ContainerStatus] = []
    container_statuses: list[ContainerStatus] = []
    qos_class: str = ""
    ephemeral_container_statuses: list[ContainerStatus] = []
    resize: str = ""
    resource_claim_statuses: Annotated[
        list[PodResourceClaimStatus], MergeKey("name", retain_keys=True)
    ] = []
    extended_resource_claim_status: PodExtendedResourceClaimStatus | None = None
    allocated_resources: dict[str, Quantity] = {}
    resources: ResourceRequirements | None = None
