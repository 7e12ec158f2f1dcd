"""Directories that a killed podkernel left behind go; all others stay."""

import os
from pathlib import Path

import anyio
import pytest

from kernel.cri.runtime import RuntimeFailure
from kernel.objects.pod import Pod
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

pytestmark = pytest.mark.anyio

GONE = "0f0c6b1e-0000-4000-8000-000000000001"


def leave_behind(directory: Path, uid: str) -> None:
    """What a Pod has on disk: a volume and a log."""
    for path in (
        directory / "pods" / uid / "volumes" / "data" / "file",
        directory / "logs" / f"default_gone_{uid}" / "main" / "0.log",
    ):
        path.parent.mkdir(parents=True)
        path.write_text("left")


async def left(directory: Path) -> list[str]:
    """The directories that are there once nothing is removed any more."""
    names: list[str] = []
    with anyio.move_on_after(5):
        while True:
            names = sorted([*os.listdir(directory / "pods"), *os.listdir(directory / "logs")])
            if not any(GONE in name for name in names):
                break
            await anyio.sleep(0.01)
    return names


async def run_one_pod(node: NodeUnderTest) -> Pod:
    await node.create(make_pod(container("main", "sh", "-c", "echo one; sleep 1000")))
    return await node.pod()


async def test_the_start_finds_what_was_left_and_spares_what_is_known(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            pod = await run_one_pod(node)
        leave_behind(tmp_path, GONE)
        async with node.running():
            assert await left(tmp_path) == sorted(
                [pod.metadata.uid, f"default_web_{pod.metadata.uid}"]
            )


async def test_what_is_no_pods_stays(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        (tmp_path / "pods" / "lost+found").mkdir(parents=True)
        leave_behind(tmp_path, GONE)
        async with node.running():
            assert await left(tmp_path) == ["lost+found"]


async def test_a_pod_that_the_runtime_alone_knows_is_ended_in_order(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            pod = await run_one_pod(node)
        await node.client.delete(Pod, "web", grace_period_seconds=0)
        async with node.running():
            await node.advance(5)
            with anyio.fail_after(5):
                while os.listdir(tmp_path / "pods"):  # noqa: ASYNC110 - a thread removes them
                    await anyio.sleep(0.01)
        assert await node.simulated.sandboxes() == []
        assert pod.metadata.uid not in str(os.listdir(tmp_path / "logs"))


async def test_it_is_looked_for_each_minute(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node, node.running():
        await run_one_pod(node)
        leave_behind(tmp_path, GONE)
        await node.advance(59)
        assert GONE in os.listdir(tmp_path / "pods")
        # Of this minute's two looks, the relist's and this one.
        node.simulated.fail("sandboxes", RuntimeFailure("away"), times=2)
        await node.advance(1)
        assert GONE in os.listdir(tmp_path / "pods")
        await node.advance(60)
        assert len(await left(tmp_path)) == 2
