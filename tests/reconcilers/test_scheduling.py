"""The scheduler at work: Pods get nodes, or say in Kubernetes' words why not."""

from typing import Any, cast

import anyio
import msgspec
import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.manager import Manager
from kernel.control.reconciler import Reconciler
from kernel.control.recorder import Recorder
from kernel.objects.event import Event
from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node, NodeSpec, NodeStatus, Taint
from kernel.objects.pod import (
    Container,
    ContainerPort,
    Pod,
    PodSchedulingGate,
    PodSpec,
    ResourceRequirements,
)
from kernel.reconcilers.scheduling.scheduler import scheduler

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked


def make_node(name: str, *, cpu: str = "1", pods: str = "110", **spec: Any) -> Node:
    return Node(
        metadata=ObjectMeta(name=name, labels={"kubernetes.io/hostname": name}),
        spec=NodeSpec(**spec),
        status=NodeStatus(capacity={"cpu": cpu, "memory": "4Gi", "pods": pods}),
    )


def make_pod(name: str, *, cpu: str = "", host_port: int = 0, **spec: Any) -> Pod:
    container = Container(
        name="main",
        image="busybox",
        resources=ResourceRequirements(requests={"cpu": cpu} if cpu else {}),
        ports=[ContainerPort(container_port=80, host_port=host_port)] if host_port else [],
    )
    spec = {"containers": [container]} | spec
    return Pod(metadata=ObjectMeta(name=name), spec=PodSpec(**spec))


@pytest.fixture
def build(client: Client, clock: ManualClock) -> Any:
    def build(informers: Informers) -> list[Reconciler]:
        recorder = Recorder(client, component="default-scheduler", clock=clock)
        return [scheduler(informers, recorder, clock)]

    return build


async def node_of(client: Client, name: str) -> str:
    return (await client.get(Pod, name)).spec.node_name


async def events_of(client: Client, name: str) -> list[Event]:
    return list(await client.list(Event, field_selector=f"involvedObject.name={name}"))


async def test_binds_and_says_so(client: Client, run: Any, build: Any) -> None:
    await client.create(make_node("node1"))
    await client.create(make_pod("early"))
    async with run(build):
        await client.create(make_pod("web"))
        await settle()
    assert await node_of(client, "early") == "node1"
    pod = await client.get(Pod, "web")
    assert pod.spec.node_name == "node1"
    (condition,) = pod.status.conditions
    assert (condition.type, condition.status) == ("PodScheduled", "True")
    (event,) = await events_of(client, "web")
    assert (event.type, event.reason) == ("Normal", "Scheduled")
    assert event.message == "Successfully assigned default/web to node1"
    assert event.source.component == "default-scheduler"


async def test_leaves_other_schedulers_pods_alone(client: Client, run: Any, build: Any) -> None:
    await client.create(make_node("node1"))
    async with run(build):
        await client.create(make_pod("other", scheduler_name="mine"))
        await client.create(make_pod("placed", node_name="elsewhere"))
        await settle()
    assert await node_of(client, "other") == ""
    assert await node_of(client, "placed") == "elsewhere"
    assert await client.list(Event) == []


async def test_says_why_a_pod_fits_nowhere(client: Client, run: Any, build: Any) -> None:
    message = (
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
        "1 No preemption victims found for incoming pod."
    )
    async with run(build):
        await client.create(make_pod("web", cpu="2"))
        await settle()
        pod = await client.get(Pod, "web")
        (condition,) = pod.status.conditions
        assert condition.message == "no nodes available to schedule pods"
        await client.create(make_node("node1"))
        await settle()
    pod = await client.get(Pod, "web")
    (condition,) = pod.status.conditions
    assert (condition.type, condition.status) == ("PodScheduled", "False")
    assert (condition.reason, condition.message) == ("Unschedulable", message)
    events = await events_of(client, "web")
    assert {(event.type, event.reason, event.source.component) for event in events} == {
        ("Warning", "FailedScheduling", "default-scheduler")
    }
    assert message in [event.message for event in events]
    assert all(event.count == 1 for event in events)


async def test_never_overbooks_a_node(client: Client, run: Any, build: Any) -> None:
    for name in ("node1", "node2"):
        await client.create(make_node(name))
    async with run(build):
        for number in range(10):
            await client.create(make_pod(f"pod{number}", cpu="300m"))
        await settle()
        nodes = [pod.spec.node_name for pod in await client.list(Pod)]
        assert (nodes.count("node1"), nodes.count("node2"), nodes.count("")) == (3, 3, 4)


async def test_a_freed_node_takes_the_pod_with_the_highest_priority(
    client: Client, run: Any, build: Any
) -> None:
    await client.create(make_node("node1"))
    async with run(build):
        await client.create(make_pod("first", cpu="1"))
        for name, priority in (("low", -5), ("middle", 0), ("high", 7)):
            await client.create(make_pod(name, cpu="1", priority=priority))
        await settle()
        assert await node_of(client, "first") == "node1"
        await client.delete(Pod, "first", grace_period_seconds=0)
        await settle()
        assert [await node_of(client, name) for name in ("low", "middle", "high")] == [
            *("", "", "node1"),
        ]
        pod = await client.get(Pod, "high")
        pod.status.phase = "Succeeded"
        await client.update_status(pod)
        await settle()
        assert await node_of(client, "middle") == "node1"
        assert await node_of(client, "low") == ""


async def test_the_highest_priority_goes_first_at_the_start(
    client: Client, run: Any, build: Any
) -> None:
    await client.create(make_node("node1"))
    for name, priority in (("a", -5), ("b", 0), ("c", 7)):
        await client.create(make_pod(name, cpu="1", priority=priority))
    async with run(build):
        await settle()
    assert [await node_of(client, name) for name in ("a", "b", "c")] == ["", "", "node1"]


async def test_many_equal_pods_follow_one_another(client: Client, run: Any, build: Any) -> None:
    async with run(build):
        for number in range(5):
            await client.create(make_pod(f"pod{number}", cpu="300m"))
        await settle()
        await client.create(make_node("node1", cpu="900m"))
        await settle()
        placed = [pod for pod in await client.list(Pod) if pod.spec.node_name]
        assert len(placed) == 3
        # One that waits goes; the next one to be freed a place still gets it.
        waiting = next(pod for pod in await client.list(Pod) if not pod.spec.node_name)
        await client.delete(Pod, waiting.metadata.name)
        await client.delete(Pod, placed[0].metadata.name, grace_period_seconds=0)
        await settle()
        assert all(pod.spec.node_name for pod in await client.list(Pod))


async def test_a_pod_that_is_woken_and_gone_passes_its_turn_on(
    client: Client, run: Any, build: Any
) -> None:
    await client.create(make_node("node1"))
    async with run(build):
        await client.create(make_pod("first", cpu="1"))
        await client.create(make_pod("second", cpu="1"))
        await client.create(make_pod("third", cpu="1"))
        await settle()
        async with client.transaction() as transaction:
            await transaction.delete(Pod, "first", grace_period_seconds=0)
            await transaction.delete(Pod, "second")
        await settle()
        assert await node_of(client, "third") == "node1"


@pytest.mark.parametrize(
    ("spec", "change"),
    [
        ({"unschedulable": True}, {"unschedulable": False}),
        ({"taints": [Taint(key="k", value="v", effect="NoSchedule")]}, {"taints": []}),
    ],
)
async def test_a_changed_node_is_tried_again(
    client: Client, run: Any, build: Any, spec: dict[str, Any], change: dict[str, Any]
) -> None:
    await client.create(make_node("node1", **spec))
    async with run(build):
        await client.create(make_pod("web"))
        await settle()
        assert await node_of(client, "web") == ""
        node = await client.get(Node, "node1")
        node.spec = msgspec.structs.replace(node.spec, **change)
        await client.update(node)
        await settle()
        assert await node_of(client, "web") == "node1"


async def test_host_ports_are_given_once(client: Client, run: Any, build: Any) -> None:
    await client.create(make_node("node1"))
    async with run(build):
        await client.create(make_pod("first", host_port=8080))
        await settle()
        await client.create(make_pod("second", host_port=8080))
        await settle()
        assert await node_of(client, "second") == ""
        (event,) = await events_of(client, "second")
        assert "1 node(s) didn't have free ports for the requested pod ports." in event.message


async def test_a_gate_holds_a_pod_back(client: Client, run: Any, build: Any) -> None:
    await client.create(make_node("node1"))
    async with run(build):
        gates = [PodSchedulingGate(name="example.dev/wait")]
        await client.create(make_pod("web", scheduling_gates=gates))
        await settle()
        pod = await client.get(Pod, "web")
        assert pod.spec.node_name == ""
        (condition,) = pod.status.conditions
        assert (condition.status, condition.reason) == ("False", "SchedulingGated")
        pod.spec.scheduling_gates = []
        await client.update(pod)
        await settle()
        assert await node_of(client, "web") == "node1"


async def test_pods_bound_by_others_count_at_once(client: Client, run: Any, build: Any) -> None:
    await client.create(make_node("node1"))
    async with run(build):
        await client.create(make_pod("manual", cpu="1", scheduler_name="mine"))
        await client.bind("manual", "node1")
        await client.create(make_pod("web", cpu="1"))
        await settle()
        assert await node_of(client, "web") == ""


async def test_writes_nothing_twice_about_a_pod_that_waits(
    client: Client, run: Any, build: Any
) -> None:
    await client.create(make_node("node1"))
    async with run(build):
        await client.create(make_pod("web", cpu="2"))
        await settle()
        before = await client.get(Pod, "web")
        node = await client.get(Node, "node1")
        node.metadata.labels["colour"] = "green"  # does not help
        await client.update(node)
        await client.create(make_pod("other"))
        await client.delete(Pod, "other", grace_period_seconds=0)
        await settle()
        after = await client.get(Pod, "web")
        assert after.metadata.resource_version == before.metadata.resource_version
        (event,) = await events_of(client, "web")
        assert event.count == 1


class Wrapper:
    """A client whose way of binding a test can replace."""

    def __init__(self, client: Client):
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class Meddler(Wrapper):
    """Every bind of `web` comes too late: it is on node2 by then."""

    async def bind(self, name: str, node_name: str, **options: Any) -> None:
        if name == "web":
            await self._client.bind(name, "node2", **options)
        await self._client.bind(name, node_name, **options)


class Breaker(Wrapper):
    """No bind of `web` works."""

    async def bind(self, name: str, node_name: str, **options: Any) -> None:
        if name == "web":
            raise RuntimeError("broken")
        await self._client.bind(name, node_name, **options)


async def test_a_failed_bind_keeps_no_place(client: Client, clock: ManualClock, build: Any) -> None:
    await client.create(make_node("node1"))
    for name in ("web", "worker"):
        await client.create(make_pod(name, cpu="1"))
    manager = Manager(cast(Client, Breaker(client)), clock)
    manager.add(build(manager.informers))
    async with manager.running():
        await settle()
        assert await node_of(client, "web") == ""
        assert await node_of(client, "worker") == "node1"


async def test_a_pod_that_somebody_else_binds_meanwhile_frees_its_place(
    client: Client, clock: ManualClock, build: Any
) -> None:
    await client.create(make_node("node1"))
    await client.create(make_node("node2", unschedulable=True))
    for name in ("web", "worker"):
        await client.create(make_pod(name, cpu="1"))
    manager = Manager(cast(Client, Meddler(client)), clock)
    manager.add(build(manager.informers))
    async with manager.running():
        await settle()
        assert await node_of(client, "web") == "node2"
        assert await node_of(client, "worker") == "node1"
    assert await client.list(Event, field_selector="reason=Scheduled,involvedObject.name=web") == []
