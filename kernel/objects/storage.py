"""Classes of storage, and the drivers behind them (storage.k8s.io/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.persistent_volume import PersistentVolumeSpec
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time

_GROUP = "storage.k8s.io"


class TopologySelectorLabelRequirement(Struct):
    """A label of nodes, and the values that it may have."""

    key: str
    """The label."""
    values: list[str] = []
    """The values that it may have; one of them must be there."""


class TopologySelectorTerm(Struct, atomic=True):
    """Labels that nodes must have, all of them."""

    match_label_expressions: list[TopologySelectorLabelRequirement] = []
    """Requirements on labels; all must hold."""


class StorageClass(
    Kind,
    group=_GROUP,
    version="v1",
    plural="storageclasses",
    namespaced=False,
    short_names=("sc",),
):
    """A kind of storage that claims can ask for by name."""

    provisioner: str = msgspec.field(default_factory=str)
    """Who makes volumes of the class."""
    parameters: dict[str, str] = {}
    """What whoever makes volumes is to know."""
    reclaim_policy: str | None = None
    """What becomes of its volumes when their claims are gone. One of: Delete, Retain. Default:
    Delete."""
    mount_options: list[str] = []
    """Options to mount its volumes with."""
    allow_volume_expansion: bool | None = None
    """Whether its volumes may be made larger."""
    volume_binding_mode: str | None = None
    """When volumes are bound and made. One of: Immediate, WaitForFirstConsumer. Default:
    Immediate."""
    allowed_topologies: Annotated[list[TopologySelectorTerm], Atomic()] = []
    """Where volumes may be made; empty for everywhere."""


class VolumeAttachmentSource(Struct):
    """What is to be attached: a PersistentVolume, or a volume that stands here itself."""

    persistent_volume_name: str | None = None
    """The name of the PersistentVolume."""
    inline_volume_spec: PersistentVolumeSpec | None = None
    """The volume itself."""


class VolumeAttachmentSpec(Struct):
    """Which volume is to be attached to which node, and by whom."""

    attacher: str = msgspec.field(default_factory=str)
    """The name of the driver that is to attach it."""
    source: VolumeAttachmentSource = msgspec.field(default_factory=VolumeAttachmentSource)
    """The volume. Required."""
    node_name: str = msgspec.field(default_factory=str)
    """The node."""


class VolumeError(Struct):
    """Why attaching or detaching has failed, and when."""

    time: Time | None = None
    """When it happened."""
    message: str = ""
    """What went wrong, for people."""
    error_code: Int32 | None = None
    """The driver's gRPC code."""


class VolumeAttachmentStatus(Struct):
    """How far the attaching has come."""

    attached: bool = msgspec.field(default_factory=bool)
    """Whether it is attached."""
    attachment_metadata: dict[str, str] = {}
    """What the driver says of the attached volume."""
    attach_error: VolumeError | None = None
    """Why the last attaching failed."""
    detach_error: VolumeError | None = None
    """Why the last detaching failed."""


class VolumeAttachment(Kind, group=_GROUP, version="v1", namespaced=False):
    """The wish that a volume be attached to a node."""

    spec: VolumeAttachmentSpec = msgspec.field(default_factory=VolumeAttachmentSpec)
    """What is wished for. Required."""
    status: VolumeAttachmentStatus = msgspec.field(default_factory=VolumeAttachmentStatus)
    """How far it has come."""


class DriverTokenRequest(Struct):
    """A token of a Pod's ServiceAccount that a driver wants."""

    audience: str = msgspec.field(default_factory=str)
    """Whom the token is for; empty for the API server."""
    expiration_seconds: Int64 | None = None
    """How long it lives, in seconds: 600 at least."""


class CSIDriverSpec(Struct):
    """What a driver can do, and wants."""

    attach_required: bool | None = None
    """Whether its volumes have to be attached to a node first. Default: true."""
    pod_info_on_mount: bool | None = None
    """Whether it is told the Pod that a volume is mounted for. Default: false."""
    volume_lifecycle_modes: Annotated[list[str], MergeKey()] = []
    """Which volumes it has. One of: Ephemeral, Persistent. Default: Persistent."""
    storage_capacity: bool | None = None
    """Whether it tells how much storage there is. Default: false."""
    fs_group_policy: str | None = None
    """Whether volumes can be given to a group of users. One of: File, None,
    ReadWriteOnceWithFSType. Default: ReadWriteOnceWithFSType."""
    token_requests: Annotated[list[DriverTokenRequest], Atomic()] = []
    """Tokens of the Pod's ServiceAccount that it is given."""
    requires_republish: bool | None = None
    """Whether it is called again and again, to renew volumes. Default: false."""
    se_linux_mount: bool | None = None
    """Whether volumes can be mounted with a SELinux context. Default: false."""
    node_allocatable_update_period_seconds: Int64 | None = None
    """How often it is asked how many volumes a node can have, in seconds."""
    service_account_token_in_secrets: bool | None = None
    """Whether tokens are given to it as secrets."""


class CSIDriver(Kind, group=_GROUP, version="v1", namespaced=False):
    """A driver that is deployed in the cluster."""

    spec: CSIDriverSpec = msgspec.field(default_factory=CSIDriverSpec)
    """What it can do, and wants. Required."""


class VolumeNodeResources(Struct):
    """How many volumes a driver can have on a node."""

    count: Int32 | None = None
    """The most volumes at once."""


class CSINodeDriver(Struct):
    """A driver as one node has it."""

    name: str
    """The name of the driver."""
    node_id: str
    """What the driver calls the node."""
    topology_keys: list[str] = []
    """Labels by which the driver tells nodes apart."""
    allocatable: VolumeNodeResources | None = None
    """How much it can have there."""


class CSINodeSpec(Struct):
    """The drivers of one node."""

    drivers: Annotated[list[CSINodeDriver], MergeKey("name")] = []
    """The drivers that are there. Required."""


class CSINode(Kind, group=_GROUP, version="v1", namespaced=False):
    """What the drivers of the node of the same name are and can do."""

    spec: CSINodeSpec = msgspec.field(default_factory=CSINodeSpec)
    """The drivers of the node. Required."""


class CSIStorageCapacity(Kind, group=_GROUP, version="v1", plural="csistoragecapacities"):
    """How much storage of a class there is in one part of the cluster."""

    node_topology: LabelSelector | None = None
    """The nodes that can reach the storage."""
    storage_class_name: str = msgspec.field(default_factory=str)
    """The class that it is of."""
    capacity: Quantity | None = None
    """How much there is."""
    maximum_volume_size: Quantity | None = None
    """How large one volume can be."""
