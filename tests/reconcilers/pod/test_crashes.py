"""The agent is killed before and after each of its calls; the next one goes on, nothing runs
twice."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.cri.runtime import ContainerState, Runtime
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import ExecAction, Lifecycle, LifecycleHandler, Pod
from kernel.objects.volume import ConfigMapVolumeSource, Volume
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

pytestmark = pytest.mark.anyio

CALLS = {
    *("run_sandbox", "stop_sandbox", "remove_sandbox", "pull_image"),
    *("create_container", "start_container", "stop_container", "remove_container"),
    *("update_status", "delete", "exec_sync"),
}
START_CALLS = 14
"""How many of them an agent makes until the Pod of these tests runs."""
DELETION_CALLS = 8


HOOK = LifecycleHandler(exec=ExecAction(command=["sleep", "0.5"]))
HOOKS = Lifecycle(post_start=HOOK, pre_stop=HOOK)


class Mortal:
    """Stands before a runtime and a client, and kills its agent at one of their calls."""

    def __init__(self, fatal_call: int, *, after: bool):
        self.killed = anyio.Event()
        self._calls_left = fatal_call
        self._after = after

    def around(self, target: Any) -> Any:
        return _Around(target, self)

    async def call(self, function: Callable[..., Awaitable[Any]], *args: Any, **kw: Any) -> Any:
        self._calls_left -= 1
        if self._calls_left != 0:
            return await function(*args, **kw)
        if self._after:
            await function(*args, **kw)
        self.killed.set()
        await anyio.sleep_forever()
        raise AssertionError("a killed agent goes on")


class _Around:
    def __init__(self, target: Any, mortal: Mortal):
        self._target = target
        self._mortal = mortal

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if name not in CALLS:
            return attribute

        async def call(*args: Any, **kw: Any) -> Any:
            return await self._mortal.call(attribute, *args, **kw)

        return call


async def _live_until_killed(node: NodeUnderTest, mortal: Mortal, seconds: float) -> None:
    """Run an agent for `seconds`, or until it is killed."""
    runtime: Runtime = mortal.around(node.simulated)
    client: Client = mortal.around(node.client)
    async with anyio.create_task_group() as tasks:

        async def die() -> None:
            await mortal.killed.wait()
            tasks.cancel_scope.cancel()

        tasks.start_soon(die)
        async with node.running(runtime, client):
            await node.advance(seconds)
        tasks.cancel_scope.cancel()


def _pod() -> Pod:
    return make_pod(
        *(container("main", lifecycle=HOOKS), container("other")),
        init=(container("init", "sleep", "1"),),
        volumes=[Volume(name="settings", config_map=ConfigMapVolumeSource(name="settings"))],
    )


async def _prepare(node: NodeUnderTest) -> None:
    settings = ConfigMap(metadata=ObjectMeta(name="settings", namespace="default"))
    await node.client.create(settings)
    await node.client.create(_pod())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fatal_call", range(1, START_CALLS + 1))
async def test_a_start_goes_on_where_it_was_killed(
    tmp_path: Path, fatal_call: int, after: bool
) -> None:
    async with open_node(tmp_path) as node:
        await _prepare(node)
        await _live_until_killed(node, Mortal(fatal_call, after=after), 2)
        async with node.running():
            await node.advance(2)
            pod = await node.pod()
        assert pod.status.phase == "Running"
        found = {(one.name, one.attempt): one.state for one in await node.simulated.containers()}
        assert found == {
            ("init", 0): ContainerState.EXITED,
            ("main", 0): ContainerState.RUNNING,
            ("other", 0): ContainerState.RUNNING,
        }
        assert len(await node.simulated.sandboxes()) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fatal_call", range(1, DELETION_CALLS + 1))
async def test_a_deletion_goes_on_where_it_was_killed(
    tmp_path: Path, fatal_call: int, after: bool
) -> None:
    async with open_node(tmp_path) as node:
        await _prepare(node)
        async with node.running():
            await node.advance(2)
        await node.client.delete(Pod, "web")
        await _live_until_killed(node, Mortal(fatal_call, after=after), 1)
        async with node.running():
            await node.advance(5)
            await node.client.wait(Pod, "web", lambda pod: pod is None)
        assert await node.simulated.sandboxes() == []
        assert list((node.directory / "pods").iterdir()) == []
        assert list((node.directory / "logs").glob("*")) == []


@pytest.mark.parametrize(("fatal_call", "killed"), [(START_CALLS, True), (START_CALLS + 1, False)])
async def test_the_calls_counted_here_are_those_of_a_start(
    tmp_path: Path, fatal_call: int, killed: bool
) -> None:
    async with open_node(tmp_path) as node:
        await _prepare(node)
        mortal = Mortal(fatal_call, after=False)
        await _live_until_killed(node, mortal, 2)
        assert mortal.killed.is_set() == killed
