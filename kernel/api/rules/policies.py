"""The rules of limits, budgets and claims (core/v1 and policy/v1 validation.go)."""

from typing import Any

import msgspec

from kernel.api.causes import Causes
from kernel.api.rules.core import check_quantity
from kernel.api.rules.workloads import check_label_selector, check_part
from kernel.objects.disruption_budget import PodDisruptionBudget
from kernel.objects.name_syntax import qualified_name_errors
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.quantity import compare_quantities
from kernel.objects.resource_policies import LimitRange, LimitRangeItem

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_CLAIM_UPDATE_RULE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName"
    " for bound claims"
)


def check_limit_range(limit_range: LimitRange, causes: Causes) -> None:
    """One item a type, whose bounds hold its defaults."""
    types: set[str] = set()
    for index, item in enumerate(limit_range.spec.limits):
        path = f"spec.limits[{index}]"
        causes.invalid(f"{path}.type", item.type, *qualified_name_errors(item.type))
        if item.type in types:
            causes.duplicate(f"{path}.type", item.type)
        types.add(item.type)
        found_before = len(causes.found)
        for name, amounts in (
            ("max", item.max),
            ("min", item.min),
            ("default", item.default),
            ("defaultRequest", item.default_request),
            ("maxLimitRequestRatio", item.max_limit_request_ratio),
        ):
            _check_amounts(amounts, f"{path}.{name}", causes)
        if len(causes.found) == found_before:
            _check_bounds(item, path, causes)


def _check_bounds(item: LimitRangeItem, path: str, causes: Causes) -> None:
    """Each amount is at most the next one: min, defaultRequest, default, max."""
    amounts = {
        "min": ("min", item.min),
        "defaultRequest": ("default request", item.default_request),
        "default": ("default", item.default),
        "max": ("max", item.max),
    }
    fields = list(amounts)
    for lower in range(len(fields)):
        for upper in range(lower + 1, len(fields)):
            (low_words, low), (high_words, high) = amounts[fields[lower]], amounts[fields[upper]]
            for name in sorted(low.keys() & high.keys()):
                if compare_quantities(low[name], high[name]) > 0:
                    rule = (
                        f"{low_words} value {low[name]} is greater than"
                        f" {high_words} value {high[name]}"
                    )
                    causes.invalid(f"{path}.{fields[lower]}[{name}]", low[name], rule)


def check_budget(budget: PodDisruptionBudget, causes: Causes) -> None:
    """It says one of the two numbers at most."""
    spec = budget.spec
    if spec.min_available is not None and spec.max_unavailable is not None:
        causes.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    check_part("spec.minAvailable", spec.min_available, causes, is_bounded=True)
    check_part("spec.maxUnavailable", spec.max_unavailable, causes, is_bounded=True)
    if spec.selector is not None:
        check_label_selector(spec.selector, "spec.selector", causes)
    policy = spec.unhealthy_pod_eviction_policy
    if policy is not None:
        path = "spec.unhealthyPodEvictionPolicy"
        causes.one_of(path, policy, ("AlwaysAllow", "IfHealthyBudget"))


def check_claim(claim: PersistentVolumeClaim, causes: Causes) -> None:
    """It says how it is used, and how large it is."""
    spec = claim.spec
    if not spec.access_modes:
        causes.required("spec.accessModes", "at least 1 access mode is required")
    for index, mode in enumerate(spec.access_modes):
        if mode not in ACCESS_MODES:
            causes.unsupported(f"spec.accessModes[{index}]", mode, ACCESS_MODES)
    if "storage" not in spec.resources.requests:
        causes.required("spec.resources[storage]")
    _check_amounts(spec.resources.requests, "spec.resources.requests", causes)
    if spec.selector is not None:
        check_label_selector(spec.selector, "spec.selector", causes)
    if spec.volume_mode not in ("Block", "Filesystem"):
        causes.unsupported("spec.volumeMode", spec.volume_mode, ("Block", "Filesystem"))


def check_claim_update(
    new: PersistentVolumeClaim, old: PersistentVolumeClaim, causes: Causes
) -> None:
    """A claim stays as it is; a volume may be named where there was none, and a bound one grow."""
    kept: dict[str, Any] = {}
    if not old.spec.volume_name:
        kept["volume_name"] = ""
    if old.status.phase == "Bound":
        kept["resources"] = old.spec.resources
        kept["volume_attributes_class_name"] = old.spec.volume_attributes_class_name
    if msgspec.structs.replace(new.spec, **kept) != old.spec:
        causes.forbidden("spec", _CLAIM_UPDATE_RULE)


def _check_amounts(amounts: dict[str, str], path: str, causes: Causes) -> None:
    for name, amount in amounts.items():
        causes.invalid(f"{path}[{name}]", name, *qualified_name_errors(name))
        check_quantity(amount, f"{path}[{name}]", causes)
