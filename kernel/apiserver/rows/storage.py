"""Volumes and classes of storage as rows of `kubectl get`: Kubernetes' columns and words."""

from datetime import datetime

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import Rows, columns
from kernel.apiserver.rows.policies import UNSET, access_modes_text
from kernel.objects.kind import Kind
from kernel.objects.persistent_volume import PersistentVolume
from kernel.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    StorageClass,
    VolumeAttachment,
)

DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class"


def _volume_cells(volume: PersistentVolume, now: datetime) -> list[object]:
    metadata, spec, status = volume.metadata, volume.spec, volume.status
    claim = spec.claim_ref
    return [
        metadata.name,
        spec.capacity.get("storage", "0"),
        access_modes_text(spec.access_modes),
        spec.persistent_volume_reclaim_policy,
        "Terminating" if metadata.deletion_timestamp is not None else status.phase,
        f"{claim.namespace}/{claim.name}" if claim is not None else "",
        spec.storage_class_name,
        spec.volume_attributes_class_name or UNSET,
        status.reason,
        age(metadata.creation_timestamp, now),
        spec.volume_mode or UNSET,
    ]


def _class_cells(storage_class: StorageClass, now: datetime) -> list[object]:
    metadata = storage_class.metadata
    is_default = metadata.annotations.get(DEFAULT_CLASS_ANNOTATION) == "true"
    return [
        f"{metadata.name} (default)" if is_default else metadata.name,
        storage_class.provisioner,
        storage_class.reclaim_policy or "Delete",
        storage_class.volume_binding_mode or "Immediate",
        bool(storage_class.allow_volume_expansion),
        age(metadata.creation_timestamp, now),
    ]


def _attachment_cells(attachment: VolumeAttachment, now: datetime) -> list[object]:
    spec = attachment.spec
    return [
        attachment.metadata.name,
        spec.attacher,
        spec.source.persistent_volume_name or "",
        spec.node_name,
        attachment.status.attached,
        age(attachment.metadata.creation_timestamp, now),
    ]


def _driver_cells(driver: CSIDriver, now: datetime) -> list[object]:
    spec = driver.spec
    return [
        driver.metadata.name,
        spec.attach_required is not False,
        bool(spec.pod_info_on_mount),
        bool(spec.storage_capacity),
        ",".join(request.audience for request in spec.token_requests) or UNSET,
        bool(spec.requires_republish),
        ",".join(spec.volume_lifecycle_modes) or "<none>",
        age(driver.metadata.creation_timestamp, now),
    ]


def _node_cells(node: CSINode, now: datetime) -> list[object]:
    metadata = node.metadata
    return [metadata.name, len(node.spec.drivers), age(metadata.creation_timestamp, now)]


def _capacity_cells(capacity: CSIStorageCapacity, now: datetime) -> list[object]:
    return [capacity.metadata.name, capacity.storage_class_name, capacity.capacity or UNSET]


ROWS: dict[type[Kind], Rows] = {
    PersistentVolume: Rows(
        columns(
            *("Name", "Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim"),
            *("StorageClass", "VolumeAttributesClass", "Reason", "Age"),
            wide=("VolumeMode",),
        ),
        _volume_cells,
    ),
    StorageClass: Rows(
        columns(
            *("Name", "Provisioner", "ReclaimPolicy", "VolumeBindingMode"),
            *("AllowVolumeExpansion", "Age"),
        ),
        _class_cells,
    ),
    VolumeAttachment: Rows(
        columns("Name", "Attacher", "PV", "Node", "Attached", "Age"), _attachment_cells
    ),
    CSIDriver: Rows(
        columns(
            *("Name", "AttachRequired", "PodInfoOnMount", "StorageCapacity", "TokenRequests"),
            *("RequiresRepublish", "Modes", "Age"),
        ),
        _driver_cells,
    ),
    CSINode: Rows(columns("Name", "Drivers", "Age"), _node_cells),
    CSIStorageCapacity: Rows(columns("Name", "StorageClassName", "Capacity"), _capacity_cells),
}
