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


class HostPathVolumeSource(Struct):
    """A file or directory of the node. `type` says what must be there; empty checks nothing."""

    path: str
    type: str | None = None


class EmptyDirVolumeSource(Struct):
    """A directory as old as the Pod; `medium` Memory puts it in RAM."""

    medium: str = ""
    size_limit: Quantity | None = None


class KeyToPath(Struct):
    """A key and the relative path of the file to put it in."""

    key: str
    path: str
    mode: Int32 | None = None


class SecretVolumeSource(Struct):
    """A Secret as files, one a key, or `items` alone."""

    secret_name: str = ""
    items: list[KeyToPath] = []
    default_mode: Int32 | None = None
    optional: bool | None = None


class ConfigMapVolumeSource(Struct):
    """A ConfigMap as files, one a key, or `items` alone."""

    name: str = ""
    items: list[KeyToPath] = []
    default_mode: Int32 | None = None
    optional: bool | None = None


class DownwardAPIVolumeFile(Struct):
    """A file that holds a field or a resource of the Pod."""

    path: str
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: Int32 | None = None


class DownwardAPIVolumeSource(Struct):
    """Facts about the Pod as files."""

    items: list[DownwardAPIVolumeFile] = []
    default_mode: Int32 | None = None


class SecretProjection(Struct):
    """A Secret's keys within a projected volume."""

    name: str = ""
    items: list[KeyToPath] = []
    optional: bool | None = None


class ConfigMapProjection(Struct):
    """A ConfigMap's keys within a projected volume."""

    name: str = ""
    items: list[KeyToPath] = []
    optional: bool | None = None


class DownwardAPIProjection(Struct):
    """Facts about the Pod within a projected volume."""

    items: list[DownwardAPIVolumeFile] = []


class ServiceAccountTokenProjection(Struct):
    """A token for the Pod's service account, renewed before it expires."""

    audience: str = ""
    expiration_seconds: Int64 | None = None
    path: str


class ClusterTrustBundleProjection(Struct):
    """Trust anchors as one PEM file within a projected volume."""

    name: str | None = None
    signer_name: str | None = None
    label_selector: LabelSelector | None = None
    optional: bool | None = None
    path: str


class PodCertificateProjection(Struct):
    """A key and certificate issued to the Pod within a projected volume."""

    signer_name: str = ""
    key_type: str = ""
    max_expiration_seconds: Int32 | None = None
    credential_bundle_path: str = ""
    key_path: str = ""
    certificate_chain_path: str = ""
    user_annotations: dict[str, str] = {}


class VolumeProjection(Struct):
    """One source of a projected volume: exactly one field is set."""

    secret: SecretProjection | None = None
    downward_api: DownwardAPIProjection | None = None
    config_map: ConfigMapProjection | None = None
    service_account_token: ServiceAccountTokenProjection | None = None
    cluster_trust_bundle: ClusterTrustBundleProjection | None = None
    pod_certificate: PodCertificateProjection | None = None


class ProjectedVolumeSource(Struct):
    """Several sources merged in one directory."""

    sources: list[VolumeProjection] = []
    default_mode: Int32 | None = None


class NFSVolumeSource(Struct):
    """A directory exported by an NFS server."""

    server: str
    path: str
    read_only: bool = False


class PersistentVolumeClaimVolumeSource(Struct):
    """The volume bound to a claim in the Pod's namespace."""

    claim_name: str
    read_only: bool = False


class CSIVolumeSource(Struct):
    """A volume made by a CSI driver for this Pod alone."""

    driver: str
    read_only: bool | None = None
    fs_type: str | None = None
    volume_attributes: dict[str, str] = {}
    node_publish_secret_ref: LocalObjectReference | None = None


class TypedLocalObjectReference(Struct, atomic=True):
    """An object of any kind in the same namespace."""

    api_group: str | None = None
    kind: str
    name: str


class TypedObjectReference(Struct):
    """An object of any kind, in another namespace where one is named."""

    api_group: str | None = None
    kind: str
    name: str
    namespace: str | None = None


class VolumeResourceRequirements(Struct):
    """The storage that a claim asks for."""

    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}


class PersistentVolumeClaimSpec(Struct):
    """What a claim asks of a volume."""

    access_modes: list[str] = []
    selector: LabelSelector | None = None
    resources: VolumeResourceRequirements = msgspec.field(
        default_factory=VolumeResourceRequirements
    )
    volume_name: str = ""
    storage_class_name: str | None = None
    volume_mode: str | None = None
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    volume_attributes_class_name: str | None = None


class PersistentVolumeClaimTemplate(Struct):
    """The claim made for a Pod, as old as the Pod."""

    metadata: ObjectMeta | None = None
    spec: PersistentVolumeClaimSpec


class EphemeralVolumeSource(Struct):
    """A claim of the Pod's own."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = None


class ImageVolumeSource(Struct):
    """The content of an OCI image or artifact, read-only."""

    reference: str = ""
    pull_policy: str = ""


ForeignVolumeSource = dict[str, Any]
"""A source that only its own driver understands: kept as it is, so that nobody takes the volume
for one without a source."""


class Volume(Struct):
    """A named volume: exactly one of the sources is set."""

    name: str
    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    image: ImageVolumeSource | None = None
    aws_elastic_block_store: ForeignVolumeSource | None = None
    azure_disk: ForeignVolumeSource | None = None
    azure_file: ForeignVolumeSource | None = None
    cephfs: ForeignVolumeSource | None = None
    cinder: ForeignVolumeSource | None = None
    fc: ForeignVolumeSource | None = None
    flex_volume: ForeignVolumeSource | None = None
    flocker: ForeignVolumeSource | None = None
    gce_persistent_disk: ForeignVolumeSource | None = None
    git_repo: ForeignVolumeSource | None = None
    glusterfs: ForeignVolumeSource | None = None
    iscsi: ForeignVolumeSource | None = None
    photon_persistent_disk: ForeignVolumeSource | None = None
    portworx_volume: ForeignVolumeSource | None = None
    quobyte: ForeignVolumeSource | None = None
    rbd: ForeignVolumeSource | None = None
    scale_io: ForeignVolumeSource | None = None
    storageos: ForeignVolumeSource | None = None
    vsphere_volume: ForeignVolumeSource | None = None
