"""Logs of simulated containers are kept within bounds; the files are real."""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from kernel.cri.runtime import RuntimeFailure
from kernel.reconcilers.pod.upkeep.log_rotation import tidying
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

pytestmark = pytest.mark.anyio

FULL = b"x" * (10 << 20)


@pytest.mark.parametrize(
    ("names", "files_max", "remove", "compress"),
    [
        ([], 5, [], []),
        (["a"], 5, [], ["a"]),
        (["a.gz", "b"], 5, [], ["b"]),
        (["a.gz", "b.gz", "c"], 5, [], ["c"]),
        (["a.gz", "b.gz", "c.gz", "d"], 5, ["a.gz"], ["d"]),
        (["a.gz", "b.gz", "c.gz", "d"], 3, ["a.gz", "b.gz", "c.gz"], ["d"]),
        (["a", "b"], 2, ["a", "b"], []),
    ],
)
def test_what_goes_and_what_is_compressed(
    names: list[str], files_max: int, remove: list[str], compress: list[str]
) -> None:
    todo = tidying({name[0]: Path(name) for name in names}, files_max)
    assert ([str(one) for one in todo.remove], [str(one) for one in todo.compress]) == (
        *(remove, compress),
    )


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


async def a_running_log(node: NodeUnderTest, name: str = "web") -> Path:
    """The log of a new Pod's container, which has printed a line."""
    await node.create(make_pod(container("main", "sh", "-c", "echo one; sleep 1000"), name=name))
    found = [one for one in await node.simulated.containers() if name in one.log_path]
    return Path(found[0].log_path)


async def test_a_full_log_is_moved_aside_and_old_ones_are_compressed(node: NodeUnderTest) -> None:
    log = await a_running_log(node)
    await node.advance(10)
    assert os.listdir(log.parent) == ["0.log"]
    for _ in range(6):
        log.write_bytes(FULL)
        await node.advance(10)
        with anyio.fail_after(10):
            while log.exists():  # noqa: ASYNC110 - a thread compresses meanwhile
                await anyio.sleep(0.01)
    stamps = [f"0.log.20260101-0000{second}" for second in (40, 50)]
    kept = ["0.log.20260101-000100.gz", "0.log.20260101-000110"]
    assert sorted(os.listdir(log.parent)) == sorted([*(f"{one}.gz" for one in stamps), *kept])
    with gzip.open(log.parent / f"{stamps[0]}.gz") as content:
        assert content.read() == FULL


async def test_a_log_that_nobody_writes_to_stays(node: NodeUnderTest) -> None:
    await node.create(make_pod(container("main", "sh", "-c", "echo one; sleep 5"), restart="Never"))
    (ended,) = await node.simulated.containers()
    log = Path(ended.log_path)
    await node.advance(6)
    log.write_bytes(FULL)  # noqa: ASYNC240 - as above
    await node.advance(60)
    assert os.listdir(log.parent) == ["0.log"]


async def test_a_log_is_put_back_where_the_runtime_does_not_open_another(
    node: NodeUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    log = await a_running_log(node)
    log.write_bytes(FULL)
    node.simulated.fail("reopen_log", RuntimeFailure("no descriptors left"), times=1)
    await node.advance(10)
    assert os.listdir(log.parent) == ["0.log"]
    assert "is not rotated: no descriptors left" in caplog.text
    await node.advance(10)
    assert os.listdir(log.parent) == ["0.log.20260101-000020"]


async def test_a_log_left_without_a_file_is_opened_at_the_next_look(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            log = await a_running_log(node)
        os.rename(log, f"{log}.20260101-000000")  # and killed before the runtime was told
        asked: list[str] = []
        reopen = node.simulated.reopen_log

        async def reopened(container_id: str) -> None:
            asked.append(container_id)
            await reopen(container_id)

        node.simulated.reopen_log = reopened  # type: ignore[method-assign]
        async with node.running():
            await node.advance(10)
        assert asked == [(await node.container("main")).id]


async def test_an_idle_log_costs_the_runtime_nothing(node: NodeUnderTest) -> None:
    await a_running_log(node)
    node.simulated.fail("containers", RuntimeFailure("asked"))
    await node.advance(50)
    assert node.listener.said
    assert "asked" not in str(node.listener.said)


async def test_rotated_logs_go_with_their_container(node: NodeUnderTest) -> None:
    await node.create(make_pod(container("main", "sh", "-c", "echo one; sleep 5; exit 1")))
    (first,) = await node.simulated.containers()
    log = Path(first.log_path)
    log.with_name("0.log.20260101-000000.gz").touch()
    await node.advance(120)
    names = sorted(os.listdir(log.parent))
    assert not [name for name in names if name.startswith("0.log")]
    assert len(names) == 2
