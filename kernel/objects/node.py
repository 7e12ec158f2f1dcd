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
    """Key of the taint."""
    value: str = ""
    """Its value; may be empty."""
    effect: str
    """What happens to Pods that do not tolerate it: not put here, rather not put here, or evicted.
    One of: NoExecute, NoSchedule, PreferNoSchedule."""
    time_added: Time | None = None
    """When it was put on; set for NoExecute."""


class ConfigMapNodeConfigSource(Struct):
    """A ConfigMap that held a kubelet's configuration (no longer used)."""

    namespace: str
    """Namespace of the ConfigMap."""
    name: str
    """Name of the ConfigMap."""
    uid: str = ""
    """Its uid; only in status."""
    resource_version: str = ""
    """Its revision; only in status."""
    kubelet_config_key: str
    """Key of the configuration in it."""


class NodeConfigSource(Struct):
    """Where a kubelet's configuration came from (no longer used)."""

    config_map: ConfigMapNodeConfigSource | None = None
    """A ConfigMap with the configuration."""


class NodeConfigStatus(Struct):
    """Which of the configurations was in use (no longer used)."""

    assigned: NodeConfigSource | None = None
    """The configuration that the node is to use."""
    active: NodeConfigSource | None = None
    """The configuration that it uses."""
    last_known_good: NodeConfigSource | None = None
    """The configuration that it falls back to."""
    error: str = ""
    """What was wrong with the assigned one."""


class NodeSpec(Struct):
    """What is wanted of a node."""

    pod_cidr: str = ""
    """Addresses of the node's Pods, 10.88.0.0/24 say."""
    pod_cidrs: Annotated[list[str], MergeKey()] = []
    """The same, one a family of addresses."""
    provider_id: str = ""
    """Name of the machine at its provider."""
    unschedulable: bool = False
    """Whether new Pods are kept off (`kubectl cordon`). Default: false."""
    taints: list[Taint] = []
    """What keeps off Pods that do not tolerate it."""
    config_source: NodeConfigSource | None = None
    """Not used any more."""
    external_id: str = ""
    """Not used any more."""


class NodeCondition(Struct):
    """One aspect of a node's health: Ready, MemoryPressure, DiskPressure, PIDPressure."""

    type: str
    """Which aspect this is about: Ready, MemoryPressure, DiskPressure, PIDPressure or
    NetworkUnavailable."""
    status: str
    """True, False or Unknown."""
    last_heartbeat_time: Time | None = None
    """When it was last written."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class NodeAddress(Struct):
    """An address of the node: InternalIP, ExternalIP, Hostname."""

    type: str
    """Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS."""
    address: str
    """The address or name."""


class DaemonEndpoint(Struct):
    """A port of a daemon; its wire name is `Port`, with a capital."""

    port: Int32 = msgspec.field(name="Port", default_factory=int)
    """The port."""


class NodeDaemonEndpoints(Struct):
    """Where the node's daemons listen."""

    kubelet_endpoint: DaemonEndpoint = msgspec.field(default_factory=DaemonEndpoint)
    """Where the node agent is reached."""


class NodeSwapStatus(Struct):
    """The node's swap space, in bytes."""

    capacity: Int64 | None = None
    """Bytes of swap."""


class NodeSystemInfo(Struct):
    """What the node is and runs; every field is always on the wire."""

    machine_id: str = msgspec.field(default_factory=str)
    """The machine's id (/etc/machine-id)."""
    system_uuid: str = msgspec.field(default_factory=str)
    """The machine's id by its firmware."""
    boot_id: str = msgspec.field(default_factory=str)
    """Id of the present boot."""
    kernel_version: str = msgspec.field(default_factory=str)
    """Version of the operating system's kernel."""
    os_image: str = msgspec.field(default_factory=str)
    """Name of the operating system."""
    container_runtime_version: str = msgspec.field(default_factory=str)
    """Name and version of the runtime, containerd://2.0.0 say."""
    kubelet_version: str = msgspec.field(default_factory=str)
    """Version of the node agent."""
    kube_proxy_version: str = msgspec.field(default_factory=str)
    """Not used any more."""
    operating_system: str = msgspec.field(default_factory=str)
    """linux."""
    architecture: str = msgspec.field(default_factory=str)
    """Kind of processor, amd64 say."""
    swap: NodeSwapStatus | None = None
    """What there is of swap."""


class ContainerImage(Struct):
    """An image on the node, with all its names."""

    names: list[str] = []
    """Names of the image, by tag and digest."""
    size_bytes: Int64 = 0
    """Its size in bytes."""


class AttachedVolume(Struct):
    """A volume attached to the node."""

    name: str
    """Name of the volume."""
    device_path: str = msgspec.field(default_factory=str)
    """Path of its device."""


class NodeRuntimeHandlerFeatures(Struct):
    """What one runtime handler can do."""

    recursive_read_only_mounts: bool | None = None
    """Whether mounts can be read-only to their depths."""
    user_namespaces: bool | None = None
    """Whether Pods can have users of their own."""


class NodeRuntimeHandler(Struct):
    """One handler of the node's runtime; the default one has no name."""

    name: str
    """Name of the handler; empty for the default one."""
    features: NodeRuntimeHandlerFeatures | None = None
    """What it can do."""


class NodeFeatures(Struct):
    """What the node's runtime can do as a whole."""

    supplemental_groups_policy: bool | None = None
    """Whether Pods' `supplementalGroupsPolicy` is followed."""


class NodeStatus(Struct):
    """What is known of a node. Pods may ask for `allocatable`, not for `capacity`."""

    capacity: dict[str, Quantity] = {}
    """What there is of each resource."""
    allocatable: dict[str, Quantity] = {}
    """What of it Pods may have."""
    phase: str = ""
    """Not used any more. One of: Pending, Running, Terminated."""
    conditions: Annotated[list[NodeCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""
    addresses: Annotated[list[NodeAddress], MergeKey("type")] = []
    """How the node is reached."""
    daemon_endpoints: NodeDaemonEndpoints = msgspec.field(default_factory=NodeDaemonEndpoints)
    """Ports of its daemons."""
    node_info: NodeSystemInfo = msgspec.field(default_factory=NodeSystemInfo)
    """What machine and software it is."""
    images: list[ContainerImage] = []
    """The largest images that it has."""
    volumes_in_use: list[str] = []
    """Attachable volumes that are mounted."""
    volumes_attached: list[AttachedVolume] = []
    """Volumes that are attached to it."""
    config: NodeConfigStatus | None = None
    """Not used any more."""
    runtime_handlers: list[NodeRuntimeHandler] = []
    """What the runtime's handlers can do."""
    features: NodeFeatures | None = None
    """What the runtime can do with any handler."""
    declared_features: list[str] = []
    """Names of features that the node has."""


class Node(Kind, version="v1", short_names=("no",), namespaced=False):
    """A machine that runs Pods."""

    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    """How the node is to be used."""
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)
    """What the node says of itself."""
