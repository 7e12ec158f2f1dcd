"""Ephemeral containers: which are to be started, and how they live on a simulated node."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kernel.cri.runtime import ContainerState
from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.pod import EphemeralContainer, Pod
from kernel.objects.pod_status import ContainerStatus
from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.decisions.ephemeral import ephemeral_starts, target_container_id
from kernel.reconcilers.pod.decisions.plan import plan_pod
from kernel.reconcilers.pod.decisions.restart import StartNow
from kernel.reconcilers.pod.observe import Observed
from tests.reconcilers.pod.made_up import created, exited, observe, running, sandbox, seconds
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node


def debugger(*command: str, name: str = "debugger", target: str = "") -> EphemeralContainer:
    return EphemeralContainer(
        name=name, image="busybox:1", command=list(command), target_container_name=target
    )


def debugged(*containers: EphemeralContainer, **spec: Any) -> Pod:
    return make_pod(ephemeral_containers=list(containers), **spec)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (observe(), {"debugger": StartNow()}),
        (observe(running("main")), {"debugger": StartNow()}),
        (observe(running("debugger")), {}),
        (observe(exited("debugger", code=1)), {}),
        (observe(created("debugger")), {"debugger": StartNow(created_id="debugger-0")}),
        (observe(created("debugger"), sandboxes=[sandbox(1), sandbox(0, ready=False)]), {}),
    ],
)
def test_each_is_started_once(found: Observed, expected: dict[str, StartNow]) -> None:
    assert ephemeral_starts(debugged(debugger()), found) == expected


def test_one_that_the_runtime_has_lost_is_not_started_again() -> None:
    pod = debugged(debugger())
    pod.status.ephemeral_container_statuses = [
        ContainerStatus(name="debugger", container_id="simulated://1")
    ]
    assert ephemeral_starts(pod, observe()) == {}


def test_it_starts_beside_init_containers_and_lets_none_pass() -> None:
    pod = debugged(debugger(), init=(container("init"),))
    assert plan_pod(pod, observe(running("init")), seconds(1)).starts == {"debugger": StartNow()}
    plan = plan_pod(pod, observe(running("debugger")), seconds(1))
    assert (plan.starts, plan.initialized) == ({"init": StartNow()}, False)


def test_the_target_is_the_running_container_of_that_name() -> None:
    found = observe(exited("main", 0), running("main", 1))
    assert target_container_id(debugger(target="main"), found) == "main-1"
    assert target_container_id(debugger(), found) == ""
    assert target_container_id(container("main"), found) == ""


@pytest.mark.parametrize("found", [observe(), observe(exited("main"))])
def test_a_target_that_does_not_run_is_not_found(found: Observed) -> None:
    with pytest.raises(ConfigError, match="unable to find target container main"):
        target_container_id(debugger(target="main"), found)


# On a node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


async def _create(node: NodeUnderTest, pod: Pod) -> None:
    """Make a Pod, and then add its ephemeral containers, with which none may begin."""
    added, pod.spec.ephemeral_containers = pod.spec.ephemeral_containers, []
    await node.create(pod)
    patch = {"spec": {"ephemeralContainers": msgspec.json.decode(msgspec.json.encode(added))}}
    await node.client.patch(Pod, "web", patch, subresource="ephemeralcontainers")
    await node.settle()


async def _status(node: NodeUnderTest) -> ContainerStatus:
    (status,) = (await node.pod()).status.ephemeral_container_statuses
    return status


@pytest.mark.anyio
async def test_an_ephemeral_container_runs_beside_the_others(node: NodeUnderTest) -> None:
    await _create(node, debugged(debugger("sleep", "60")))
    status = await _status(node)
    assert status.state.running is not None
    assert (status.ready, status.started, status.restart_count) == (False, None, 0)
    paths = {one.message: one.field_path for one in node.listener.said}
    assert paths["Started container debugger"] == "spec.ephemeralContainers{debugger}"
    await node.advance(60)
    terminated = (await _status(node)).state.terminated
    assert terminated is not None
    assert (terminated.exit_code, terminated.reason) == (0, "Completed")
    assert (await node.pod()).status.phase == "Running"
    await node.advance(3600)
    assert (await node.container("debugger")).attempt == 0


@pytest.mark.anyio
async def test_a_failed_one_is_not_restarted_nor_in_the_way_of_readiness(
    node: NodeUnderTest,
) -> None:
    await _create(node, debugged(debugger("false")))
    await node.advance(3600)
    terminated = (await _status(node)).state.terminated
    assert terminated is not None
    assert terminated.reason == "Error"
    assert (await node.pod()).status.phase == "Running"
    assert node.said("BackOff") == []


@pytest.mark.anyio
async def test_it_does_not_hold_up_the_completion_of_its_pod(node: NodeUnderTest) -> None:
    node.simulated.script("debugger", SimulatedContainer(stop_seconds=1))
    pod = make_pod(container("main", "sleep", "5"), restart="Never")
    pod.spec.ephemeral_containers = [debugger()]
    await _create(node, pod)
    await node.advance(5)
    await node.advance(1)
    assert (await node.pod()).status.phase == "Succeeded"
    assert (await _status(node)).state.terminated is not None


@pytest.mark.anyio
async def test_it_goes_with_its_pod(node: NodeUnderTest) -> None:
    await _create(node, debugged(debugger()))
    await node.client.delete(Pod, "web")
    await node.settle()
    assert await node.client.list(Pod) == []
    assert await node.simulated.sandboxes() == []


@pytest.mark.anyio
async def test_it_waits_for_its_target(node: NodeUnderTest) -> None:
    init = container("init", "sleep", "3")
    await _create(node, debugged(debugger(target="main"), init=(init,)))
    waiting = (await _status(node)).state.waiting
    assert waiting is not None
    assert (waiting.reason, waiting.message) == (
        "CreateContainerConfigError",
        "unable to find target container main",
    )
    assert "Error: unable to find target container main" in node.said("Failed")
    await node.advance(3)
    await node.advance(10)
    assert (await _status(node)).state.running is not None


@pytest.mark.anyio
async def test_it_lives_on_under_the_next_agent(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            await _create(node, debugged(debugger()))
            found = await node.container("debugger")
        async with node.running():
            assert await node.container("debugger") == found
            assert found.state is ContainerState.RUNNING
        await node.simulated.stop_container(found.id, grace_seconds=0)
        await node.simulated.remove_container(found.id)
        async with node.running():
            await node.advance(60)
            terminated = (await _status(node)).state.terminated
            assert terminated is not None
            assert terminated.reason == "ContainerStatusUnknown"


@pytest.mark.anyio
async def test_a_new_sandbox_does_not_bring_it_back(node: NodeUnderTest) -> None:
    await _create(node, debugged(debugger()))
    (present,) = await node.simulated.sandboxes()
    await node.simulated.stop_sandbox(present.id)
    await node.settle()
    assert (await node.status_of("main")).restart_count == 1
    assert (await _status(node)).state.terminated is not None
