"""Volumes of a Pod and their sources (core/v1)."""

from typing import Any

import msgspec

from kernel.objects.container import (
    ObjectFieldSelector,
    ResourceFieldSelector,
    VolumeDevice as VolumeDevice,
    VolumeMount as VolumeMount,
)
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Int64


class LocalObjectReference(Struct, atomic=True):
    """An object in the same namespace, by name."""

    name: str = ""
    """Name of the object, in the same namespace."""


class HostPathVolumeSource(Struct):
    """A file or directory of the node. `type` says what must be there; empty checks nothing."""

    path: str
    """Path on the node."""
    type: str | None = None
    """What must be at the path, or is made there; empty checks nothing. Default: empty. One of: "",
    BlockDevice, CharDevice, Directory, DirectoryOrCreate, File, FileOrCreate, Socket."""


class EmptyDirVolumeSource(Struct):
    """A directory as old as the Pod; `medium` Memory puts it in RAM."""

    medium: str = ""
    """Where it is: on the node's disk (empty), in memory (Memory), or in huge pages (HugePages).
    Default: empty."""
    size_limit: Quantity | None = None
    """The most that it may hold; a Pod that goes beyond is evicted. Default: none."""


class KeyToPath(Struct):
    """A key and the relative path of the file to put it in."""

    key: str
    """The key."""
    path: str
    """Path of its file, relative to the volume; without .. in it."""
    mode: Int32 | None = None
    """Permissions of the file, 0 to 0777 in octal, or as a decimal number. Default: the volume's
    `defaultMode`."""


class SecretVolumeSource(Struct):
    """A Secret as files, one a key, or `items` alone."""

    secret_name: str = ""
    """Name of the Secret, in the Pod's namespace."""
    items: list[KeyToPath] = []
    """Keys that become files, and where. Empty: all of them, under their own names."""
    default_mode: Int32 | None = None
    """Permissions of the files, 0 to 0777 in octal. Default: 0644."""
    optional: bool | None = None
    """Whether the Pod starts where the Secret or a key is missing. Default: false."""


class ConfigMapVolumeSource(Struct):
    """A ConfigMap as files, one a key, or `items` alone."""

    name: str = ""
    """Name of the ConfigMap, in the Pod's namespace."""
    items: list[KeyToPath] = []
    """Keys that become files, and where. Empty: all of them, under their own names."""
    default_mode: Int32 | None = None
    """Permissions of the files, 0 to 0777 in octal. Default: 0644."""
    optional: bool | None = None
    """Whether the Pod starts where the ConfigMap or a key is missing. Default: false."""


class DownwardAPIVolumeFile(Struct):
    """A file that holds a field or a resource of the Pod."""

    path: str
    """Path of the file, relative to the volume; without .. in it."""
    field_ref: ObjectFieldSelector | None = None
    """A field of the Pod: metadata.labels, metadata.annotations, metadata.name and the like."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A limit or request of a container, whose name must be given."""
    mode: Int32 | None = None
    """Permissions of the file, 0 to 0777 in octal. Default: the volume's `defaultMode`."""


class DownwardAPIVolumeSource(Struct):
    """Facts about the Pod as files."""

    items: list[DownwardAPIVolumeFile] = []
    """The files."""
    default_mode: Int32 | None = None
    """Permissions of the files, 0 to 0777 in octal. Default: 0644."""


class SecretProjection(Struct):
    """A Secret's keys within a projected volume."""

    name: str = ""
    """Name of the Secret, in the Pod's namespace."""
    items: list[KeyToPath] = []
    """Keys that become files, and where. Empty: all of them, under their own names."""
    optional: bool | None = None
    """Whether the Pod starts where the Secret or a key is missing. Default: false."""


class ConfigMapProjection(Struct):
    """A ConfigMap's keys within a projected volume."""

    name: str = ""
    """Name of the ConfigMap, in the Pod's namespace."""
    items: list[KeyToPath] = []
    """Keys that become files, and where. Empty: all of them, under their own names."""
    optional: bool | None = None
    """Whether the Pod starts where the ConfigMap or a key is missing. Default: false."""


class DownwardAPIProjection(Struct):
    """Facts about the Pod within a projected volume."""

    items: list[DownwardAPIVolumeFile] = []
    """The files."""


class ServiceAccountTokenProjection(Struct):
    """A token for the Pod's service account, renewed before it expires."""

    audience: str = ""
    """For whom the token is. Default: the API server."""
    expiration_seconds: Int64 | None = None
    """For how many seconds a token is good; it is renewed in time. At least 600. Default: 3600."""
    path: str
    """Path of the file, relative to the volume."""


class ClusterTrustBundleProjection(Struct):
    """Trust anchors as one PEM file within a projected volume."""

    name: str | None = None
    """Name of the ClusterTrustBundle; excludes `signerName`."""
    signer_name: str | None = None
    """All bundles of this signer that `labelSelector` selects."""
    label_selector: LabelSelector | None = None
    """Labels of the bundles; absent selects none, empty selects all."""
    optional: bool | None = None
    """Whether the Pod starts where there is no such bundle. Default: false."""
    path: str
    """Path of the file, relative to the volume."""


class PodCertificateProjection(Struct):
    """A key and certificate issued to the Pod within a projected volume."""

    signer_name: str = ""
    """Name of the signer that issues the certificate."""
    key_type: str = ""
    """Type of the key that is made, ED25519 or RSA4096 say."""
    max_expiration_seconds: Int32 | None = None
    """For how many seconds the certificate may be good, at least 3600. Default: 86400."""
    credential_bundle_path: str = ""
    """Path of the file with key and certificates in one, relative to the volume."""
    key_path: str = ""
    """Path of the file with the key, relative to the volume."""
    certificate_chain_path: str = ""
    """Path of the file with the certificates, relative to the volume."""
    user_annotations: dict[str, str] = {}
    """What the signer is told beside, by key."""


class VolumeProjection(Struct):
    """One source of a projected volume: exactly one field is set."""

    secret: SecretProjection | None = None
    """Keys of a Secret."""
    downward_api: DownwardAPIProjection | None = None
    """Fields of the Pod."""
    config_map: ConfigMapProjection | None = None
    """Keys of a ConfigMap."""
    service_account_token: ServiceAccountTokenProjection | None = None
    """A token of the Pod's ServiceAccount."""
    cluster_trust_bundle: ClusterTrustBundleProjection | None = None
    """Certificates of authorities."""
    pod_certificate: PodCertificateProjection | None = None
    """A certificate of the Pod's own, with its key."""


class ProjectedVolumeSource(Struct):
    """Several sources merged in one directory."""

    sources: list[VolumeProjection] = []
    """What is put in, in this order."""
    default_mode: Int32 | None = None
    """Permissions of the files, 0 to 0777 in octal. Default: 0644."""


class NFSVolumeSource(Struct):
    """A directory exported by an NFS server."""

    server: str
    """Name or address of the server."""
    path: str
    """Path that it exports."""
    read_only: bool = False
    """Whether it is mounted read-only. Default: false."""


class PersistentVolumeClaimVolumeSource(Struct):
    """The volume bound to a claim in the Pod's namespace."""

    claim_name: str
    """Name of the claim, in the Pod's namespace."""
    read_only: bool = False
    """Whether it is mounted read-only. Default: false."""


class CSIVolumeSource(Struct):
    """A volume made by a CSI driver for this Pod alone."""

    driver: str
    """Name of the CSI driver."""
    read_only: bool | None = None
    """Whether it is mounted read-only. Default: false."""
    fs_type: str | None = None
    """File system, ext4 say. Default: the driver's."""
    volume_attributes: dict[str, str] = {}
    """Settings for the driver, by key."""
    node_publish_secret_ref: LocalObjectReference | None = None
    """A Secret that is given to the driver."""


class TypedLocalObjectReference(Struct, atomic=True):
    """An object of any kind in the same namespace."""

    api_group: str | None = None
    """Group of the object's kind; empty for core."""
    kind: str
    """Kind of the object."""
    name: str
    """Name of the object, in the same namespace."""


class TypedObjectReference(Struct):
    """An object of any kind, in another namespace where one is named."""

    api_group: str | None = None
    """Group of the object's kind; empty for core."""
    kind: str
    """Kind of the object."""
    name: str
    """Name of the object."""
    namespace: str | None = None
    """Namespace of the object. Default: the same."""


class VolumeResourceRequirements(Struct):
    """The storage that a claim asks for."""

    limits: dict[str, Quantity] = {}
    """The most that is wanted, by resource: storage."""
    requests: dict[str, Quantity] = {}
    """The least that is wanted, by resource: storage."""


class PersistentVolumeClaimSpec(Struct):
    """What a claim asks of a volume."""

    access_modes: list[str] = []
    """How the volume must be mountable. One of: ReadOnlyMany, ReadWriteMany, ReadWriteOnce,
    ReadWriteOncePod."""
    selector: LabelSelector | None = None
    """Labels of the volumes that may be bound."""
    resources: VolumeResourceRequirements = msgspec.field(
        default_factory=VolumeResourceRequirements
    )
    """How much is wanted."""
    volume_name: str = ""
    """Name of the PersistentVolume that is bound."""
    storage_class_name: str | None = None
    """Name of the StorageClass; empty for volumes without one. Default: the class that is marked as
    default."""
    volume_mode: str | None = None
    """Whether it is a file system or a block device. Default: Filesystem. One of: Block,
    Filesystem."""
    data_source: TypedLocalObjectReference | None = None
    """A claim or snapshot that it is filled from."""
    data_source_ref: TypedObjectReference | None = None
    """An object that it is filled from, of any kind, perhaps in another namespace."""
    volume_attributes_class_name: str | None = None
    """Name of the VolumeAttributesClass."""


class PersistentVolumeClaimTemplate(Struct):
    """The claim made for a Pod, as old as the Pod."""

    metadata: ObjectMeta | None = None
    """Labels and annotations of the claim."""
    spec: PersistentVolumeClaimSpec
    """The claim itself."""


class EphemeralVolumeSource(Struct):
    """A claim of the Pod's own."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = None
    """What a claim is made from; it lives as long as the Pod, and is named POD-VOLUME."""


class ImageVolumeSource(Struct):
    """The content of an OCI image or artifact, read-only."""

    reference: str = ""
    """Name of the image or artifact."""
    pull_policy: str = ""
    """When it is pulled. Default: Always for the tag latest, else IfNotPresent. One of: Always,
    IfNotPresent, Never."""


ForeignVolumeSource = dict[str, Any]
"""A source that only its own driver understands: kept as it is, so that nobody takes the volume
for one without a source."""


class Volume(Struct):
    """A named volume: exactly one of the sources is set."""

    name: str
    """Name of the volume, unique in the Pod."""
    host_path: HostPathVolumeSource | None = None
    """A file or directory of the node."""
    empty_dir: EmptyDirVolumeSource | None = None
    """An empty directory that lives as long as the Pod is on its node."""
    secret: SecretVolumeSource | None = None
    """Keys of a Secret as files."""
    nfs: NFSVolumeSource | None = None
    """A directory of an NFS server."""
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    """The volume of a claim of the namespace."""
    downward_api: DownwardAPIVolumeSource | None = None
    """Fields of the Pod as files."""
    config_map: ConfigMapVolumeSource | None = None
    """Keys of a ConfigMap as files."""
    projected: ProjectedVolumeSource | None = None
    """Several sources in one directory."""
    csi: CSIVolumeSource | None = None
    """A volume that a CSI driver makes for the Pod."""
    ephemeral: EphemeralVolumeSource | None = None
    """A claim that is made for the Pod."""
    image: ImageVolumeSource | None = None
    """The files of an image, read-only."""
    aws_elastic_block_store: ForeignVolumeSource | None = None
    """A disk of AWS; accepted, not mounted."""
    azure_disk: ForeignVolumeSource | None = None
    """A disk of Azure; accepted, not mounted."""
    azure_file: ForeignVolumeSource | None = None
    """A share of Azure; accepted, not mounted."""
    cephfs: ForeignVolumeSource | None = None
    """A CephFS directory; accepted, not mounted."""
    cinder: ForeignVolumeSource | None = None
    """A disk of OpenStack; accepted, not mounted."""
    fc: ForeignVolumeSource | None = None
    """A Fibre Channel disk; accepted, not mounted."""
    flex_volume: ForeignVolumeSource | None = None
    """A volume of a FlexVolume plugin; accepted, not mounted."""
    flocker: ForeignVolumeSource | None = None
    """A Flocker volume; accepted, not mounted."""
    gce_persistent_disk: ForeignVolumeSource | None = None
    """A disk of Google Cloud; accepted, not mounted."""
    git_repo: ForeignVolumeSource | None = None
    """A clone of a Git repository; accepted, not mounted."""
    glusterfs: ForeignVolumeSource | None = None
    """A Gluster volume; accepted, not mounted."""
    iscsi: ForeignVolumeSource | None = None
    """An iSCSI disk; accepted, not mounted."""
    photon_persistent_disk: ForeignVolumeSource | None = None
    """A disk of a Photon Controller; accepted, not mounted."""
    portworx_volume: ForeignVolumeSource | None = None
    """A Portworx volume; accepted, not mounted."""
    quobyte: ForeignVolumeSource | None = None
    """A Quobyte volume; accepted, not mounted."""
    rbd: ForeignVolumeSource | None = None
    """A RADOS block device; accepted, not mounted."""
    scale_io: ForeignVolumeSource | None = None
    """A ScaleIO volume; accepted, not mounted."""
    storageos: ForeignVolumeSource | None = None
    """A StorageOS volume; accepted, not mounted."""
    vsphere_volume: ForeignVolumeSource | None = None
    """A disk of vSphere; accepted, not mounted."""
