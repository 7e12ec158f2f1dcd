"""How the agent hears of its runtime, and minds its own Pods alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from kernel.cri.runtime import (
    Runtime,
    RuntimeEvent,
    RuntimeEventType,
    RuntimeUnavailable,
    SandboxConfig,
)
from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.objects.pod import Pod
from tests.reconcilers.pod.node_under_test import make_pod, open_node

pytestmark = pytest.mark.anyio


class Deaf:
    """A runtime that tells of nothing but of what `tell` is given."""

    def __init__(self, runtime: SimulatedRuntime):
        self._runtime = runtime
        self._send, self._receive = anyio.create_memory_object_stream[RuntimeEvent](10)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def tell(self, event: RuntimeEvent) -> None:
        self._send.send_nowait(event)

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[RuntimeEvent]]:
        with self._send, self._receive:
            yield self._receive


async def test_after_a_break_in_the_stream_everything_is_looked_at(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        deaf = Deaf(node.simulated)
        async with node.running(cast(Runtime, deaf)):
            await node.create(make_pod(restart="Never"))
            node.simulated.crash((await node.container("main")).id, exit_code=1)
            await node.settle()
            assert (await node.pod()).status.phase == "Running"
            deaf.tell(RuntimeEvent(RuntimeEventType.RELIST))
            await node.settle()
            assert (await node.pod()).status.phase == "Failed"


async def test_what_no_event_told_of_is_found_within_a_minute(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node, node.running(cast(Runtime, Deaf(node.simulated))):
        await node.create(make_pod(restart="Never"))
        node.simulated.crash((await node.container("main")).id, exit_code=1)
        await node.advance(59)
        assert (await node.pod()).status.phase == "Running"
        await node.advance(1)
        assert (await node.pod()).status.phase == "Failed"


async def test_a_runtime_that_is_down_at_the_start_is_waited_for(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        for call in ("sandboxes", "containers"):
            node.simulated.fail(call, RuntimeUnavailable("connection refused"))
        async with node.running():
            await node.create(make_pod())
            assert (await node.pod()).status.phase == "Pending"
            for call in ("sandboxes", "containers"):
                node.simulated.heal(call)
            await node.advance(2)
            assert (await node.pod()).status.phase == "Running"


async def test_what_others_run_in_the_same_runtime_is_left_alone(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        labels = {
            "io.kubernetes.pod.name": "web",
            "io.kubernetes.pod.namespace": "default",
            "io.kubernetes.pod.uid": "of-a-kubelet",
        }
        foreign = SandboxConfig(
            name="web",
            namespace="default",
            uid="of-a-kubelet",
            attempt=0,
            log_directory="",
            labels=labels,
        )
        foreign_id = await node.simulated.run_sandbox(foreign)
        async with node.running():
            await node.create(make_pod())
            await node.client.delete(Pod, "web", grace_period_seconds=0)
            await node.advance(120)
        assert [one.id for one in await node.simulated.sandboxes()] == [foreign_id]
