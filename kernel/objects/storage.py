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
    values: list[str] = []


class TopologySelectorTerm(Struct, atomic=True):
    """Labels that nodes must have, all of them."""

    match_label_expressions: list[TopologySelectorLabelRequirement] = []


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
    parameters: dict[str, str] = {}
    reclaim_policy: str | None = None
    mount_options: list[str] = []
    allow_volume_expansion: bool | None = None
    volume_binding_mode: str | None = None
    allowed_topologies: Annotated[list[TopologySelectorTerm], Atomic()] = []


class VolumeAttachmentSource(Struct):
    """What is to be attached: a PersistentVolume, or a volume that stands here itself."""

    persistent_volume_name: str | None = None
    inline_volume_spec: PersistentVolumeSpec | None = None


class VolumeAttachmentSpec(Struct):
    """Which volume is to be attached to which node, and by whom."""

    attacher: str = msgspec.field(default_factory=str)
    source: VolumeAttachmentSource = msgspec.field(default_factory=VolumeAttachmentSource)
    node_name: str = msgspec.field(default_factory=str)


class VolumeError(Struct):
    """Why attaching or detaching has failed, and when."""

    time: Time | None = None
    message: str = ""
    error_code: Int32 | None = None


class VolumeAttachmentStatus(Struct):
    """How far the attaching has come."""

    attached: bool = msgspec.field(default_factory=bool)
    attachment_metadata: dict[str, str] = {}
    attach_error: VolumeError | None = None
    detach_error: VolumeError | None = None


class VolumeAttachment(Kind, group=_GROUP, version="v1", namespaced=False):
    """The wish that a volume be attached to a node."""

    spec: VolumeAttachmentSpec = msgspec.field(default_factory=VolumeAttachmentSpec)
    status: VolumeAttachmentStatus = msgspec.field(default_factory=VolumeAttachmentStatus)


class DriverTokenRequest(Struct):
    """A token of a Pod's ServiceAccount that a driver wants."""

    audience: str = msgspec.field(default_factory=str)
    expiration_seconds: Int64 | None = None


class CSIDriverSpec(Struct):
    """What a driver can do, and wants."""

    attach_required: bool | None = None
    pod_info_on_mount: bool | None = None
    volume_lifecycle_modes: Annotated[list[str], MergeKey()] = []
    storage_capacity: bool | None = None
    fs_group_policy: str | None = None
    token_requests: Annotated[list[DriverTokenRequest], Atomic()] = []
    requires_republish: bool | None = None
    se_linux_mount: bool | None = None
    node_allocatable_update_period_seconds: Int64 | None = None
    service_account_token_in_secrets: bool | None = None


class CSIDriver(Kind, group=_GROUP, version="v1", namespaced=False):
    """A driver that is deployed in the cluster."""

    spec: CSIDriverSpec = msgspec.field(default_factory=CSIDriverSpec)


class VolumeNodeResources(Struct):
    """How many volumes a driver can have on a node."""

    count: Int32 | None = None


class CSINodeDriver(Struct):
    """A driver as one node has it."""

    name: str
    node_id: str
    topology_keys: list[str] = []
    allocatable: VolumeNodeResources | None = None


class CSINodeSpec(Struct):
    """The drivers of one node."""

    drivers: Annotated[list[CSINodeDriver], MergeKey("name")] = []


class CSINode(Kind, group=_GROUP, version="v1", namespaced=False):
    """What the drivers of the node of the same name are and can do."""

    spec: CSINodeSpec = msgspec.field(default_factory=CSINodeSpec)


class CSIStorageCapacity(Kind, group=_GROUP, version="v1", plural="csistoragecapacities"):
    """How much storage of a class there is in one part of the cluster."""

    node_topology: LabelSelector | None = None
    storage_class_name: str = msgspec.field(default_factory=str)
    capacity: Quantity | None = None
    maximum_volume_size: Quantity | None = None
