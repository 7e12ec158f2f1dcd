"""The rules of scheduling as tables, and properties that hold of every sequence of decisions."""

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node, NodeSpec, NodeStatus, Taint
from kernel.objects.pod import (
    Affinity,
    Container,
    ContainerPort,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PodSpec,
    PreferredSchedulingTerm,
    ResourceRequirements,
    Toleration,
)
from kernel.reconcilers.scheduling.ledger import Ledger
from kernel.reconcilers.scheduling.requests import (
    Amounts,
    HostPort,
    Requirements,
    Wishes,
    node_facts,
    parse_wishes,
    requirements,
)
from kernel.reconcilers.scheduling.rules import (
    failure_message,
    ports_conflict,
    room_refusals,
    standing_refusal,
    standing_scores,
)

NO_AFFINITY = "node(s) didn't match Pod's node affinity/selector"


def make_node(name: str = "node1", **spec: object) -> Node:
    labels = {"kubernetes.io/hostname": name, "disk": "ssd", "cores": "8"}
    capacity = {"cpu": "4", "memory": "8Gi", "pods": "3", "example.dev/gpu": "1"}
    return Node(
        metadata=ObjectMeta(name=name, labels=labels),
        spec=NodeSpec(**spec),  # type: ignore[arg-type]
        status=NodeStatus(allocatable=capacity),
    )


def container(restart_policy: str | None = None, **requests: str) -> Container:
    return Container(
        name="c",
        image="i",
        restart_policy=restart_policy,
        resources=ResourceRequirements(requests=requests),
    )


def refusal(node: Node, spec: PodSpec) -> str:
    asked = requirements(Pod(spec=spec))
    return standing_refusal(parse_wishes(asked.wishes), node_facts(node))


def required(*terms: NodeSelectorTerm) -> Affinity:
    selector = NodeSelector(node_selector_terms=list(terms))
    node_affinity = NodeAffinity(required_during_scheduling_ignored_during_execution=selector)
    return Affinity(node_affinity=node_affinity)


def clause(key: str, operator: str, *values: str) -> NodeSelectorTerm:
    requirement = NodeSelectorRequirement(key=key, operator=operator, values=list(values))
    return NodeSelectorTerm(match_expressions=[requirement])


@pytest.mark.parametrize(
    ("init", "containers", "overhead", "expected"),
    [
        ([], [container(cpu="1", memory="1Gi"), container(cpu="500m")], {}, (1500, 2**30)),
        ([container(cpu="2")], [container(cpu="1", memory="1Ki")], {}, (2000, 1024)),
        ([container(cpu="2")], [container(cpu="1")], {"cpu": "250m"}, (2250, 0)),
        # A sidecar runs beside what follows it, and beside the containers.
        (
            [container("Always", cpu="1"), container(cpu="2")],
            [container(cpu="500m")],
            {},
            (3000, 0),
        ),
        ([container(cpu="2"), container("Always", cpu="1")], [container(cpu="2")], {}, (3000, 0)),
    ],
)
def test_requests_are_those_of_the_most_demanding_moment(
    init: list[Container],
    containers: list[Container],
    overhead: dict[str, str],
    expected: tuple[int, int],
) -> None:
    spec = PodSpec(init_containers=init, containers=containers, overhead=overhead)
    assert requirements(Pod(spec=spec)).stated[:2] == expected


def test_requests_of_the_whole_pod_come_before_those_of_containers() -> None:
    spec = PodSpec(
        containers=[container(cpu="1", memory="1Ki")],
        resources=ResourceRequirements(requests={"cpu": "3"}),
    )
    assert requirements(Pod(spec=spec)).stated == Amounts(3000, 1024)


def test_a_container_that_asks_for_nothing_still_weighs_something() -> None:
    asked = requirements(Pod(spec=PodSpec(containers=[container()])))
    assert asked.stated == Amounts()
    assert asked.weighed == Amounts(100, 200 * 2**20)


def test_equal_wishes_are_equal_requirements() -> None:
    one = PodSpec(containers=[container(cpu="1")], node_selector={"a": "1", "b": "2"})
    other = PodSpec(containers=[container(cpu="1000m")], node_selector={"b": "2", "a": "1"})
    assert requirements(Pod(spec=one)) == requirements(Pod(spec=other))
    assert hash(requirements(Pod(spec=one))) == hash(requirements(Pod(spec=other)))


def test_a_cordoned_node_is_refused_unless_that_is_tolerated() -> None:
    node = make_node(unschedulable=True, taints=[Taint(key="k", effect="NoExecute")])
    assert refusal(node, PodSpec()) == "node(s) were unschedulable"
    tolerations = [Toleration(key="node.kubernetes.io/unschedulable", operator="Exists")]
    assert refusal(node, PodSpec(tolerations=tolerations)) == (
        "node(s) had untolerated taint {k: }"
    )


@pytest.mark.parametrize(
    ("taint", "tolerations", "expected"),
    [
        (Taint(key="k", value="v", effect="NoSchedule"), [], "{k: v}"),
        (Taint(key="k", value="v", effect="NoExecute"), [Toleration(key="k", value="w")], "{k: v}"),
        (Taint(key="k", value="v", effect="NoSchedule"), [Toleration(key="k", value="v")], ""),
        (Taint(key="k", value="v", effect="NoSchedule"), [Toleration(operator="Exists")], ""),
        (
            Taint(key="k", value="v", effect="NoSchedule"),
            [Toleration(key="k", operator="Exists", effect="NoExecute")],
            "{k: v}",
        ),
        (Taint(key="k", value="v", effect="PreferNoSchedule"), [], ""),
    ],
)
def test_taints_need_a_toleration(
    taint: Taint, tolerations: list[Toleration], expected: str
) -> None:
    told = refusal(make_node(taints=[taint]), PodSpec(tolerations=tolerations))
    assert told == (f"node(s) had untolerated taint {expected}" if expected else "")


@pytest.mark.parametrize(
    ("spec", "matches"),
    [
        (PodSpec(node_selector={"disk": "ssd"}), True),
        (PodSpec(node_selector={"disk": "hdd"}), False),
        (PodSpec(affinity=required(clause("disk", "In", "hdd", "ssd"))), True),
        (PodSpec(affinity=required(clause("disk", "NotIn", "ssd"))), False),
        (PodSpec(affinity=required(clause("zone", "NotIn", "a"))), True),
        (PodSpec(affinity=required(clause("zone", "Exists"))), False),
        (PodSpec(affinity=required(clause("zone", "DoesNotExist"))), True),
        (PodSpec(affinity=required(clause("cores", "Gt", "4"))), True),
        (PodSpec(affinity=required(clause("cores", "Lt", "8"))), False),
        (PodSpec(affinity=required(clause("disk", "Gt", "4"))), False),
        (PodSpec(affinity=required(clause("zone", "Exists"), clause("disk", "Exists"))), True),
        (PodSpec(affinity=required(NodeSelectorTerm())), False),
        (PodSpec(affinity=required()), False),
        (
            PodSpec(
                affinity=required(
                    NodeSelectorTerm(
                        match_fields=[
                            NodeSelectorRequirement(
                                key="metadata.name", operator="In", values=["node1"]
                            )
                        ]
                    )
                )
            ),
            True,
        ),
    ],
)
def test_selector_and_affinity_choose_nodes(spec: PodSpec, matches: bool) -> None:
    assert refusal(make_node(), spec) == ("" if matches else NO_AFFINITY)


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "TCP", 80), True),
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "UDP", 80), False),
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "TCP", 81), False),
        (("10.0.0.1", "TCP", 80), ("10.0.0.2", "TCP", 80), False),
        (("10.0.0.1", "TCP", 80), ("0.0.0.0", "TCP", 80), True),
    ],
)
def test_ports_conflict_where_addresses_overlap(
    one: tuple[str, str, int], other: tuple[str, str, int], conflict: bool
) -> None:
    assert ports_conflict([HostPort(*one)], [HostPort(*other)]) is conflict
    assert ports_conflict([HostPort(*other)], [HostPort(*one)]) is conflict


def test_each_resource_gives_its_own_reason() -> None:
    asked = Requirements(stated=Amounts(10, 10, (("example.dev/gpu", 2),)))
    free = Amounts(9, 9, (("example.dev/gpu", 1),))
    assert room_refusals(asked, free, 0, []) == [
        "Too many pods",
        "Insufficient cpu",
        "Insufficient memory",
        "Insufficient example.dev/gpu",
    ]
    assert room_refusals(Requirements(), Amounts(-5, -5), 1, []) == []


def test_taken_ports_are_said_before_resources() -> None:
    port = HostPort("0.0.0.0", "TCP", 80)
    asked = Requirements(stated=Amounts(10), ports=(port,))
    assert room_refusals(asked, Amounts(), 0, [port]) == [
        "node(s) didn't have free ports for the requested pod ports"
    ]


def test_the_message_counts_reasons_over_nodes() -> None:
    told = failure_message(
        6,
        Counter({"node(s) were unschedulable": 2, NO_AFFINITY: 1}),
        Counter({"Insufficient memory": 3, "Insufficient cpu": 1}),
        3,
    )
    assert told == (
        "0/6 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node "
        "affinity/selector, 2 node(s) were unschedulable, 3 Insufficient memory. preemption: "
        "0/6 nodes are available: 3 No preemption victims found for incoming pod, "
        "3 Preemption is not helpful for scheduling."
    )
    assert failure_message(0, Counter(), Counter(), 0) == "no nodes available to schedule pods"


def test_preferences_and_soft_taints_order_the_nodes() -> None:
    soft = make_node("soft", taints=[Taint(key="k", effect="PreferNoSchedule")])
    term = PreferredSchedulingTerm(weight=10, preference=clause("disk", "In", "ssd"))
    hdd = make_node("hdd")
    hdd.metadata.labels["disk"] = "hdd"
    nodes = [node_facts(node) for node in (soft, hdd, make_node("best"))]
    scores = standing_scores(Wishes(preferred=[term]), nodes)
    assert scores == {"soft": 200, "hdd": 300, "best": 500}


def test_of_equal_nodes_the_emptier_one_is_chosen() -> None:
    ledger = Ledger()
    asked = requirements(Pod(spec=PodSpec(containers=[container(cpu="1")])))
    for name in ("node1", "node2"):
        ledger.set_node(node_facts(make_node(name)))
    chosen = []
    for number in range(4):
        chosen.append(ledger.choose(asked))
        ledger.place(("default", f"pod{number}"), chosen[-1], asked)
    assert sorted(chosen) == ["node1", "node1", "node2", "node2"]


pod_specs = st.builds(
    lambda cpu, memory, gpu, port, zone: PodSpec(
        containers=[
            Container(
                name="c",
                image="i",
                resources=ResourceRequirements(
                    requests={"cpu": f"{cpu}m", "memory": str(memory), "example.dev/gpu": str(gpu)}
                ),
                ports=[ContainerPort(container_port=80, host_port=port)] if port else [],
            )
        ],
        node_selector={"kubernetes.io/hostname": zone} if zone else {},
    ),
    cpu=st.integers(0, 5000),
    memory=st.integers(0, 9 * 2**30),
    gpu=st.integers(0, 1),
    port=st.sampled_from([0, 0, 80, 81]),
    zone=st.sampled_from(["", "", "", "node0", "node1"]),
)


def _really_fits(pods: list[Pod], node: Node, new: Pod) -> bool:
    """The same question, answered from scratch."""
    selector = new.spec.node_selector
    if not selector.items() <= node.metadata.labels.items() or len(pods) >= 3:
        return False
    every = [requirements(pod) for pod in (*pods, new)]
    ports = [port for one in every for port in one.ports]
    others = sum(amount for one in every for _, amount in one.stated.others)
    asked = every[-1].stated
    return (
        (not asked.cpu_milli or sum(one.stated.cpu_milli for one in every) <= 4000)
        and (not asked.memory_bytes or sum(one.stated.memory_bytes for one in every) <= 8 * 2**30)
        and (not asked.others or others <= 1)
        and len(set(ports)) == len(ports)
    )


@given(st.lists(st.tuples(pod_specs, st.booleans()), max_size=20), st.integers(0, 3))
def test_never_overbooks_and_never_refuses_what_fits(
    steps: list[tuple[PodSpec, bool]], nodes_count: int
) -> None:
    ledger = Ledger()
    nodes = {f"node{number}": make_node(f"node{number}") for number in range(nodes_count)}
    for node in nodes.values():
        ledger.set_node(node_facts(node))
    placed: dict[str, list[Pod]] = {name: [] for name in nodes}
    for number, (spec, removes) in enumerate(steps):
        pod = Pod(metadata=ObjectMeta(name=f"pod{number}", namespace="default"), spec=spec)
        asked = requirements(pod)
        chosen = ledger.choose(asked)
        fitting = {name for name in nodes if _really_fits(placed[name], nodes[name], pod)}
        assert {name for name in nodes if ledger.accepts(name, asked)} == fitting
        if chosen:
            assert chosen in fitting
            ledger.place(("default", pod.metadata.name), chosen, asked)
            placed[chosen].append(pod)
        else:
            assert not fitting
            assert ledger.explain(asked).startswith(
                f"0/{nodes_count} nodes are available: " if nodes else "no nodes available"
            )
        if removes and chosen:
            gone = placed[chosen].pop(0)
            assert ledger.remove(("default", gone.metadata.name)) == chosen


@given(st.lists(st.sampled_from(["place", "remove", "node", "no node"]), max_size=30))
def test_a_ledger_that_has_forgotten_everything_is_like_new(steps: list[str]) -> None:
    ledger = Ledger()
    spec = PodSpec(containers=[container(cpu="3", **{"example.dev/gpu": "1"})])
    asked = requirements(Pod(spec=spec))
    facts = node_facts(make_node())
    for number, step in enumerate(steps):
        if step == "place":
            ledger.place(("default", f"pod{number % 3}"), "node1", asked)
        elif step == "remove":
            ledger.remove(("default", f"pod{number % 3}"))
        elif step == "node":
            ledger.set_node(facts)
        else:
            ledger.remove_node("node1")
    for number in range(3):
        ledger.remove(("default", f"pod{number}"))
    assert ledger.nodes_count == (1 if ledger.accepts("node1", asked) else 0)
    ledger.remove_node("node1")
    ledger.set_node(facts)
    assert ledger.accepts("node1", asked)
