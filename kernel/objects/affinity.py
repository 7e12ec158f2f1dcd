"""Where a Pod may and would like to run: affinity, spreading, tolerations (core/v1)."""

from kernel.objects.meta import LabelSelector
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Int64


class NodeSelectorRequirement(Struct):
    """One clause over node labels: In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str
    operator: str
    values: list[str] = []


class NodeSelectorTerm(Struct, atomic=True):
    """Clauses that must all hold of a node."""

    match_expressions: list[NodeSelectorRequirement] = []
    match_fields: list[NodeSelectorRequirement] = []


class NodeSelector(Struct, atomic=True):
    """Terms of which one must hold of a node."""

    node_selector_terms: list[NodeSelectorTerm] = []


class PreferredSchedulingTerm(Struct):
    """A term that adds `weight` (1 to 100) to the nodes that it holds of."""

    weight: Int32
    preference: NodeSelectorTerm


class NodeAffinity(Struct):
    """Nodes that a Pod needs, and nodes that it prefers."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: list[PreferredSchedulingTerm] = []


class PodAffinityTerm(Struct):
    """Pods to be near to (or away from); `topology_key` is the node label that means near."""

    label_selector: LabelSelector | None = None
    namespaces: list[str] = []
    topology_key: str
    namespace_selector: LabelSelector | None = None
    match_label_keys: list[str] = []
    mismatch_label_keys: list[str] = []


class WeightedPodAffinityTerm(Struct):
    """A term that adds `weight` (1 to 100) to the nodes that satisfy it."""

    weight: Int32
    pod_affinity_term: PodAffinityTerm


class PodAffinity(Struct):
    """Pods that a Pod must or would like to be near to."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = []


class PodAntiAffinity(Struct):
    """Pods that a Pod must or would like to be away from."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = []


class Affinity(Struct):
    """All of a Pod's wishes about nodes and neighbours."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class Toleration(Struct):
    """Lets a Pod onto nodes with a taint; under NoExecute for `toleration_seconds` if set."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: Int64 | None = None


class TopologySpreadConstraint(Struct):
    """How evenly matching Pods must be spread over the values of a node label."""

    max_skew: Int32
    topology_key: str
    when_unsatisfiable: str
    label_selector: LabelSelector | None = None
    min_domains: Int32 | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: list[str] = []
