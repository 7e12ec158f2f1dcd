"""A containerd that does not answer: what is asked of it fails in time, and is done later."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from kernel.clock import SystemClock
from kernel.cri.containerd.runtime import ContainerdRuntime
from tests.containerd.daemon import Containerd

from .embedded import CONDITION_SECONDS_MAX, Kubectl, embedded_kernel
from .harness import Observer
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl, pytest.mark.anyio]


@pytest.fixture
def anyio_backend() -> str:
    """The API server needs asyncio, and containerd's client too."""
    return "asyncio"


@pytest.fixture
async def kubectl(
    needs_kubectl: None, containerd: Containerd, tmp_path: Path
) -> AsyncIterator[Kubectl]:
    """Before a kernel that waits a second for containerd, where a kubelet waits two minutes."""
    runtime = ContainerdRuntime(containerd.socket_path, clock=SystemClock(), call_seconds_max=1)
    async with embedded_kernel(tmp_path / "data", runtime=runtime) as kubectl:
        yield kubectl
    await runtime.close()


async def test_pods_outlive_a_containerd_that_hangs(
    kubectl: Kubectl, containerd: Containerd, observer: Observer
) -> None:
    await kubectl("apply", "-f", "-", text=pod("before", container()))
    await kubectl("wait", "--for=condition=Ready", "pod/before", "--timeout=30s")
    with containerd.frozen():
        await kubectl("apply", "-f", "-", text=pod("during", container()))
        message = await _message_of_event(kubectl, "during", "FailedSync")
        assert message.startswith("error determining status: containerd has not done ")
        assert " within 1 s" in message
        # It does not take the node or what runs on it along.
        status = (await kubectl.json("get", "pod", "before"))["status"]
        assert status["phase"] == "Running"
    await kubectl("wait", "--for=condition=Ready", "pod/during", "--timeout=60s")
    for name in ("before", "during"):
        shown = await kubectl.json("get", "pod", name)
        assert shown["status"]["containerStatuses"][0]["restartCount"] == 0
        assert len(observer.running(shown["metadata"]["uid"])) == 1
    await kubectl("delete", "pod", "before", "during")


async def _message_of_event(kubectl: Kubectl, name: str, reason: str) -> str:
    selector = f"involvedObject.name={name},reason={reason}"
    with anyio.fail_after(CONDITION_SECONDS_MAX):
        while True:
            listed = await kubectl("get", "events", "--field-selector", selector, "-o", "json")
            for event in json.loads(listed)["items"]:
                return str(event["message"])
            await anyio.sleep(0.1)
