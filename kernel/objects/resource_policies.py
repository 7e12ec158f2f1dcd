"""What a namespace may use, and each of its Pods: ResourceQuotas and LimitRanges (core/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, Struct


class ScopedResourceSelectorRequirement(Struct):
    """One clause of a scope selector, such as the Pods of certain PriorityClasses."""

    scope_name: str
    """The scope that is looked at. One of: BestEffort, CrossNamespacePodAffinity, NotBestEffort,
    NotTerminating, PriorityClass, Terminating, VolumeAttributesClass."""
    operator: str
    """How its value is compared with `values`. One of: DoesNotExist, Exists, In, NotIn."""
    values: list[str] = []
    """The values for In and NotIn; empty for the others."""


class ScopeSelector(Struct, atomic=True):
    """Which objects a quota counts: those that fit all clauses."""

    match_expressions: list[ScopedResourceSelectorRequirement] = []
    """Requirements on scopes; all must hold."""


class ResourceQuotaSpec(Struct):
    """The most that there may be of each resource and kind of object."""

    hard: dict[str, Quantity] = {}
    """The most of each resource and count of objects: requests.cpu, pods, count/configmaps and the
    like."""
    scopes: list[str] = []
    """Which Pods count; all scopes must hold. Empty for all Pods. One of: BestEffort,
    CrossNamespacePodAffinity, NotBestEffort, NotTerminating, PriorityClass, Terminating,
    VolumeAttributesClass."""
    scope_selector: ScopeSelector | None = None
    """Which Pods count, by scopes with values; must hold beside `scopes`."""


class ResourceQuotaStatus(Struct):
    """The limits that are kept, and how much of them is used."""

    hard: dict[str, Quantity] = {}
    """The limits that hold."""
    used: dict[str, Quantity] = {}
    """What is used of each."""


class ResourceQuota(Kind, version="v1", short_names=("quota",)):
    """The most that all objects of a namespace may use together."""

    spec: ResourceQuotaSpec = msgspec.field(default_factory=ResourceQuotaSpec)
    """What a namespace may have."""
    status: ResourceQuotaStatus = msgspec.field(default_factory=ResourceQuotaStatus)
    """What of it is used."""


class LimitRangeItem(Struct):
    """Bounds and defaults for one type: Container, Pod or PersistentVolumeClaim."""

    type: str
    """What is limited: Container, Pod or PersistentVolumeClaim."""
    max: dict[str, Quantity] = {}
    """The most of each resource that one may have."""
    min: dict[str, Quantity] = {}
    """The least of each resource that one must have."""
    default: dict[str, Quantity] = {}
    """The limit of a container that names none, by resource."""
    default_request: dict[str, Quantity] = {}
    """The request of a container that names none, by resource. Default: `default`."""
    max_limit_request_ratio: dict[str, Quantity] = {}
    """By how many times a limit may exceed its request, by resource."""


class LimitRangeSpec(Struct):
    """Bounds for each type."""

    limits: Annotated[list[LimitRangeItem], Atomic()] = []
    """The limits, one for each type. Required."""


class LimitRange(Kind, version="v1", short_names=("limits",)):
    """Bounds and defaults for what each object of a namespace asks for."""

    spec: LimitRangeSpec = msgspec.field(default_factory=LimitRangeSpec)
    """What each object of the namespace may have."""
