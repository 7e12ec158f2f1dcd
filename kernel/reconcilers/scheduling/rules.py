"""Pure: which nodes a Pod may run on and would like to, and the words for why not.

The filters stand in Kubernetes' order, and the first that refuses a node gives its reason (that of
resources gives one reason for each resource). The words are those of Kubernetes 1.32
(pkg/scheduler/framework: types.go, preemption/preemption.go, plugins/*).
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from kernel.objects.affinity import NodeSelectorRequirement, NodeSelectorTerm, Toleration
from kernel.objects.node import Taint
from kernel.objects.selectors import LabelRequirement, Operator
from kernel.reconcilers.scheduling.requests import (
    ANY_ADDRESS,
    Amounts,
    HostPort,
    NodeFacts,
    Requirements,
    Wishes,
)

NO_NODES = "no nodes available to schedule pods"
UNSCHEDULABLE = "node(s) were unschedulable"
NO_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
PORTS_TAKEN = "node(s) didn't have free ports for the requested pod ports"
TOO_MANY_PODS = "Too many pods"

# Kubernetes' weights of the plugins TaintToleration and NodeAffinity; how full a node is has 1.
TAINT_WEIGHT = 3
AFFINITY_WEIGHT = 2
SCORE_MAX = 100

_UNSCHEDULABLE_TAINT = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_KEEPS_OFF = ("NoSchedule", "NoExecute")
_OPERATORS: Mapping[str, Operator] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "absent",
    "Gt": "gt",
    "Lt": "lt",
}


def standing_refusal(wishes: Wishes, facts: NodeFacts) -> str:
    """Why a node is refused whatever runs on it, or "". Removing Pods can't change that."""
    tolerations = wishes.tolerations
    if facts.unschedulable and not _tolerated(_UNSCHEDULABLE_TAINT, tolerations):
        return UNSCHEDULABLE
    taint = _untolerated(wishes, facts)
    if taint is not None:
        return f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"
    if not is_affine(wishes, facts):
        return NO_AFFINITY
    return ""


def is_tolerated(wishes: Wishes, facts: NodeFacts) -> bool:
    """Whether no taint of the node keeps the Pod off."""
    return _untolerated(wishes, facts) is None


def is_affine(wishes: Wishes, facts: NodeFacts) -> bool:
    """Whether the node has the labels that the Pod's selector and required affinity ask for."""
    labels = facts.labels
    if any(labels.get(key) != value for key, value in wishes.selector.items()):
        return False
    return wishes.required is None or any(_holds(term, facts) for term in wishes.required)


def room_refusals(
    asked: Requirements, free: Amounts, pods_free: int, ports_used: Iterable[HostPort]
) -> list[str]:
    """Why a node with this much left is refused; empty where the Pod fits.

    A resource that is not among `free` is one that the node does not have.
    """
    if asked.ports and ports_conflict(asked.ports, ports_used):
        return [PORTS_TAKEN]
    stated = asked.stated
    refusals = [] if pods_free > 0 else [TOO_MANY_PODS]
    if stated.cpu_milli > max(free.cpu_milli, 0):
        refusals.append("Insufficient cpu")
    if stated.memory_bytes > max(free.memory_bytes, 0):
        refusals.append("Insufficient memory")
    others = dict(free.others)
    refusals += [
        f"Insufficient {name}" for name, amount in stated.others if amount > others.get(name, 0)
    ]
    return refusals


def ports_conflict(wanted: Iterable[HostPort], used: Iterable[HostPort]) -> bool:
    """Whether two Pods would listen on the same port of the same address."""
    taken: dict[tuple[str, int], set[str]] = {}
    for port in used:
        taken.setdefault((port.protocol, port.port), set()).add(port.address)
    for port in wanted:
        addresses = taken.get((port.protocol, port.port))
        if addresses and (
            port.address == ANY_ADDRESS or ANY_ADDRESS in addresses or port.address in addresses
        ):
            return True
    return False


def standing_scores(wishes: Wishes, nodes: Iterable[NodeFacts]) -> dict[str, int]:
    """By node name, how much a Pod likes each of the nodes: fewer taints that would rather not
    have it, more of the affinity that it prefers. Each part is scaled to 0..100 and weighted."""
    facts = list(nodes)
    taints = {
        one.name: sum(
            taint.effect == "PreferNoSchedule" and not _tolerated(taint, wishes.tolerations)
            for taint in one.taints
        )
        for one in facts
    }
    liked = {
        one.name: sum(term.weight for term in wishes.preferred if _holds(term.preference, one))
        for one in facts
    }
    taints_most = max(taints.values(), default=0) or 1
    liked_most = max(liked.values(), default=0) or 1
    return {
        name: TAINT_WEIGHT * (SCORE_MAX - SCORE_MAX * taints[name] // taints_most)
        + AFFINITY_WEIGHT * (SCORE_MAX * liked[name] // liked_most)
        for name in taints
    }


def failure_message(
    nodes_count: int, standing: Counter[str], room: Counter[str], room_nodes_count: int
) -> str:
    """Why a Pod fits nowhere, as Kubernetes says it.

    `standing` and `room` count reasons over nodes, of which `room_nodes_count` might be helped by
    removing Pods. No Pod is ever removed for another here, so the second sentence says of those
    that there is no victim, and of the others that it would be of no help.
    """
    if not nodes_count:
        return NO_NODES
    unhelped = nodes_count - room_nodes_count
    preemption: Counter[str] = Counter()
    if room_nodes_count:
        preemption["No preemption victims found for incoming pod"] = room_nodes_count
    if unhelped:
        preemption["Preemption is not helpful for scheduling"] = unhelped
    start = f"0/{nodes_count} nodes are available: "
    return f"{start}{_listed(standing + room)}. preemption: {start}{_listed(preemption)}."


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))


def _untolerated(wishes: Wishes, facts: NodeFacts) -> Taint | None:
    for taint in facts.taints:
        if taint.effect in _KEEPS_OFF and not _tolerated(taint, wishes.tolerations):
            return taint
    return None


def _tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    return any(
        toleration.effect in ("", taint.effect)
        and toleration.key in ("", taint.key)
        and (toleration.operator == "Exists" or toleration.value == taint.value)
        for toleration in tolerations
    )


def _holds(term: NodeSelectorTerm, facts: NodeFacts) -> bool:
    """Whether a term holds of a node. One without any clause holds of none."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": facts.name}
    return all(_clause_holds(clause, facts.labels) for clause in term.match_expressions) and all(
        _clause_holds(clause, fields) for clause in term.match_fields
    )


def _clause_holds(clause: NodeSelectorRequirement, values: Mapping[str, str]) -> bool:
    operator = _OPERATORS.get(clause.operator)
    if operator is None or (operator in ("gt", "lt") and len(clause.values) != 1):
        return False
    return LabelRequirement(clause.key, operator, frozenset(clause.values)).matches(values)
