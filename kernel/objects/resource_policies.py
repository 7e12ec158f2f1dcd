"""What a namespace may use, and each of its Pods: ResourceQuotas and LimitRanges (core/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, Struct


class ScopedResourceSelectorRequirement(Struct):
    """One clause of a scope selector, such as the Pods of certain PriorityClasses."""

    scope_name: str
    operator: str
    values: list[str] = []


class ScopeSelector(Struct, atomic=True):
    """Which objects a quota counts: those that fit all clauses."""

    match_expressions: list[ScopedResourceSelectorRequirement] = []


class ResourceQuotaSpec(Struct):
    """The most that there may be of each resource and kind of object."""

    hard: dict[str, Quantity] = {}
    scopes: list[str] = []
    scope_selector: ScopeSelector | None = None


class ResourceQuotaStatus(Struct):
    """The limits that are kept, and how much of them is used."""

    hard: dict[str, Quantity] = {}
    used: dict[str, Quantity] = {}


class ResourceQuota(Kind, version="v1", short_names=("quota",)):
    """The most that all objects of a namespace may use together."""

    spec: ResourceQuotaSpec = msgspec.field(default_factory=ResourceQuotaSpec)
    status: ResourceQuotaStatus = msgspec.field(default_factory=ResourceQuotaStatus)


class LimitRangeItem(Struct):
    """Bounds and defaults for one type: Container, Pod or PersistentVolumeClaim."""

    type: str
    max: dict[str, Quantity] = {}
    min: dict[str, Quantity] = {}
    default: dict[str, Quantity] = {}
    default_request: dict[str, Quantity] = {}
    max_limit_request_ratio: dict[str, Quantity] = {}


class LimitRangeSpec(Struct):
    """Bounds for each type."""

    limits: Annotated[list[LimitRangeItem], Atomic()] = []


class LimitRange(Kind, version="v1", short_names=("limits",)):
    """Bounds and defaults for what each object of a namespace asks for."""

    spec: LimitRangeSpec = msgspec.field(default_factory=LimitRangeSpec)
