"""Nodes (core/v1): the machines that Pods run on."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class Taint(Struct):
    """Keeps Pods that do not tolerate it off the node: NoSchedule, PreferNoSchedule, NoExecute."""

    key: str
    value: str = ""
    effect: str
    time_added: Time | None = None


class ConfigMapNodeConfigSource(Struct):
    """A ConfigMap that held a kubelet's configuration (no longer used)."""

    namespace: str
    name: str
    uid: str = ""
    resource_version: str = ""
    kubelet_config_key: str


class NodeConfigSource(Struct):
    """Where a kubelet's configuration came from (no longer used)."""

    config_map: ConfigMapNodeConfigSource | None = None


class NodeConfigStatus(Struct):
    """Which of the configurations was in use (no longer used)."""

    assigned: NodeConfigSource | None = None
    active: NodeConfigSource | None = None
    last_known_good: NodeConfigSource | None = None
    error: str = ""


class NodeSpec(Struct):
    """What is wanted of a node."""

    pod_cidr: str = ""
    pod_cidrs: Annotated[list[str], MergeKey()] = []
    provider_id: str = ""
    unschedulable: bool = False
    taints: list[Taint] = []
    config_source: NodeConfigSource | None = None
    external_id: str = ""


class NodeCondition(Struct):
    """One aspect of a node's health: Ready, MemoryPressure, DiskPressure, PIDPressure."""

    type: str
    status: str
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class NodeAddress(Struct):
    """An address of the node: InternalIP, ExternalIP, Hostname."""

    type: str
    address: str


class DaemonEndpoint(Struct):
    """A port of a daemon; its wire name is `Port`, with a capital."""

    port: Int32 = msgspec.field(name="Port", default_factory=int)


class NodeDaemonEndpoints(Struct):
    """Where the node's daemons listen."""

    kubelet_endpoint: DaemonEndpoint = msgspec.field(default_factory=DaemonEndpoint)


class NodeSwapStatus(Struct):
    """The node's swap space, in bytes."""

    capacity: Int64 | None = None


class NodeSystemInfo(Struct):
    """What the node is and runs; every field is always on the wire."""

    machine_id: str = msgspec.field(default_factory=str)
    system_uuid: str = msgspec.field(default_factory=str)
    boot_id: str = msgspec.field(default_factory=str)
    kernel_version: str = msgspec.field(default_factory=str)
    os_image: str = msgspec.field(default_factory=str)
    container_runtime_version: str = msgspec.field(default_factory=str)
    kubelet_version: str = msgspec.field(default_factory=str)
    kube_proxy_version: str = msgspec.field(default_factory=str)
    operating_system: str = msgspec.field(default_factory=str)
    architecture: str = msgspec.field(default_factory=str)
    swap: NodeSwapStatus | None = None


class ContainerImage(Struct):
    """An image on the node, with all its names."""

    names: list[str] = []
    size_bytes: Int64 = 0


class AttachedVolume(Struct):
    """A volume attached to the node."""

    name: str
    device_path: str = msgspec.field(default_factory=str)


class NodeRuntimeHandlerFeatures(Struct):
    """What one runtime handler can do."""

    recursive_read_only_mounts: bool | None = None
    user_namespaces: bool | None = None


class NodeRuntimeHandler(Struct):
    """One handler of the node's runtime; the default one has no name."""

    name: str
    features: NodeRuntimeHandlerFeatures | None = None


class NodeFeatures(Struct):
    """What the node's runtime can do as a whole."""

    supplemental_groups_policy: bool | None = None


class NodeStatus(Struct):
    """What is known of a node. Pods may ask for `allocatable`, not for `capacity`."""

    capacity: dict[str, Quantity] = {}
    allocatable: dict[str, Quantity] = {}
    phase: str = ""
    conditions: Annotated[list[NodeCondition], MergeKey("type")] = []
    addresses: Annotated[list[NodeAddress], MergeKey("type")] = []
    daemon_endpoints: NodeDaemonEndpoints = msgspec.field(default_factory=NodeDaemonEndpoints)
    node_info: NodeSystemInfo = msgspec.field(default_factory=NodeSystemInfo)
    images: list[ContainerImage] = []
    volumes_in_use: list[str] = []
    volumes_attached: list[AttachedVolume] = []
    config: NodeConfigStatus | None = None
    runtime_handlers: list[NodeRuntimeHandler] = []
    features: NodeFeatures | None = None
    declared_features: list[str] = []


class Node(Kind, version="v1", short_names=("no",), namespaced=False):
    """A machine that runs Pods."""

    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)
