"""How much of what ResourceQuotas count an object uses, and which objects a quota counts.

Pure. Source: Kubernetes' documentation, "Resource Quotas", and pkg/quota/v1/evaluator.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from kernel.api.quota.amounts import Amounts, parsed, pod_limits, pod_requests
from kernel.api.strategies import TERMINAL_PHASES
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.container import Container
from kernel.objects.kind import Kind
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.pod_template import ReplicationController
from kernel.objects.resource_policies import (
    ResourceQuota,
    ResourceQuotaSpec,
    ScopedResourceSelectorRequirement,
)
from kernel.objects.service import Service

_ONE = Fraction(1)

_SHORT_NAMES: dict[type[Kind], str] = {
    ConfigMap: "configmaps",
    PersistentVolumeClaim: "persistentvolumeclaims",
    Pod: "pods",
    ReplicationController: "replicationcontrollers",
    ResourceQuota: "resourcequotas",
    Secret: "secrets",
    Service: "services",
}
"""What objects are counted as, beside `count/PLURAL.GROUP`."""

_CLASS_PART = ".storageclass.storage.k8s.io/"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_MUST_BE_SAID = frozenset(
    {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
)


def counts(kind: type[Kind], name: str) -> bool:
    """Whether objects of a kind may use of the resource `name`."""
    if name == f"count/{kind.info.qualified_plural}" or name == _SHORT_NAMES.get(kind):
        return True
    if kind is Pod:
        of_pods = ("requests.", "limits.", "hugepages-")
        return name in _COMPUTE or (name.startswith(of_pods) and name != "requests.storage")
    if kind is PersistentVolumeClaim:
        return name == "requests.storage" or _CLASS_PART in name
    return kind is Service and name in ("services.nodeports", "services.loadbalancers")


def usage_of(obj: Kind) -> Amounts:
    """What an object uses of everything that can be counted."""
    used = {f"count/{obj.info.qualified_plural}": _ONE}
    if isinstance(obj, Pod):
        return used | _pod_usage(obj)
    name = _SHORT_NAMES.get(type(obj))
    if name is not None:
        used[name] = _ONE
    if isinstance(obj, PersistentVolumeClaim):
        used |= _claim_usage(obj)
    if isinstance(obj, Service):
        used |= _service_usage(obj)
    return used


def _pod_usage(pod: Pod) -> Amounts:
    """Of a Pod that has ended nothing but the object is left."""
    if pod.status.phase in TERMINAL_PHASES:
        return {}
    used = {"pods": _ONE}
    for name, amount in pod_requests(pod.spec).items():
        used[f"requests.{name}"] = amount
        if name in _COMPUTE or name.startswith("hugepages-"):
            used[name] = amount
    for name, amount in pod_limits(pod.spec).items():
        used[f"limits.{name}"] = amount
    return used


def _claim_usage(claim: PersistentVolumeClaim) -> Amounts:
    used = {}
    storage = parsed(claim.spec.resources.requests).get("storage")
    if storage is not None:
        used["requests.storage"] = storage
    storage_class = claim.spec.storage_class_name
    if storage_class:
        used[f"{storage_class}{_CLASS_PART}persistentvolumeclaims"] = _ONE
        if storage is not None:
            used[f"{storage_class}{_CLASS_PART}requests.storage"] = storage
    return used


def _service_usage(service: Service) -> Amounts:
    spec, zero = service.spec, Fraction(0)
    balanced = spec.type == "LoadBalancer"
    has_node_ports = spec.type == "NodePort" or (
        balanced and spec.allocate_load_balancer_node_ports is not False
    )
    return {
        "services.nodeports": Fraction(len(spec.ports)) if has_node_ports else zero,
        "services.loadbalancers": _ONE if balanced else zero,
    }


def is_counted(spec: ResourceQuotaSpec, obj: Kind) -> bool:
    """Whether an object is within all scopes of a quota. Only Pods are within any."""
    clauses = list(_clauses(spec))
    if not clauses:
        return True
    return isinstance(obj, Pod) and all(_is_within(clause, obj) for clause in clauses)


def _clauses(spec: ResourceQuotaSpec) -> Iterable[ScopedResourceSelectorRequirement]:
    for scope in spec.scopes:
        yield ScopedResourceSelectorRequirement(scope_name=scope, operator="Exists")
    if spec.scope_selector is not None:
        yield from spec.scope_selector.match_expressions


def _is_within(clause: ScopedResourceSelectorRequirement, pod: Pod) -> bool:
    spec = pod.spec
    match clause.scope_name:
        case "Terminating":
            return spec.active_deadline_seconds is not None
        case "NotTerminating":
            return spec.active_deadline_seconds is None
        case "BestEffort":
            return pod.status.qos_class == "BestEffort"
        case "NotBestEffort":
            return pod.status.qos_class != "BestEffort"
        case "CrossNamespacePodAffinity":
            return _looks_beyond(spec.affinity)
        case "PriorityClass":
            return _has_value(clause, spec.priority_class_name)
    return False


def _has_value(clause: ScopedResourceSelectorRequirement, value: str) -> bool:
    match clause.operator:
        case "In":
            return value in clause.values
        case "NotIn":
            return value not in clause.values
        case "Exists":
            return bool(value)
    return not value  # DoesNotExist


def _looks_beyond(affinity: Any) -> bool:
    """Whether a Pod wants to be near, or away from, Pods of other namespaces."""
    if affinity is None:
        return False
    for part in (affinity.pod_affinity, affinity.pod_anti_affinity):
        if part is None:
            continue
        terms = list(part.required_during_scheduling_ignored_during_execution)
        preferred = part.preferred_during_scheduling_ignored_during_execution
        terms += [one.pod_affinity_term for one in preferred]
        if any(term.namespaces or term.namespace_selector is not None for term in terms):
            return True
    return False


def unsaid(pod: Pod, hard: Iterable[str]) -> str:
    """What the containers of a Pod have to say for a quota to count it: `limits.cpu for: web`;
    empty where nothing is missing."""
    missing: dict[str, list[str]] = {}
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        for name in _MUST_BE_SAID.intersection(hard):
            if not _says(container, name):
                missing.setdefault(name, []).append(container.name)
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


def _says(container: Container, name: str) -> bool:
    where, _, resource = name.rpartition(".")
    resources = container.resources
    return resource in (resources.limits if where == "limits" else resources.requests)
