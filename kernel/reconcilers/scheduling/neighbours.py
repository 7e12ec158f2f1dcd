"""Pure: which nodes a Pod may run on because of the Pods that run there, or near there.

Near is the same value of a node label (`topologyKey`). Pods' affinity and anti-affinity, the
anti-affinity of those that are placed already, and how evenly Pods are spread; the reasons are
those of Kubernetes 1.32 (pkg/scheduler/framework/plugins: interpodaffinity, podtopologyspread).

All of it costs a look at every placed Pod, for the few Pods that wish for it: see `concerns`.

https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kernel.objects.affinity import (
    Affinity,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)
from kernel.objects.meta import LabelSelector
from kernel.objects.pod import Pod
from kernel.objects.selectors import LabelMatcher, LabelRequirement, SelectorError, label_matcher
from kernel.reconcilers.scheduling.requests import NodeFacts, Wishes
from kernel.reconcilers.scheduling.rules import is_affine, is_tolerated

NO_AFFINITY = "node(s) didn't match pod affinity rules"
NO_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
REPELLED = "node(s) didn't satisfy existing pods anti-affinity rules"
UNEVEN = "node(s) didn't match pod topology spread constraints"
NO_TOPOLOGY = f"{UNEVEN} (missing required label)"

BEYOND_HELP = (NO_AFFINITY, NO_TOPOLOGY)
"""The reasons that no removal of Pods could end."""

SCORE_MAX = 100
# Kubernetes' weight of the plugins InterPodAffinity and PodTopologySpread.
WEIGHT = 2


class Neighbour(msgspec.Struct, frozen=True):
    """A Pod that is on a node, or about to be."""

    pod: Pod
    node_name: str


class Surroundings(msgspec.Struct, frozen=True):
    """What a Pod may come to: the nodes by name, who is there, and the labels of namespaces.

    `wishes` are what the Pod asks of nodes' labels and taints.
    """

    nodes: Mapping[str, NodeFacts]
    neighbours: Sequence[Neighbour]
    namespaces: Mapping[str, Mapping[str, str]]
    wishes: Wishes

    def topology(self, node_name: str, key: str) -> str | None:
        """Where a node is; None where it doesn't say."""
        facts = self.nodes.get(node_name)
        return facts.labels.get(key) if facts is not None else None


class Verdict(msgspec.Struct, frozen=True):
    """Why nodes are refused, by name, and how much the others are liked (0 to 400)."""

    refusals: Mapping[str, str] = {}
    scores: Mapping[str, int] = {}


NO_VERDICT = Verdict()


def wishes_for_neighbours(pod: Pod) -> bool:
    """Whether a Pod says anything about other Pods."""
    affinity = pod.spec.affinity
    return bool(
        pod.spec.topology_spread_constraints
        or (affinity and (affinity.pod_affinity or affinity.pod_anti_affinity))
    )


def repels(pod: Pod) -> bool:
    """Whether a Pod keeps others away from where it is."""
    return bool(_required_apart(pod))


def judge(pod: Pod, around: Surroundings) -> Verdict:
    """What a Pod's wishes about others, and theirs about it, leave of the nodes."""
    refusals: dict[str, str] = {}
    for name, refusal in (
        *_uneven(pod, around),
        *_not_near(pod, around),
        *_not_apart(pod, around),
        *_repelled(pod, around),
    ):
        refusals.setdefault(name, refusal)
    left = [name for name in around.nodes if name not in refusals]
    return Verdict(refusals, _scores(pod, around, left))


# Required affinity and anti-affinity

_Refusals = Iterable[tuple[str, str]]


def _required_near(pod: Pod) -> Sequence[PodAffinityTerm]:
    near = (pod.spec.affinity or Affinity()).pod_affinity
    return near.required_during_scheduling_ignored_during_execution if near else ()


def _required_apart(pod: Pod) -> Sequence[PodAffinityTerm]:
    apart = (pod.spec.affinity or Affinity()).pod_anti_affinity
    return apart.required_during_scheduling_ignored_during_execution if apart else ()


def _not_near(pod: Pod, around: Surroundings) -> _Refusals:
    terms = _required_near(pod)
    if not terms:
        return
    # Pods that all of the terms mean, and where they are.
    meant = [
        one for one in around.neighbours if all(_meant(t, pod, one.pod, around) for t in terms)
    ]
    is_first = not meant and all(_meant(term, pod, pod, around) for term in terms)
    for name in around.nodes:
        places = [around.topology(name, term.topology_key) for term in terms]
        near = all(
            place is not None
            and (
                is_first
                or any(around.topology(one.node_name, term.topology_key) == place for one in meant)
            )
            for term, place in zip(terms, places, strict=True)
        )
        if not near:
            yield name, NO_AFFINITY


def _not_apart(pod: Pod, around: Surroundings) -> _Refusals:
    for term in _required_apart(pod):
        taken = {
            around.topology(one.node_name, term.topology_key)
            for one in around.neighbours
            if _meant(term, pod, one.pod, around)
        } - {None}
        for name in around.nodes:
            if around.topology(name, term.topology_key) in taken:
                yield name, NO_ANTI_AFFINITY


def _repelled(pod: Pod, around: Surroundings) -> _Refusals:
    for one in around.neighbours:
        for term in _required_apart(one.pod):
            place = around.topology(one.node_name, term.topology_key)
            if place is None or not _meant(term, one.pod, pod, around):
                continue
            for name in around.nodes:
                if around.topology(name, term.topology_key) == place:
                    yield name, REPELLED


def _meant(term: PodAffinityTerm, owner: Pod, other: Pod, around: Surroundings) -> bool:
    """Whether a term of `owner` is about `other`."""
    namespace = other.metadata.namespace
    if term.namespaces or term.namespace_selector is not None:
        labels = around.namespaces.get(namespace, {})
        by_labels = term.namespace_selector is not None and _matcher(
            term.namespace_selector
        ).matches(labels)
        if namespace not in term.namespaces and not by_labels:
            return False
    elif namespace != owner.metadata.namespace:
        return False
    matcher = _with_keys(
        _matcher(term.label_selector), owner, term.match_label_keys, term.mismatch_label_keys
    )
    return matcher.matches(other.metadata.labels)


def _matcher(selector: LabelSelector | None) -> LabelMatcher:
    try:
        return label_matcher(selector)
    except SelectorError:
        return LabelMatcher(matches_nothing=True)


def _with_keys(
    matcher: LabelMatcher, owner: Pod, keys: Sequence[str], other_keys: Sequence[str] = ()
) -> LabelMatcher:
    """The selector, narrowed to Pods that have the owner's values of some labels, or others."""
    labels = owner.metadata.labels
    requirements = [
        *(LabelRequirement(key, "in", frozenset({labels[key]})) for key in keys if key in labels),
        *(
            LabelRequirement(key, "notin", frozenset({labels[key]}))
            for key in other_keys
            if key in labels
        ),
    ]
    return LabelMatcher((*matcher.requirements, *requirements), matcher.matches_nothing)


# Spreading


def _uneven(pod: Pod, around: Surroundings) -> _Refusals:
    for constraint in pod.spec.topology_spread_constraints:
        if constraint.when_unsatisfiable != "DoNotSchedule":
            continue
        key = constraint.topology_key
        counts = _counts(pod, constraint, around)
        least = min(counts.values(), default=0)
        if constraint.min_domains is not None and len(counts) < constraint.min_domains:
            least = 0
        own = int(_spread_matcher(pod, constraint).matches(pod.metadata.labels))
        for name in around.nodes:
            place = around.topology(name, key)
            if place is None:
                yield name, NO_TOPOLOGY
            elif counts.get(place, 0) + own - least > constraint.max_skew:
                yield name, UNEVEN


def _counts(pod: Pod, constraint: TopologySpreadConstraint, around: Surroundings) -> dict[str, int]:
    """How many Pods that the constraint means are in each place that the Pod could go to."""
    key, matcher = constraint.topology_key, _spread_matcher(pod, constraint)
    counted = {
        name
        for name, facts in around.nodes.items()
        if (constraint.node_affinity_policy == "Ignore" or is_affine(around.wishes, facts))
        and (constraint.node_taints_policy != "Honor" or is_tolerated(around.wishes, facts))
    }
    counts = {place: 0 for name in counted if (place := around.topology(name, key)) is not None}
    for one in around.neighbours:
        place = around.topology(one.node_name, key)
        if (
            place is not None
            and one.node_name in counted
            and one.pod.metadata.namespace == pod.metadata.namespace
            and one.pod.metadata.deletion_timestamp is None
            and matcher.matches(one.pod.metadata.labels)
        ):
            counts[place] += 1
    return counts


def _spread_matcher(pod: Pod, constraint: TopologySpreadConstraint) -> LabelMatcher:
    return _with_keys(_matcher(constraint.label_selector), pod, constraint.match_label_keys)


# What is preferred


def _scores(pod: Pod, around: Surroundings, names: Sequence[str]) -> dict[str, int]:
    liked = _liked(pod, around, names)
    crowds = _crowds(pod, around, names)
    return {name: WEIGHT * (liked.get(name, 0) + crowds.get(name, 0)) for name in names}


def _liked(pod: Pod, around: Surroundings, names: Sequence[str]) -> dict[str, int]:
    """Preferred neighbours, less those that are preferred elsewhere; scaled to 0..100."""
    affinity = pod.spec.affinity or Affinity()
    near, apart = affinity.pod_affinity, affinity.pod_anti_affinity
    weighted = [
        *((one, 1) for one in _preferred(near)),
        *((one, -1) for one in _preferred(apart)),
    ]
    sums: Counter[str] = Counter()
    for preference, sign in weighted:
        term = preference.pod_affinity_term
        places = Counter(
            around.topology(one.node_name, term.topology_key)
            for one in around.neighbours
            if _meant(term, pod, one.pod, around)
        )
        for name in names:
            place = around.topology(name, term.topology_key)
            if place is not None:
                sums[name] += sign * preference.weight * places[place]
    return _scaled(sums, names)


def _preferred(wishes: PodAffinity | PodAntiAffinity | None) -> Sequence[WeightedPodAffinityTerm]:
    return wishes.preferred_during_scheduling_ignored_during_execution if wishes else ()


def _crowds(pod: Pod, around: Surroundings, names: Sequence[str]) -> dict[str, int]:
    """Fewer Pods that a soft constraint means are better; scaled to 0..100."""
    sums: Counter[str] = Counter()
    for constraint in pod.spec.topology_spread_constraints:
        if constraint.when_unsatisfiable != "ScheduleAnyway":
            continue
        counts = _counts(pod, constraint, around)
        for name in names:
            place = around.topology(name, constraint.topology_key)
            sums[name] -= counts.get(place, 0) if place is not None else 0
    return _scaled(sums, names)


def _scaled(sums: Mapping[str, int], names: Sequence[str]) -> dict[str, int]:
    values = [sums.get(name, 0) for name in names]
    least, most = min(values, default=0), max(values, default=0)
    if least == most:
        return dict.fromkeys(names, 0)
    return {
        name: SCORE_MAX * (value - least) // (most - least)
        for name, value in zip(names, values, strict=True)
    }
