"""Commands about Pods that run: watch, wait, logs, describe node. The test plays the node."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from kernel.objects.namespace import Namespace
from kernel.objects.pod import Pod

from .conftest import EVERY_VERSION, Kubectl
from .manifests import POD_WITH_INIT

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

WAITING = {"waiting": {"reason": "PodInitializing"}}
RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed", "containerID": "process://1"}}
READY = [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]
LINE_SECONDS_MAX = 10


def container(name: str, state: Any, **more: Any) -> dict[str, Any]:
    """The status of a container."""
    fields = {"name": name, "state": state, "image": "busybox", "imageID": "", "restartCount": 0}
    return fields | {"ready": state is RUNNING} | more


async def set_status(kubectl: Kubectl, **status: Any) -> None:
    """Write Pod web's status as a node agent does."""
    await kubectl.api.patch(
        Pod, "default", "web", {"status": status}, "merge", subresource="status"
    )


async def run_pod(kubectl: Kubectl) -> None:
    """Pod web, past its init container, both containers running."""
    await kubectl("create", "-f", "-", stdin=POD_WITH_INIT)
    await set_status(
        kubectl,
        phase="Running",
        podIP="10.0.0.7",
        podIPs=[{"ip": "10.0.0.7"}],
        conditions=READY,
        initContainerStatuses=[container("war", DONE)],
        containerStatuses=[container("server", RUNNING), container("proxy", RUNNING)],
    )


async def write_log(kubectl: Kubectl, run: str, *lines: str) -> None:
    """Lines of a container's log, in CRI's format."""
    uid = await kubectl("get", "pod", "web", "-o", "jsonpath={.metadata.uid}")
    path = Path(kubectl.directory.parent, "data", "logs", f"default_web_{uid}", run)
    append(path, "".join(f"2026-01-01T12:00:00.000000000Z stdout F {line}\n" for line in lines))


def append(path: Path, text: str) -> None:
    """Write on in a file, making it where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


class Lines:
    """The lines that a running command prints."""

    def __init__(self, process: anyio.abc.Process):
        assert process.stdout is not None
        self._buffered = BufferedByteReceiveStream(process.stdout)

    async def next(self) -> str:
        """The next line."""
        with anyio.fail_after(LINE_SECONDS_MAX):
            return (await self._buffered.receive_until(b"\n", 65536)).decode()

    async def cells(self) -> list[str]:
        """The next line's cells."""
        return (await self.next()).split()


async def watched(kubectl: Kubectl) -> None:
    """Return once a command has its watch: it misses nothing from then on."""
    with anyio.fail_after(LINE_SECONDS_MAX):
        while not kubectl.served.server.open_streams():  # noqa: ASYNC110
            await anyio.sleep(0.01)


@asynccontextmanager
async def running(kubectl: Kubectl, *arguments: str) -> AsyncIterator[Lines]:
    """A command that goes on printing; ended with the context."""
    async with await kubectl.start(*arguments) as process:
        try:
            yield Lines(process)
        finally:
            if process.returncode is None:
                process.terminate()


@EVERY_VERSION
async def test_get_watch_shows_a_pod_coming_up(kubectl: Kubectl) -> None:
    await kubectl("create", "-f", "-", stdin=POD_WITH_INIT)
    async with running(kubectl, "get", "pods", "-w") as lines:
        assert (await lines.cells())[:3] == ["NAME", "READY", "STATUS"]
        assert (await lines.cells())[:3] == ["web", "0/2", "Pending"]
        await set_status(kubectl, initContainerStatuses=[container("war", RUNNING)])
        assert (await lines.cells())[:3] == ["web", "0/2", "Init:0/1"]
        await set_status(
            kubectl,
            initContainerStatuses=[container("war", DONE)],
            containerStatuses=[container("server", WAITING), container("proxy", WAITING)],
        )
        assert (await lines.cells())[:3] == ["web", "0/2", "PodInitializing"]
        await set_status(
            kubectl,
            phase="Running",
            containerStatuses=[container("server", RUNNING), container("proxy", RUNNING)],
        )
        assert (await lines.cells())[:3] == ["web", "2/2", "Running"]


@EVERY_VERSION
async def test_wait_for_a_condition_and_for_deletion(kubectl: Kubectl) -> None:
    await kubectl("create", "-f", "-", stdin=POD_WITH_INIT)
    async with running(kubectl, "wait", "pod/web", "--for=condition=Ready") as lines:
        await set_status(kubectl, phase="Running", conditions=READY)
        assert await lines.next() == "pod/web condition met"
    phase = "--for=jsonpath={.status.phase}=Running"
    assert "condition met" in await kubectl("wait", "pod/web", phase)
    async with running(kubectl, "wait", "pod/web", "--for=delete") as lines:
        await watched(kubectl)
        await kubectl("delete", "pod", "web", "--grace-period=0", "--force")
        assert await lines.next() == "pod/web condition met"
    late = await kubectl.refused("wait", "pod/web", "--for=condition=Ready", "--timeout=1s")
    assert 'pods "web" not found' in late


@EVERY_VERSION
async def test_wide_and_described(kubectl: Kubectl) -> None:
    await run_pod(kubectl)
    row = (await kubectl("get", "pods", "-o", "wide")).splitlines()[1].split()
    assert row[:3] == ["web", "2/2", "Running"]
    assert row[5:7] == ["10.0.0.7", "node1"]
    described = await kubectl("describe", "pod", "web")
    assert "Node:             node1" in described
    assert "IP:               10.0.0.7" in described


@EVERY_VERSION
async def test_logs(kubectl: Kubectl) -> None:
    await run_pod(kubectl)
    await write_log(kubectl, "server/0.log", "one", "two")
    await write_log(kubectl, "proxy/0.log", "from the proxy")
    assert await kubectl("logs", "web", "-c", "server") == "one\ntwo\n"
    assert await kubectl("logs", "web") == "one\ntwo\n"
    assert await kubectl("logs", "web", "-c", "proxy", "--tail=1") == "from the proxy\n"
    assert (await kubectl("logs", "web", "--timestamps")).startswith("2026-01-01T12:00:00")
    assert set((await kubectl("logs", "web", "--all-containers", "--tail=1")).splitlines()) >= {
        "two",
        "from the proxy",
    }
    complaint = await kubectl.refused("logs", "web", "-c", "server", "--previous")
    assert 'previous terminated container "server" in pod "web" not found' in complaint
    assert "container nobody is not valid" in await kubectl.refused("logs", "web", "-c", "nobody")


@EVERY_VERSION
async def test_logs_are_followed_to_the_end(kubectl: Kubectl) -> None:
    await run_pod(kubectl)
    await write_log(kubectl, "server/0.log", "one")
    async with running(kubectl, "logs", "-f", "web", "-c", "server") as lines:
        assert await lines.next() == "one"
        await write_log(kubectl, "server/0.log", "two")
        assert await lines.next() == "two"
        await set_status(
            kubectl, containerStatuses=[container("server", DONE), container("proxy", RUNNING)]
        )
        with pytest.raises(anyio.IncompleteRead):
            await lines.next()


@EVERY_VERSION
async def test_describe_and_list_nodes(kubectl: Kubectl) -> None:
    leases = Namespace()
    leases.metadata.name = "kube-node-lease"
    await kubectl.api.create(leases)
    node = """
apiVersion: v1
kind: Node
metadata: {name: node1, labels: {node-role.kubernetes.io/worker: ""}}
"""
    await kubectl("create", "-f", "-", stdin=node)
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "capacity": {"cpu": "2", "memory": "4Gi"},
        "allocatable": {"cpu": "2", "memory": "4Gi"},
        "nodeInfo": {"kubeletVersion": "v1.32.0+podkernel"},
    }
    merge = ["--subresource=status", "--type=merge"]
    patch = msgspec.json.encode({"status": status}).decode()
    await kubectl("patch", "node", "node1", *merge, "-p", patch)
    await run_pod(kubectl)
    row = (await kubectl("get", "nodes")).splitlines()[1].split()
    assert row[:3] == ["node1", "Ready", "worker"]
    assert row[4] == "v1.32.0+podkernel"
    described = await kubectl("describe", "node", "node1")
    assert "Roles:              worker" in described
    assert "Non-terminated Pods:          (1 in total)" in described


async def test_a_pod_on_a_node_lingers_until_its_node_lets_go(kubectl: Kubectl) -> None:
    await run_pod(kubectl)
    async with running(kubectl, "delete", "pod", "web") as lines:
        assert 'pod "web" deleted' in await lines.next()
        assert (await kubectl("get", "pods")).splitlines()[1].split()[2] == "Terminating"
        await kubectl("delete", "pod", "web", "--grace-period=0", "--force", "--wait=false")
    assert "NotFound" in await kubectl.refused("get", "pod", "web")
