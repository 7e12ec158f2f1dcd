"""Where a Pod may and would like to run: affinity, spreading, tolerations (core/v1)."""

from kernel.objects.meta import LabelSelector
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Int64


class NodeSelectorRequirement(Struct):
    """One clause over node labels: In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str
    """The label (or field) of the node that is looked at."""
    operator: str
    """How its value is compared with `values`. One of: DoesNotExist, Exists, Gt, In, Lt, NotIn."""
    values: list[str] = []
    """What it is compared with: some values for In and NotIn, one whole number for Gt and Lt, none
    for Exists and DoesNotExist."""


class NodeSelectorTerm(Struct, atomic=True):
    """Clauses that must all hold of a node."""

    match_expressions: list[NodeSelectorRequirement] = []
    """Requirements on the node's labels; all must hold."""
    match_fields: list[NodeSelectorRequirement] = []
    """Requirements on the node's fields, of which metadata.name is the only one; all must hold."""


class NodeSelector(Struct, atomic=True):
    """Terms of which one must hold of a node."""

    node_selector_terms: list[NodeSelectorTerm] = []
    """Alternatives: a node is selected if at least one term matches it. An empty term matches none.
    Required."""


class PreferredSchedulingTerm(Struct):
    """A term that adds `weight` (1 to 100) to the nodes that it holds of."""

    weight: Int32
    """What a match adds to the node's score, 1 to 100."""
    preference: NodeSelectorTerm
    """Which nodes the weight is for."""


class NodeAffinity(Struct):
    """Nodes that a Pod needs, and nodes that it prefers."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    """Nodes that the Pod may be put on. Changes of a node's labels later on have no effect on the
    Pod."""
    preferred_during_scheduling_ignored_during_execution: list[PreferredSchedulingTerm] = []
    """Nodes that are better than others: the weights of the terms that match are added up."""


class PodAffinityTerm(Struct):
    """Pods to be near to (or away from); `topology_key` is the node label that means near."""

    label_selector: LabelSelector | None = None
    """Labels of the Pods that this is about. Absent matches none, empty matches all."""
    namespaces: list[str] = []
    """Names of the namespaces of those Pods. With neither this nor `namespaceSelector`: the Pod's
    own namespace."""
    topology_key: str
    """The node label whose equal values make nodes one place, kubernetes.io/hostname say.
    Required."""
    namespace_selector: LabelSelector | None = None
    """Labels of the namespaces of those Pods, beside those in `namespaces`. Empty selects all
    namespaces."""
    match_label_keys: list[str] = []
    """Keys of labels that those Pods must share with this one; their values are taken from this Pod
    when it is created."""
    mismatch_label_keys: list[str] = []
    """Keys of labels whose values those Pods must not share with this one."""


class WeightedPodAffinityTerm(Struct):
    """A term that adds `weight` (1 to 100) to the nodes that satisfy it."""

    weight: Int32
    """What a match adds to the node's score, 1 to 100."""
    pod_affinity_term: PodAffinityTerm
    """Which Pods the weight is for, and what counts as near."""


class PodAffinity(Struct):
    """Pods that a Pod must or would like to be near to."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []
    """Pods near which this one must be; all terms must hold when it is scheduled, and are not
    looked at later."""
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = []
    """Pods near which this one should rather be: the weights of the terms that hold are added
    up."""


class PodAntiAffinity(Struct):
    """Pods that a Pod must or would like to be away from."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []
    """Pods near which this one must not be; all terms must hold when it is scheduled, and are not
    looked at later."""
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = []
    """Pods near which this one should rather not be: the weights of the terms that hold are taken
    off."""


class Affinity(Struct):
    """All of a Pod's wishes about nodes and neighbours."""

    node_affinity: NodeAffinity | None = None
    """Which nodes the Pod may or should be on."""
    pod_affinity: PodAffinity | None = None
    """Which other Pods it is to be near."""
    pod_anti_affinity: PodAntiAffinity | None = None
    """Which other Pods it is to be away from."""


class Toleration(Struct):
    """Lets a Pod onto nodes with a taint; under NoExecute for `toleration_seconds` if set."""

    key: str = ""
    """Key of the taints that are tolerated. Empty, with the operator Exists: every taint."""
    operator: str = ""
    """Whether the value counts (Equal), any value will do (Exists), or numbers are compared (Gt,
    Lt). Default: Equal. One of: Equal, Exists, Gt, Lt."""
    value: str = ""
    """The taint's value; must be empty with the operator Exists."""
    effect: str = ""
    """The effect that is tolerated; empty for all. One of: NoExecute, NoSchedule,
    PreferNoSchedule."""
    toleration_seconds: Int64 | None = None
    """For how long a NoExecute taint is tolerated, in seconds, before the Pod is evicted. Absent:
    for ever; 0 or less: not at all."""


class TopologySpreadConstraint(Struct):
    """How evenly matching Pods must be spread over the values of a node label."""

    max_skew: Int32
    """By how many Pods one domain may exceed the emptiest one; 1 or more."""
    topology_key: str
    """The node label whose values are the domains, topology.kubernetes.io/zone say."""
    when_unsatisfiable: str
    """What to do with a Pod that fits nowhere: leave it waiting, or schedule it with the least
    skew. One of: DoNotSchedule, ScheduleAnyway."""
    label_selector: LabelSelector | None = None
    """Labels of the Pods that are counted in each domain."""
    min_domains: Int32 | None = None
    """How many domains there must be; while there are fewer, the emptiest counts as having no Pods.
    Only with DoNotSchedule. Default: 1."""
    node_affinity_policy: str | None = None
    """Whether nodes that the Pod's nodeSelector and nodeAffinity rule out are left out of the
    count. Default: Honor. One of: Honor, Ignore."""
    node_taints_policy: str | None = None
    """Whether nodes with taints that the Pod does not tolerate are left out of the count. Default:
    Ignore. One of: Honor, Ignore."""
    match_label_keys: list[str] = []
    """Keys of labels that counted Pods must share with this one, beside `labelSelector`."""
