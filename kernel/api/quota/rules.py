"""The rules of ResourceQuotas (core/v1 validation.go)."""

from kernel.api.causes import Causes
from kernel.api.rules.core import check_quantity
from kernel.objects.name_syntax import qualified_name_errors
from kernel.objects.quantity import QuantityError, parse_quantity
from kernel.objects.resource_policies import (
    ResourceQuota,
    ResourceQuotaSpec,
    ScopedResourceSelectorRequirement,
)

_COUNTS = (
    *("pods", "resourcequotas", "services", "replicationcontrollers", "secrets"),
    *("persistentvolumeclaims", "configmaps", "services.nodeports", "services.loadbalancers"),
)
_COMPUTE = (
    *("cpu", "memory", "ephemeral-storage", "limits.cpu", "limits.memory"),
    *("requests.cpu", "requests.memory", "requests.ephemeral-storage"),
    "limits.ephemeral-storage",
)
_OTHERS = ("requests.storage",)
_HUGE = ("hugepages-", "requests.hugepages-")
_SCOPES = (
    *("BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating"),
    *("PriorityClass", "Terminating"),
)
_OPPOSITES = ({"BestEffort", "NotBestEffort"}, {"NotTerminating", "Terminating"})
_EXIST_ONLY = (
    "must be 'Exist' only operator when scope is any of ResourceQuotaScopeTerminating,"
    " ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort,"
    " ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def check_quota(quota: ResourceQuota, causes: Causes) -> None:
    """Names that can be counted, amounts that there can be, and scopes that go together."""
    for name, amount in quota.spec.hard.items():
        path = f"spec.hard[{name}]"
        errors = qualified_name_errors(name)
        causes.invalid(path, name, *errors)
        if not errors and "/" not in name and not _is_standard(name):
            causes.invalid(path, name, "must be a standard resource for quota")
        check_quantity(amount, path, causes)
        if (name in _COUNTS or name.startswith("count/")) and _is_broken(amount):
            causes.invalid(path, amount, "must be an integer")
    _check_scopes(quota.spec, causes)
    if quota.spec.scope_selector is not None:
        for clause in quota.spec.scope_selector.match_expressions:
            _check_clause(clause, "spec.scopeSelector.matchExpressions", causes)


def check_quota_update(new: ResourceQuota, old: ResourceQuota, causes: Causes) -> None:
    """Its scopes never change."""
    if new.spec.scopes != old.spec.scopes:
        causes.invalid("spec.scopes", new.spec.scopes, "field is immutable")


def _is_standard(name: str) -> bool:
    return name in (*_COUNTS, *_COMPUTE, *_OTHERS) or name.startswith(_HUGE)


def _is_broken(amount: str) -> bool:
    try:
        return parse_quantity(amount).denominator != 1
    except QuantityError:
        return False


def _check_scopes(spec: ResourceQuotaSpec, causes: Causes) -> None:
    path, scopes = "spec.scopes", spec.scopes
    known = set(scopes) & set(_SCOPES)
    # Each cause shows all scopes: one for each of them would be more than any memory.
    if len(known) < len(set(scopes)):
        causes.invalid(path, scopes, "unsupported scope")
    standard = [name for name in spec.hard if _is_standard(name)]
    if any(not _may_bound(scope, name) for scope in known for name in standard):
        causes.invalid(path, scopes, "unsupported scope applied to resource")
    for pair in _OPPOSITES:
        if pair <= set(scopes):
            causes.invalid(path, scopes, "conflicting scopes")


def _may_bound(scope: str, name: str) -> bool:
    """Whether a resource can be counted within a scope: what Pods use, or Pods alone."""
    return name == "pods" or (scope != "BestEffort" and name in _COMPUTE)


def _check_clause(clause: ScopedResourceSelectorRequirement, path: str, causes: Causes) -> None:
    if clause.scope_name not in _SCOPES:
        causes.invalid(f"{path}.scopeName", clause.scope_name, "unsupported scope")
    if clause.scope_name != "PriorityClass" and clause.operator != "Exists":
        causes.invalid(f"{path}.operator", clause.operator, _EXIST_ONLY)
    if clause.operator in ("In", "NotIn"):
        if not clause.values:
            rule = (
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            )
            causes.required(f"{path}.values", rule)
    elif clause.operator in ("Exists", "DoesNotExist"):
        if clause.values:
            rule = (
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            )
            causes.invalid(f"{path}.values", clause.values, rule)
    else:
        causes.invalid(f"{path}.operator", clause.operator, "not a valid selector operator")
