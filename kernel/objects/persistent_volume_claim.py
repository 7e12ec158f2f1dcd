"""PersistentVolumeClaims (core/v1), which StatefulSets make for each of their Pods."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.volume import PersistentVolumeClaimSpec
from kernel.objects.wire_types import Time


class PersistentVolumeClaimCondition(Struct):
    """One aspect of a claim's state, such as that it is being resized."""

    type: str
    status: str
    last_probe_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class ModifyVolumeStatus(Struct):
    """How far a change of the claim's VolumeAttributesClass has come."""

    target_volume_attributes_class_name: str = ""
    status: str


class PersistentVolumeClaimStatus(Struct):
    """What the claim has been given; `phase` is Pending, Bound or Lost."""

    phase: str = ""
    access_modes: list[str] = []
    capacity: dict[str, Quantity] = {}
    conditions: Annotated[list[PersistentVolumeClaimCondition], MergeKey("type")] = []
    allocated_resources: dict[str, Quantity] = {}
    allocated_resource_statuses: Annotated[dict[str, str], Atomic()] = {}
    current_volume_attributes_class_name: str | None = None
    modify_volume_status: ModifyVolumeStatus | None = None


class PersistentVolumeClaim(Kind, version="v1", short_names=("pvc",)):
    """Somebody's wish for storage that outlives Pods."""

    spec: PersistentVolumeClaimSpec = msgspec.field(default_factory=PersistentVolumeClaimSpec)
    status: PersistentVolumeClaimStatus = msgspec.field(default_factory=PersistentVolumeClaimStatus)
