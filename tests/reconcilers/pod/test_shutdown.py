"""The end of a node that takes its Pods down with it."""

from pathlib import Path

import anyio
import pytest

from kernel.cri.runtime import ContainerState, RuntimeFailure, SandboxState
from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.container import SleepAction
from kernel.objects.pod import Lifecycle, LifecycleHandler
from kernel.reconcilers.pod.shutdown import stop_all_pods
from tests.reconcilers.pod.node_under_test import (
    NODE,
    NodeUnderTest,
    container,
    make_pod,
    open_node,
)

pytestmark = pytest.mark.anyio

HOOK = Lifecycle(pre_stop=LifecycleHandler(sleep=SleepAction(seconds=3)))


async def _shut_down(node: NodeUnderTest, seconds: float) -> list[str]:
    """Names of containers in the order in which they have ended in so many seconds."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop_all_pods, node.simulated, node.clock, NODE)
        await node.advance(seconds)
        tasks.cancel_scope.cancel()
    ended = [one for one in await node.simulated.containers() if one.finished_at]
    return [one.name for one in sorted(ended, key=lambda one: one.finished_at)]


async def test_pods_end_with_their_hooks_and_in_order(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        for name in ("main", "logs"):
            node.simulated.script(name, SimulatedContainer(stop_seconds=1))
        async with node.running():
            sidecar = container("logs", restart_policy="Always")
            await node.create(make_pod(container("main", lifecycle=HOOK), init=(sidecar,)))
        assert await _shut_down(node, 3 + 1 + 1) == ["main", "logs"]
        (sandbox,) = await node.simulated.sandboxes()
        assert sandbox.state is SandboxState.NOT_READY


async def test_no_pod_has_more_than_ten_seconds_nor_holds_up_another(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        node.simulated.script("deaf", SimulatedContainer(stop_seconds=1000))
        node.simulated.fail("stop_container", RuntimeFailure("no answer"), subject="broken")
        async with node.running():
            for name in ("deaf", "broken", "fine"):
                await node.create(make_pod(container(name), name=name))
        assert await _shut_down(node, 9.9) == ["broken", "fine"]
        (deaf,) = [one for one in await node.simulated.containers() if one.name == "deaf"]
        assert deaf.state is ContainerState.RUNNING
    async with open_node(tmp_path / "other") as node:
        node.simulated.script("deaf", SimulatedContainer(stop_seconds=1000))
        async with node.running():
            await node.create(make_pod(container("deaf")))
        assert await _shut_down(node, 10) == ["deaf"]
