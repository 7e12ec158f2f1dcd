"""A container has exited once that was told, whatever CRI shows, and until CRI shows it."""

import anyio
import msgspec
import pytest

from kernel.cri.containerd.told_exits import ToldExit, ToldExits
from kernel.cri.runtime import Container, ContainerState

pytestmark = pytest.mark.anyio

RUNNING = Container(
    *("id1", "sandbox1", "main", 0, ContainerState.RUNNING, "busybox", "sha256:1", 1, {}, {}),
    started_at=2,
)
TOLD = ToldExit(sandbox_id="sandbox1", exit_code=3, finished_at=9, reason="Error")


def test_what_was_told_goes_before_what_cri_shows() -> None:
    exits = ToldExits()
    assert exits.shown(RUNNING) == RUNNING
    exits.tell("id1", TOLD)
    shown = exits.shown(RUNNING)
    assert (shown.state, shown.exit_code, shown.reason) == (ContainerState.EXITED, 3, "Error")
    assert (shown.started_at, shown.finished_at) == (2, 9)
    out_of_memory = msgspec.structs.replace(
        RUNNING, state=ContainerState.EXITED, exit_code=3, reason="OOMKilled"
    )
    assert exits.shown(out_of_memory) == out_of_memory
    exits.settle("id1")
    assert exits.shown(RUNNING) == RUNNING


async def test_the_end_of_it_can_be_waited_for() -> None:
    exits = ToldExits()
    await exits.wait_settled("id1")
    await exits.wait_all_settled("sandbox1")
    exits.tell("id1", TOLD)
    exits.tell("id2", TOLD)
    waited: list[str] = []

    async def wait() -> None:
        await exits.wait_all_settled("sandbox1")
        waited.append("all")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        exits.settle("id1")
        await anyio.wait_all_tasks_blocked()
        assert waited == []
        exits.settle("id2")
    assert waited == ["all"]
