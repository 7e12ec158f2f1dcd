"""Pods near and far from one another: the rules as tables, and the scheduler at work on them."""

from collections import Counter
from typing import Any

import anyio
import pytest
from hypothesis import given, strategies as st

from kernel.api.client import Client
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.control.recorder import Recorder
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node, NodeStatus
from kernel.objects.pod import (
    Affinity,
    Container,
    Pod,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    PodSpec,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)
from kernel.reconcilers.scheduling.neighbours import (
    NO_AFFINITY,
    NO_ANTI_AFFINITY,
    NO_TOPOLOGY,
    REPELLED,
    UNEVEN,
    Neighbour,
    Surroundings,
    judge,
)
from kernel.reconcilers.scheduling.requests import NodeFacts, Wishes, node_facts
from kernel.reconcilers.scheduling.scheduler import scheduler

settle = anyio.wait_all_tasks_blocked

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
ZONES = {"n1": "a", "n2": "a", "n3": "b"}


def make_node(name: str, **labels: str) -> Node:
    return Node(
        metadata=ObjectMeta(name=name, labels={HOST: name, **labels}),
        status=NodeStatus(allocatable={"cpu": "8", "memory": "8Gi", "pods": "110"}),
    )


def make_pod(name: str, app: str = "web", namespace: str = "default", **spec: Any) -> Pod:
    metadata = ObjectMeta(name=name, namespace=namespace, labels={"app": app})
    return Pod(
        metadata=metadata, spec=PodSpec(containers=[Container(name="main", image="i")], **spec)
    )


def term(app: str, key: str = HOST, **more: Any) -> PodAffinityTerm:
    selector = LabelSelector(match_labels={"app": app})
    return PodAffinityTerm(label_selector=selector, topology_key=key, **more)


def near(*terms: PodAffinityTerm) -> Affinity:
    required = PodAffinity(required_during_scheduling_ignored_during_execution=list(terms))
    return Affinity(pod_affinity=required)


def apart(*terms: PodAffinityTerm) -> Affinity:
    required = PodAntiAffinity(required_during_scheduling_ignored_during_execution=list(terms))
    return Affinity(pod_anti_affinity=required)


def spread(key: str = HOST, *, max_skew: int = 1, **more: Any) -> TopologySpreadConstraint:
    fields = {"when_unsatisfiable": "DoNotSchedule", **more}
    selector = LabelSelector(match_labels={"app": "web"})
    return TopologySpreadConstraint(
        max_skew=max_skew, topology_key=key, label_selector=selector, **fields
    )


def facts() -> dict[str, NodeFacts]:
    return {name: node_facts(make_node(name, **{ZONE: zone})) for name, zone in ZONES.items()}


def refusals(pod: Pod, *placed: tuple[Pod, str], wishes: Wishes | None = None) -> dict[str, str]:
    namespaces = {"default": {}, "other": {"team": "blue"}}
    neighbours = [Neighbour(neighbour, node_name) for neighbour, node_name in placed]
    return dict(
        judge(pod, Surroundings(facts(), neighbours, namespaces, wishes or Wishes())).refusals
    )


def test_near_is_the_same_place() -> None:
    cache = make_pod("cache", "cache")
    web = make_pod("w", affinity=near(term("cache", ZONE)))
    assert refusals(web, (cache, "n1")) == {"n3": NO_AFFINITY}
    assert refusals(web) == dict.fromkeys(ZONES, NO_AFFINITY)


def test_the_first_of_those_that_want_to_be_together_may_go_anywhere() -> None:
    web = make_pod("w", affinity=near(term("web", ZONE)))
    assert refusals(web) == {}
    assert refusals(web, (make_pod("other"), "n3")) == {"n1": NO_AFFINITY, "n2": NO_AFFINITY}
    nowhere = make_pod("w", affinity=near(term("web", "no-such-label")))
    assert refusals(nowhere) == dict.fromkeys(ZONES, NO_AFFINITY)


def test_apart_holds_both_ways() -> None:
    alone = make_pod("a", affinity=apart(term("web")))
    assert refusals(alone, (make_pod("b"), "n1")) == {"n1": NO_ANTI_AFFINITY}
    assert refusals(make_pod("b"), (alone, "n1")) == {"n1": REPELLED}
    assert refusals(make_pod("b", "cache"), (alone, "n1")) == {}


@pytest.mark.parametrize(
    ("more", "means_other"),
    [
        ({}, False),
        ({"namespaces": ["other"]}, True),
        ({"namespace_selector": LabelSelector()}, True),
        ({"namespace_selector": LabelSelector(match_labels={"team": "blue"})}, True),
        ({"namespace_selector": LabelSelector(match_labels={"team": "red"})}, False),
    ],
)
def test_which_namespaces_are_meant(more: dict[str, Any], means_other: bool) -> None:
    alone = make_pod("a", affinity=apart(term("web", **more)))
    found = refusals(alone, (make_pod("b", namespace="other"), "n1"))
    assert found == ({"n1": NO_ANTI_AFFINITY} if means_other else {})


def test_label_keys_narrow_what_is_meant() -> None:
    own = make_pod("a", affinity=apart(term("web", match_label_keys=["version"])))
    own.metadata.labels["version"] = "2"
    old = make_pod("b")
    old.metadata.labels["version"] = "1"
    assert refusals(own, (old, "n1")) == {}
    old.metadata.labels["version"] = "2"
    assert refusals(own, (old, "n1")) == {"n1": NO_ANTI_AFFINITY}


def test_spreading() -> None:
    web = make_pod("w", topology_spread_constraints=[spread(ZONE)])
    one, two = make_pod("1"), make_pod("2")
    assert refusals(web, (one, "n1")) == {"n1": UNEVEN, "n2": UNEVEN}
    assert refusals(web, (one, "n1"), (two, "n3")) == {}
    wide = make_pod("w", topology_spread_constraints=[spread(ZONE, max_skew=2)])
    assert refusals(wide, (one, "n1")) == {}
    unknown = make_pod("w", topology_spread_constraints=[spread("rack")])
    assert refusals(unknown) == dict.fromkeys(ZONES, NO_TOPOLOGY)


def test_nodes_that_a_pod_may_not_use_do_not_count_for_spreading() -> None:
    wishes = Wishes(selector={ZONE: "a"})
    web = make_pod("w", topology_spread_constraints=[spread(ZONE)])
    assert refusals(web, (make_pod("1"), "n1"), wishes=wishes) == {}
    counted = spread(ZONE, node_affinity_policy="Ignore")
    web = make_pod("w", topology_spread_constraints=[counted])
    assert refusals(web, (make_pod("1"), "n1"), wishes=wishes) == {"n1": UNEVEN, "n2": UNEVEN}


def test_too_few_places_count_as_empty_ones() -> None:
    web = make_pod("w", topology_spread_constraints=[spread(ZONE, min_domains=3)])
    placed = [(make_pod("1"), "n1"), (make_pod("2"), "n3")]
    assert refusals(web, *placed) == dict.fromkeys(ZONES, UNEVEN)


def test_what_is_preferred_scores() -> None:
    preferred = WeightedPodAffinityTerm(weight=10, pod_affinity_term=term("cache", ZONE))
    wishes = PodAffinity(preferred_during_scheduling_ignored_during_execution=[preferred])
    web = make_pod("w", affinity=Affinity(pod_affinity=wishes))
    around = Surroundings(facts(), [Neighbour(make_pod("c", "cache"), "n3")], {}, Wishes())
    assert judge(web, around).scores == {"n1": 0, "n2": 0, "n3": 200}
    soft = make_pod(
        "w", topology_spread_constraints=[spread(HOST, when_unsatisfiable="ScheduleAnyway")]
    )
    around = Surroundings(facts(), [Neighbour(make_pod("1"), "n1")], {}, Wishes())
    assert judge(soft, around).scores == {"n1": 0, "n2": 200, "n3": 200}


@given(st.integers(1, 3), st.integers(0, 12))
def test_spread_pods_are_never_further_apart_than_allowed(max_skew: int, pods_count: int) -> None:
    placed: list[tuple[Pod, str]] = []
    for number in range(pods_count):
        constraint = spread(ZONE, max_skew=max_skew)
        pod = make_pod(str(number), topology_spread_constraints=[constraint])
        refused = refusals(pod, *placed)
        left = [name for name in ZONES if name not in refused]
        assert left
        placed.append((pod, left[0]))
        counts = Counter(ZONES[name] for _, name in placed)
        assert counts["a"] - counts["b"] <= max_skew


# The scheduler at work


@pytest.fixture
def build(client: Client, clock: ManualClock) -> Any:
    def build(informers: Informers) -> list[Reconciler]:
        recorder = Recorder(client, component="default-scheduler", clock=clock)
        return [scheduler(informers, recorder, clock)]

    return build


async def nodes_of(client: Client) -> dict[str, str]:
    return {pod.metadata.name: pod.spec.node_name for pod in await client.list(Pod)}


@pytest.mark.anyio
async def test_pods_that_want_to_be_alone_wait_for_a_node(
    client: Client, run: Any, build: Any
) -> None:
    await client.create(make_node("n1"))
    async with run(build):
        for name in ("a", "b"):
            await client.create(make_pod(name, affinity=apart(term("web"))))
            await settle()
        assert await nodes_of(client) == {"a": "n1", "b": ""}
        (condition,) = (await client.get(Pod, "b")).status.conditions
        assert condition.message == (
            "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. preemption:"
            " 0/1 nodes are available: 1 No preemption victims found for incoming pod."
        )
        await client.create(make_node("n2"))
        await settle()
        assert await nodes_of(client) == {"a": "n1", "b": "n2"}


@pytest.mark.anyio
async def test_a_pod_comes_to_the_one_that_it_waits_for(
    client: Client, run: Any, build: Any
) -> None:
    for name, zone in ZONES.items():
        await client.create(make_node(name, **{ZONE: zone}))
    async with run(build):
        await client.create(make_pod("web", affinity=near(term("cache"))))
        await settle()
        (condition,) = (await client.get(Pod, "web")).status.conditions
        assert condition.message == (
            "0/3 nodes are available: 3 node(s) didn't match pod affinity rules. preemption:"
            " 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
        )
        await client.create(make_pod("cache", "cache", node_name="n2"))
        await settle()
    assert (await nodes_of(client))["web"] == "n2"


@pytest.mark.anyio
async def test_one_that_repels_leaves(client: Client, run: Any, build: Any) -> None:
    await client.create(make_node("n1"))
    async with run(build):
        await client.create(make_pod("alone", affinity=apart(term("web"))))
        await settle()
        await client.create(make_pod("web"))
        await settle()
        assert await nodes_of(client) == {"alone": "n1", "web": ""}
        await client.delete(Pod, "alone", grace_period_seconds=0)
        await settle()
        assert await nodes_of(client) == {"web": "n1"}


@pytest.mark.anyio
async def test_labels_of_a_namespace_that_change_count(
    client: Client, run: Any, build: Any
) -> None:
    blue = LabelSelector(match_labels={"team": "blue"})
    await client.create(make_node("n1"))
    await client.create(Namespace(metadata=ObjectMeta(name="other", labels={"team": "blue"})))
    async with run(build):
        await client.create(make_pod("there", namespace="other"))
        await settle()
        away = apart(term("web", namespace_selector=blue))
        await client.create(make_pod("web", affinity=away))
        await settle()
        assert (await client.get(Pod, "web")).spec.node_name == ""
        namespace = await client.get(Namespace, "other")
        namespace.metadata.labels["team"] = "red"
        await client.update(namespace)
        await settle()
    assert (await client.get(Pod, "web")).spec.node_name == "n1"
