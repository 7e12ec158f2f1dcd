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
    namespace: str = ""


class LocalVolumeSource(Struct):
    """A disk or directory of one node."""

    path: str
    fs_type: str | None = None


class CSIPersistentVolumeSource(Struct):
    """A volume that a CSI driver keeps."""

    driver: str
    volume_handle: str
    read_only: bool = False
    fs_type: str = ""
    volume_attributes: dict[str, str] = {}
    controller_publish_secret_ref: SecretReference | None = None
    node_stage_secret_ref: SecretReference | None = None
    node_publish_secret_ref: SecretReference | None = None
    controller_expand_secret_ref: SecretReference | None = None
    node_expand_secret_ref: SecretReference | None = None


class VolumeNodeAffinity(Struct):
    """The nodes from which a volume can be reached."""

    required: NodeSelector | None = None


class PersistentVolumeSpec(Struct):
    """What a volume is, and who may have it: exactly one of the sources is set."""

    capacity: dict[str, Quantity] = {}
    access_modes: list[str] = []
    claim_ref: ObjectReference | None = None
    persistent_volume_reclaim_policy: str = ""
    storage_class_name: str = ""
    mount_options: list[str] = []
    volume_mode: str | None = None
    node_affinity: VolumeNodeAffinity | None = None
    volume_attributes_class_name: str | None = None
    host_path: HostPathVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    local: LocalVolumeSource | None = None
    csi: CSIPersistentVolumeSource | None = None
    aws_elastic_block_store: ForeignVolumeSource | None = None
    azure_disk: ForeignVolumeSource | None = None
    azure_file: ForeignVolumeSource | None = None
    cephfs: ForeignVolumeSource | None = None
    cinder: ForeignVolumeSource | None = None
    fc: ForeignVolumeSource | None = None
    flex_volume: ForeignVolumeSource | None = None
    flocker: ForeignVolumeSource | None = None
    gce_persistent_disk: ForeignVolumeSource | None = None
    glusterfs: ForeignVolumeSource | None = None
    iscsi: ForeignVolumeSource | None = None
    photon_persistent_disk: ForeignVolumeSource | None = None
    portworx_volume: ForeignVolumeSource | None = None
    quobyte: ForeignVolumeSource | None = None
    rbd: ForeignVolumeSource | None = None
    scale_io: ForeignVolumeSource | None = None
    storageos: ForeignVolumeSource | None = None
    vsphere_volume: ForeignVolumeSource | None = None


class PersistentVolumeStatus(Struct):
    """`phase` is Pending, Available, Bound, Released or Failed."""

    phase: str = ""
    message: str = ""
    reason: str = ""
    last_phase_transition_time: Time | None = None


class PersistentVolume(Kind, version="v1", namespaced=False, short_names=("pv",)):
    """A piece of storage that outlives Pods and claims."""

    spec: PersistentVolumeSpec = msgspec.field(default_factory=PersistentVolumeSpec)
    status: PersistentVolumeStatus = msgspec.field(default_factory=PersistentVolumeStatus)
