"""The rules of what a Pod says about its place: affinity and spreading (core/v1 validation.go)."""

from collections.abc import Sequence

from kernel.api.causes import Causes
from kernel.objects.affinity import (
    NodeAffinity,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    TopologySpreadConstraint,
)
from kernel.objects.name_syntax import qualified_name_errors
from kernel.objects.pod import PodSpec

_WEIGHT_RULE = "must be in the range 1-100"
_NO_KEY = "can not be empty"
_POSITIVE = "must be greater than zero"
_POLICIES = ("DoNotSchedule", "ScheduleAnyway")


def check_placement(spec: PodSpec, causes: Causes) -> None:
    """Affinity to nodes and to Pods, and topology spread constraints."""
    affinity = spec.affinity
    if affinity is not None:
        path = "spec.affinity"
        if affinity.node_affinity is not None:
            _check_node_affinity(affinity.node_affinity, f"{path}.nodeAffinity", causes)
        if affinity.pod_affinity is not None:
            _check_pod_affinity(affinity.pod_affinity, f"{path}.podAffinity", causes)
        if affinity.pod_anti_affinity is not None:
            _check_pod_affinity(affinity.pod_anti_affinity, f"{path}.podAntiAffinity", causes)
    _check_spreading(spec.topology_spread_constraints, "spec.topologySpreadConstraints", causes)


def _check_node_affinity(affinity: NodeAffinity, path: str, causes: Causes) -> None:
    required = affinity.required_during_scheduling_ignored_during_execution
    if required is not None:
        here = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        if not required.node_selector_terms:
            causes.required(here, "must have at least one node selector term")
        for index, term in enumerate(required.node_selector_terms):
            _check_node_term(term, f"{here}[{index}]", causes)
    preferred = affinity.preferred_during_scheduling_ignored_during_execution
    for index, preference in enumerate(preferred):
        here = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _check_weight(preference.weight, here, causes)
        _check_node_term(preference.preference, f"{here}.preference", causes)


def _check_node_term(term: NodeSelectorTerm, path: str, causes: Causes) -> None:
    for index, wish in enumerate(term.match_expressions):
        here = f"{path}.matchExpressions[{index}]"
        causes.invalid(f"{here}.key", wish.key, *qualified_name_errors(wish.key))
        if wish.operator in ("In", "NotIn"):
            if not wish.values:
                rule = "must be specified when `operator` is 'In' or 'NotIn'"
                causes.required(f"{here}.values", rule)
        elif wish.operator in ("Exists", "DoesNotExist"):
            if wish.values:
                rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                causes.forbidden(f"{here}.values", rule)
        elif wish.operator in ("Gt", "Lt"):
            if len(wish.values) != 1:
                rule = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                causes.required(f"{here}.values", rule)
        else:
            causes.invalid(f"{here}.operator", wish.operator, "not a valid selector operator")


def _check_pod_affinity(affinity: PodAffinity | PodAntiAffinity, path: str, causes: Causes) -> None:
    required = affinity.required_during_scheduling_ignored_during_execution
    for index, term in enumerate(required):
        here = f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]"
        _check_pod_term(term, here, causes)
    preferred = affinity.preferred_during_scheduling_ignored_during_execution
    for index, weighted in enumerate(preferred):
        here = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _check_weight(weighted.weight, here, causes)
        _check_pod_term(weighted.pod_affinity_term, f"{here}.podAffinityTerm", causes)


def _check_pod_term(term: PodAffinityTerm, path: str, causes: Causes) -> None:
    here = f"{path}.topologyKey"
    if term.topology_key:
        causes.invalid(here, term.topology_key, *qualified_name_errors(term.topology_key))
    else:
        causes.required(here, _NO_KEY)


def _check_weight(weight: int, path: str, causes: Causes) -> None:
    if not 1 <= weight <= 100:
        causes.invalid(f"{path}.weight", weight, _WEIGHT_RULE)


def _check_spreading(
    constraints: Sequence[TopologySpreadConstraint], path: str, causes: Causes
) -> None:
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        here = f"{path}[{index}]"
        if constraint.max_skew <= 0:
            causes.invalid(f"{here}.maxSkew", constraint.max_skew, _POSITIVE)
        key, policy = constraint.topology_key, constraint.when_unsatisfiable
        if key:
            causes.invalid(f"{here}.topologyKey", key, *qualified_name_errors(key))
        else:
            causes.required(f"{here}.topologyKey", _NO_KEY)
        if policy not in _POLICIES:
            causes.unsupported(f"{here}.whenUnsatisfiable", policy, _POLICIES)
        if (key, policy) in seen:
            causes.duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {policy}}}")
        seen.add((key, policy))
        if constraint.min_domains is not None:
            _check_min_domains(constraint.min_domains, policy, f"{here}.minDomains", causes)


def _check_min_domains(minimum: int, policy: str, path: str, causes: Causes) -> None:
    if minimum <= 0:
        causes.invalid(path, minimum, _POSITIVE)
    if policy == "ScheduleAnyway":
        rule = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {policy}"
        causes.invalid(path, minimum, rule)
