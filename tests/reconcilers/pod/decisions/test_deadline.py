"""activeDeadlineSeconds of Pods: when it is over, and what comes of it on a simulated node."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.decisions.deadline import DEADLINE_EXCEEDED, deadline_of
from kernel.reconcilers.pod.decisions.plan import Plan, Stop, plan_pod
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.status import timestamp
from tests.reconcilers.pod.made_up import exited, observe, running, sandbox, seconds
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

MESSAGE = "Pod was active on the node longer than the specified deadline"


def pod_with_deadline(deadline_seconds: int | None, *, init: bool = False) -> Pod:
    pod = make_pod(
        init=(container("init"),) if init else (), active_deadline_seconds=deadline_seconds
    )
    pod.status.start_time = timestamp(seconds(0))
    return pod


def test_the_deadline_counts_from_the_start_time() -> None:
    pod = pod_with_deadline(30)
    assert deadline_of(pod) == seconds(30)
    assert pod.status.start_time is not None
    pod.status.start_time += timedelta(seconds=5)
    assert deadline_of(pod) == seconds(35)
    pod.status.start_time = None
    assert deadline_of(pod) is None
    assert deadline_of(pod_with_deadline(None)) is None


MAIN = running("main")
INIT = running("init")
STOP = Plan(stops=(Stop(MAIN),), whole_pod=True, initialized=True, failure=DEADLINE_EXCEEDED)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (observe(MAIN), STOP),
        (observe(exited("main")), Plan(True, initialized=True, failure=DEADLINE_EXCEEDED)),
        (Observed(), Plan(True, failure=DEADLINE_EXCEEDED)),
        (observe(sandboxes=[sandbox(ready=False)]), Plan(True, failure=DEADLINE_EXCEEDED)),
    ],
)
def test_past_it_all_that_runs_ends(found: Observed, expected: Plan) -> None:
    pod = pod_with_deadline(30)
    assert plan_pod(pod, found, seconds(30)) == expected
    assert plan_pod(pod, found, seconds(30) - 1).failure is None


def test_init_containers_end_too() -> None:
    plan = plan_pod(pod_with_deadline(30, init=True), observe(INIT), seconds(31))
    assert plan == Plan(stops=(Stop(INIT),), whole_pod=True, failure=DEADLINE_EXCEEDED)


def test_a_pod_that_has_come_to_its_end_is_not_late() -> None:
    pod = pod_with_deadline(30)
    pod.spec.restart_policy = "Never"
    assert plan_pod(pod, observe(exited("main")), seconds(31)) == Plan(True, initialized=True)


def test_one_that_restarts_nothing_and_has_ended_past_it_was_late() -> None:
    pod = pod_with_deadline(1)
    pod.spec.restart_policy = "Never"
    plan = plan_pod(pod, observe(exited("main", code=143)), seconds(31))
    assert plan == Plan(True, initialized=True, failure=DEADLINE_EXCEEDED)


# On a node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


@pytest.mark.anyio
async def test_a_pod_fails_at_its_deadline(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=3))
    await node.create(make_pod(active_deadline_seconds=30))
    await node.advance(29.9)
    assert node.said("Killing") == []
    await node.advance(0.1)
    assert node.said("DeadlineExceeded") == [MESSAGE]
    assert node.said("Killing") == ["Stopping container main"]
    # Not before the containers have ended.
    assert (await node.pod()).status.phase == "Running"
    await node.advance(3)
    status = (await node.pod()).status
    assert (status.phase, status.reason, status.message) == (
        *("Failed", "DeadlineExceeded"),
        MESSAGE,
    )
    terminated = (await node.status_of("main")).state.terminated
    assert terminated is not None
    assert terminated.exit_code == 143
    assert node.said("DeadlineExceeded") == [MESSAGE]
    ended = await node.container("main")
    await node.advance(600)
    assert await node.container("main") == ended


@pytest.mark.anyio
async def test_the_deadline_survives_the_agent(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            await node.create(make_pod(active_deadline_seconds=30))
            await node.advance(20)
        await node.advance(5)
        async with node.running():
            await node.advance(4.9)
            assert (await node.pod()).status.phase == "Running"
            await node.advance(0.1)
            assert (await node.pod()).status.reason == "DeadlineExceeded"


@pytest.mark.anyio
async def test_a_pull_is_given_up_at_the_deadline(node: NodeUnderTest) -> None:
    node.simulated.delay("pull_image", 600)
    await node.create(make_pod(active_deadline_seconds=30))
    await node.advance(30)
    assert (await node.pod()).status.reason == "DeadlineExceeded"
    # Nothing waits in a Pod that is over.
    for _ in range(2):
        terminated = (await node.status_of("main")).state.terminated
        assert terminated is not None
        assert (terminated.exit_code, terminated.reason) == (137, "ContainerStatusUnknown")
        await node.advance(60)


@pytest.mark.anyio
@pytest.mark.parametrize("pulls", [True, False])
async def test_a_deadline_can_be_set_on_a_pod_that_runs(node: NodeUnderTest, pulls: bool) -> None:
    if pulls:
        node.simulated.delay("pull_image", 600)
    await node.create(make_pod())
    await node.advance(10)
    pod = await node.pod()
    pod.spec.active_deadline_seconds = 20
    await node.client.update(pod)
    await node.advance(9.9)
    assert (await node.pod()).status.reason == ""
    await node.advance(0.1)
    assert (await node.pod()).status.reason == "DeadlineExceeded"


@pytest.mark.anyio
async def test_a_deletion_hurries_the_end_at_the_deadline(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=1000))
    await node.create(make_pod(active_deadline_seconds=30, termination_grace_period_seconds=500))
    await node.advance(31)
    await node.client.delete(Pod, "web", grace_period_seconds=4)
    await node.advance(4)
    assert await node.client.list(Pod) == []
