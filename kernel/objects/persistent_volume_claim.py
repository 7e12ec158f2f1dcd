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
    """Which aspect this is about, Resizing say."""
    status: str
    """True, False or Unknown."""
    last_probe_time: Time | None = None
    """When it was last looked at."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class ModifyVolumeStatus(Struct):
    """How far a change of the claim's VolumeAttributesClass has come."""

    target_volume_attributes_class_name: str = ""
    """Name of the VolumeAttributesClass that is being changed to."""
    status: str
    """How it goes on. One of: InProgress, Infeasible, Pending."""


class PersistentVolumeClaimStatus(Struct):
    """What the claim has been given; `phase` is Pending, Bound or Lost."""

    phase: str = ""
    """Whether a volume is found (Bound), awaited, or lost. One of: Bound, Lost, Pending."""
    access_modes: list[str] = []
    """How the volume can be mounted. One of: ReadOnlyMany, ReadWriteMany, ReadWriteOnce,
    ReadWriteOncePod."""
    capacity: dict[str, Quantity] = {}
    """What the volume has."""
    conditions: Annotated[list[PersistentVolumeClaimCondition], MergeKey("type")] = []
    """What is to be said of its state, by type."""
    allocated_resources: dict[str, Quantity] = {}
    """What is set aside for it, which is more than `capacity` while it grows."""
    allocated_resource_statuses: Annotated[dict[str, str], Atomic()] = {}
    """How growing goes on, by resource."""
    current_volume_attributes_class_name: str | None = None
    """Name of the VolumeAttributesClass that holds now."""
    modify_volume_status: ModifyVolumeStatus | None = None
    """How a change of the VolumeAttributesClass goes on."""


class PersistentVolumeClaim(Kind, version="v1", short_names=("pvc",)):
    """Somebody's wish for storage that outlives Pods."""

    spec: PersistentVolumeClaimSpec = msgspec.field(default_factory=PersistentVolumeClaimSpec)
    """The storage that is wanted."""
    status: PersistentVolumeClaimStatus = msgspec.field(default_factory=PersistentVolumeClaimStatus)
    """The storage that was found."""
