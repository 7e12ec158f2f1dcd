"""The rules of roles and bindings (pkg/apis/rbac/validation/validation.go)."""

from collections.abc import Sequence
from typing import Any

from kernel.api.causes import Causes
from kernel.api.rules.by_kind import KindRules
from kernel.api.rules.workloads import check_label_selector
from kernel.objects.kind import Kind
from kernel.objects.name_syntax import path_segment_errors, subdomain_name_errors
from kernel.objects.rbac import (
    GROUP,
    AnyBinding,
    AnyRole,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    Subject,
)


def _default_binding(binding: AnyBinding) -> None:
    """Roles, users and groups are of the group rbac.authorization.k8s.io."""
    reference = binding.role_ref
    reference.api_group = reference.api_group or GROUP
    for subject in binding.subjects:
        if subject.kind in ("User", "Group"):
            subject.api_group = subject.api_group or GROUP


def _check_role(role: AnyRole, causes: Causes) -> None:
    """Rules that allow something, to objects or at paths."""
    for index, rule in enumerate(role.rules):
        _check_rule(rule, f"rules[{index}]", causes, namespaced=isinstance(role, Role))
    if isinstance(role, ClusterRole) and role.aggregation_rule is not None:
        path = "aggregationRule.clusterRoleSelectors"
        selectors = role.aggregation_rule.cluster_role_selectors
        if not selectors:
            detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            causes.required(path, detail)
        for index, selector in enumerate(selectors):
            check_label_selector(selector, f"{path}[{index}]", causes)


def _check_rule(rule: PolicyRule, path: str, causes: Causes, *, namespaced: bool) -> None:
    if not rule.verbs:
        causes.required(f"{path}.verbs", "verbs must contain at least one value")
    if rule.non_resource_urls:
        urls = f"{path}.nonResourceURLs"
        if namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            causes.invalid(urls, rule.non_resource_urls, detail)
        if rule.api_groups or rule.resources or rule.resource_names:
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            causes.invalid(urls, rule.non_resource_urls, detail)
        return
    if not rule.api_groups:
        detail = "resource rules must supply at least one api group"
        causes.required(f"{path}.apiGroups", detail)
    if not rule.resources:
        causes.required(f"{path}.resources", "resource rules must supply at least one resource")


def _check_binding(binding: AnyBinding, causes: Causes) -> None:
    """A role that there can be, and subjects of the known kinds."""
    reference = binding.role_ref
    if reference.api_group != GROUP:
        causes.unsupported("roleRef.apiGroup", reference.api_group, (GROUP,))
    namespaced = isinstance(binding, RoleBinding)
    kinds: Sequence[type[Any]] = (ClusterRole, Role) if namespaced else (ClusterRole,)
    supported = [kind.info.kind for kind in kinds]
    if reference.kind not in supported:
        causes.unsupported("roleRef.kind", reference.kind, supported)
    if not reference.name:
        causes.required("roleRef.name")
    causes.invalid("roleRef.name", reference.name, *path_segment_errors(reference.name))
    for index, subject in enumerate(binding.subjects):
        _check_subject(subject, f"subjects[{index}]", causes, namespaced=namespaced)


def _check_subject(subject: Subject, path: str, causes: Causes, *, namespaced: bool) -> None:
    if not subject.name:
        causes.required(f"{path}.name")
    match subject.kind:
        case "ServiceAccount":
            if subject.name:
                causes.invalid(f"{path}.name", subject.name, *subdomain_name_errors(subject.name))
            if subject.api_group:
                causes.unsupported(f"{path}.apiGroup", subject.api_group, ("",))
            if not namespaced and not subject.namespace:
                causes.required(f"{path}.namespace")
        case "User" | "Group":
            if subject.api_group != GROUP:
                causes.unsupported(f"{path}.apiGroup", subject.api_group, (GROUP,))
        case _:
            causes.unsupported(f"{path}.kind", subject.kind, ("ServiceAccount", "User", "Group"))


def _check_binding_update(
    new: RoleBinding | ClusterRoleBinding, old: RoleBinding | ClusterRoleBinding, causes: Causes
) -> None:
    """A binding gives the role that it was made for; another role is another binding."""
    if new.role_ref != old.role_ref:
        causes.invalid("roleRef", new.role_ref, "cannot change roleRef")


RULES: dict[type[Kind], KindRules] = {
    **dict.fromkeys((Role, ClusterRole), KindRules(check=_check_role)),
    **dict.fromkeys(
        (RoleBinding, ClusterRoleBinding),
        KindRules(_default_binding, _check_binding, _check_binding_update),
    ),
}
