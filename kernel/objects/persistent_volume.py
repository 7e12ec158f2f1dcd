"""PersistentVolumes (core/v1): storage that there is, for claims to be bound to."""

import msgspec

from kernel.objects.affinity import NodeSelector
from kernel.objects.event import ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Struct
from kernel.objects.volume import (
    ForeignVolumeSource,
    HostPathVolumeSource,
    NFSVolumeSource,
)
from kernel.objects.wire_types import Time


class SecretReference(Struct, atomic=True):
    """A Secret of any namespace."""

    name: str = ""
    """Its name."""
    namespace: str = ""
    """The namespace that it is in."""


class LocalVolumeSource(Struct):
    """A disk or directory of one node."""

    path: str
    """The path on the node: a directory, or a disk."""
    fs_type: str | None = None
    """The file system to make on a disk that has none."""


class CSIPersistentVolumeSource(Struct):
    """A volume that a CSI driver keeps."""

    driver: str
    """The name of the driver."""
    volume_handle: str
    """What the driver calls the volume."""
    read_only: bool = False
    """Whether nobody may write to it. Default: false."""
    fs_type: str = ""
    """The file system to mount it with."""
    volume_attributes: dict[str, str] = {}
    """What else the driver knows of the volume."""
    controller_publish_secret_ref: SecretReference | None = None
    """What the driver attaches and detaches it with."""
    node_stage_secret_ref: SecretReference | None = None
    """What the driver prepares it with on a node."""
    node_publish_secret_ref: SecretReference | None = None
    """What the driver mounts it with on a node."""
    controller_expand_secret_ref: SecretReference | None = None
    """What the driver makes it larger with."""
    node_expand_secret_ref: SecretReference | None = None
    """What the driver makes it larger with on a node."""


class VolumeNodeAffinity(Struct):
    """The nodes from which a volume can be reached."""

    required: NodeSelector | None = None
    """What a node must be like for Pods on it to reach the volume."""


class PersistentVolumeSpec(Struct):
    """What a volume is, and who may have it: exactly one of the sources is set."""

    capacity: dict[str, Quantity] = {}
    """How large it is: an amount of `storage`."""
    access_modes: list[str] = []
    """How it can be used. One of: ReadOnlyMany, ReadWriteMany, ReadWriteOnce, ReadWriteOncePod."""
    claim_ref: ObjectReference | None = None
    """The claim that it is bound to, or kept for."""
    persistent_volume_reclaim_policy: str = ""
    """What becomes of it when its claim is gone. One of: Delete, Recycle, Retain. Default:
    Retain."""
    storage_class_name: str = ""
    """The class that it is of; empty for none."""
    mount_options: list[str] = []
    """Options to mount it with."""
    volume_mode: str | None = None
    """Whether Pods get a file system or the bare device. One of: Block, Filesystem. Default:
    Filesystem."""
    node_affinity: VolumeNodeAffinity | None = None
    """The nodes from which it can be reached."""
    volume_attributes_class_name: str | None = None
    """The class of its attributes."""
    host_path: HostPathVolumeSource | None = None
    """A file or directory of the node."""
    nfs: NFSVolumeSource | None = None
    """A directory that an NFS server exports."""
    local: LocalVolumeSource | None = None
    """A disk or directory of one node."""
    csi: CSIPersistentVolumeSource | None = None
    """A volume of a CSI driver."""
    aws_elastic_block_store: ForeignVolumeSource | None = None
    """A disk of Amazon's cloud."""
    azure_disk: ForeignVolumeSource | None = None
    """A disk of Microsoft's cloud."""
    azure_file: ForeignVolumeSource | None = None
    """A share of Microsoft's cloud."""
    cephfs: ForeignVolumeSource | None = None
    """A directory of a Ceph cluster."""
    cinder: ForeignVolumeSource | None = None
    """A disk of OpenStack."""
    fc: ForeignVolumeSource | None = None
    """A disk on a Fibre Channel network."""
    flex_volume: ForeignVolumeSource | None = None
    """A volume of a driver that is a program on the node."""
    flocker: ForeignVolumeSource | None = None
    """A volume of Flocker."""
    gce_persistent_disk: ForeignVolumeSource | None = None
    """A disk of Google's cloud."""
    glusterfs: ForeignVolumeSource | None = None
    """A volume of a Gluster cluster."""
    iscsi: ForeignVolumeSource | None = None
    """A disk that is reached over iSCSI."""
    photon_persistent_disk: ForeignVolumeSource | None = None
    """A disk of Photon."""
    portworx_volume: ForeignVolumeSource | None = None
    """A volume of Portworx."""
    quobyte: ForeignVolumeSource | None = None
    """A volume of Quobyte."""
    rbd: ForeignVolumeSource | None = None
    """A block device of a Ceph cluster."""
    scale_io: ForeignVolumeSource | None = None
    """A volume of ScaleIO."""
    storageos: ForeignVolumeSource | None = None
    """A volume of StorageOS."""
    vsphere_volume: ForeignVolumeSource | None = None
    """A disk of vSphere."""


class PersistentVolumeStatus(Struct):
    """`phase` is Pending, Available, Bound, Released or Failed."""

    phase: str = ""
    """How far it has come. One of: Available, Bound, Failed, Pending, Released."""
    message: str = ""
    """What went wrong, for people."""
    reason: str = ""
    """What went wrong, in a word."""
    last_phase_transition_time: Time | None = None
    """When the phase changed last."""


class PersistentVolume(Kind, version="v1", namespaced=False, short_names=("pv",)):
    """A piece of storage that outlives Pods and claims."""

    spec: PersistentVolumeSpec = msgspec.field(default_factory=PersistentVolumeSpec)
    """What it is."""
    status: PersistentVolumeStatus = msgspec.field(default_factory=PersistentVolumeStatus)
    """How far it has come."""
