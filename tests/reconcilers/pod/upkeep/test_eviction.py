"""Pods on a simulated node that write more than they may."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread
import pytest

from kernel.objects.pod import Pod
from kernel.objects.volume import EmptyDirVolumeSource, Volume
from tests.reconcilers.pod.node_under_test import NodeUnderTest, make_pod, open_node

pytestmark = pytest.mark.anyio

MESSAGE = 'Usage of EmptyDir volume "data" exceeds the limit "64Ki". '


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node:
        yield node


async def _create(node: NodeUnderTest, restart: str = "Always") -> Pod:
    source = EmptyDirVolumeSource(size_limit="64Ki")
    volumes = [Volume(name="data", empty_dir=source)]
    return await node.create(make_pod(volumes=volumes, restart=restart))


def _volume(node: NodeUnderTest, pod: Pod) -> Path:
    return node.directory / "pods" / pod.metadata.uid / "volumes" / "data"


async def _until_evicted(node: NodeUnderTest) -> Pod:
    """The files are measured in a thread, which no clock knows of."""
    pod = await node.client.wait(
        Pod, "web", lambda pod: pod is None or pod.status.phase == "Failed", timeout_seconds=30
    )
    assert pod is not None
    await node.settle()
    return await node.pod()


def _wait_until_there(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} is not there"
        time.sleep(0.01)


def _wait_until_gone(path: Path) -> None:
    deadline = time.monotonic() + 10
    while path.exists():
        assert time.monotonic() < deadline, f"{path} is still there"
        time.sleep(0.01)


@pytest.mark.parametrize("restart", ["Always", "Never"])
async def test_too_much_ends_the_pod(node: NodeUnderTest, restart: str) -> None:
    async with node.running():
        volume = _volume(node, await _create(node, restart))
        (volume / "little").write_bytes(b"x" * 4096)
        await node.advance(25)
        assert (await node.pod()).status.phase == "Running"
        (volume / "much").write_bytes(b"x" * (64 << 10))
        await node.advance(10)
        pod = await _until_evicted(node)
        assert (pod.status.reason, pod.status.message) == ("Evicted", MESSAGE)
        assert node.said("Evicted") == [MESSAGE]
        assert (await node.status_of("main")).state.terminated is not None
        assert await node.simulated.containers() != []
        await anyio.to_thread.run_sync(_wait_until_gone, volume)


async def test_too_much_ends_the_pod_also_after_a_restart_of_the_agent(node: NodeUnderTest) -> None:
    async with node.running():
        volume = _volume(node, await _create(node))
    (volume / "much").write_bytes(b"x" * (128 << 10))
    async with node.running():
        pod = await _until_evicted(node)
        assert pod.status.reason == "Evicted"


async def test_an_eviction_under_way_is_brought_to_its_end_by_the_next_agent(
    node: NodeUnderTest,
) -> None:
    async with node.running():
        volume = _volume(node, await _create(node))
        (volume / "much").write_bytes(b"x" * (128 << 10))
        node.simulated.delay("stop_container", 3600)
        await node.advance(10)
        await anyio.to_thread.run_sync(_wait_until_there, volume.parent.parent / "eviction")
    node.simulated.delay("stop_container", 0)
    (volume / "much").unlink()
    node.simulated.crash((await node.container("main")).id, exit_code=143)
    async with node.running():
        pod = await _until_evicted(node)
        assert (pod.status.reason, pod.status.message) == ("Evicted", MESSAGE)
