"""Taints that follow from a node's state."""

from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock, now_timestamp
from kernel.control.recorder import Recorder
from kernel.objects.event import Event
from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node, NodeCondition, NodeSpec, NodeStatus, Taint
from kernel.reconcilers.node.taints import node_taints, wanted_taints

THEIRS = Taint(key="dedicated", value="gpu", effect="NoSchedule")
CORDONED = "node.kubernetes.io/unschedulable"
NOT_READY = "node.kubernetes.io/not-ready"
EVICTING = Taint(key=NOT_READY, effect="NoExecute")


def node(*taints: Taint, cordoned: bool = False, ready: str = "True") -> Node:
    return Node(
        metadata=ObjectMeta(name="node1"),
        spec=NodeSpec(unschedulable=cordoned, taints=list(taints)),
        status=NodeStatus(conditions=[NodeCondition(type="Ready", status=ready)]),
    )


def ours(key: str) -> Taint:
    return Taint(key=key, effect="NoSchedule")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (node(), []),
        (node(THEIRS), [THEIRS]),
        (node(THEIRS, cordoned=True), [THEIRS, ours(CORDONED)]),
        (node(ours(CORDONED), THEIRS), [THEIRS]),
        (node(ours(CORDONED), cordoned=True), [ours(CORDONED)]),
        (node(ready="False"), [ours(NOT_READY)]),
        (node(ours(NOT_READY), ready="Unknown"), [ours("node.kubernetes.io/unreachable")]),
        (
            node(Taint(key=NOT_READY, effect="NoExecute")),
            [Taint(key=NOT_READY, effect="NoExecute")],
        ),
        (Node(metadata=ObjectMeta(name="bare")), []),
    ],
)
def test_which_taints_a_node_should_have(node: Node, expected: list[Taint]) -> None:
    assert wanted_taints(node) == expected


@pytest.mark.anyio
async def test_a_cordoned_node_is_tainted_and_an_uncordoned_one_is_not(
    client: Client, clock: ManualClock, run: Any
) -> None:
    await client.create(node(THEIRS))
    recorder = Recorder(client, component="kubelet", clock=clock)
    async with run(lambda _: [node_taints(recorder, clock)]):
        stored = await client.get(Node, "node1")
        stored.spec.unschedulable = True
        await client.update(stored)
        await anyio.wait_all_tasks_blocked()
        stored = await client.get(Node, "node1")
        assert [taint.key for taint in stored.spec.taints] == ["dedicated", CORDONED]
        assert stored.spec.taints[1].time_added == now_timestamp(clock)
        stored.spec.unschedulable = False
        await client.update(stored)
        await anyio.wait_all_tasks_blocked()
        assert (await client.get(Node, "node1")).spec.taints == [THEIRS]
    events = await client.list(Event, namespace="default")
    assert {(event.reason, event.message, event.count) for event in events} == {
        ("NodeNotSchedulable", "Node node1 status is now: NodeNotSchedulable", 1),
        ("NodeSchedulable", "Node node1 status is now: NodeSchedulable", 1),
    }
