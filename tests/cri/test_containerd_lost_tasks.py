"""A task that containerd's CRI plugin knows nothing of does not keep its container for ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.clock import SystemClock
from kernel.cri.containerd.runtime import ContainerdRuntime
from tests.containerd.daemon import Containerd
from tests.cri.runtimes_under_test import RuntimeUnderTest
from tests.cri.trial import Trial

pytestmark = [pytest.mark.anyio, pytest.mark.containerd]


@pytest.fixture
def anyio_backend() -> str:
    """grpc's asynchronous client knows no other loop."""
    return "asyncio"


@pytest.fixture
async def trial(containerd: Containerd, tmp_path: Path) -> AsyncIterator[Trial]:
    under_test = RuntimeUnderTest(
        open=lambda: ContainerdRuntime(containerd.socket_path, clock=SystemClock()),
        image="busybox",
    )
    trial = Trial(under_test, tmp_path)
    yield trial
    await trial.close()


async def _with_lost_task(trial: Trial, containerd: Containerd) -> tuple[str, str]:
    """A sandbox and a container in it that runs, though CRI takes it for created only."""
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.create(sandbox_id, ("sleep", "600"))
    containerd.ctr("tasks", "start", "--detach", container_id)
    assert container_id in containerd.ctr("tasks", "list")
    return sandbox_id, container_id


async def test_its_container_can_be_removed(trial: Trial, containerd: Containerd) -> None:
    _, container_id = await _with_lost_task(trial, containerd)
    await trial.runtime.remove_container(container_id)
    assert container_id not in containerd.ctr("tasks", "list")
    assert container_id not in containerd.ctr("containers", "list")


async def test_its_sandbox_can_be_removed(trial: Trial, containerd: Containerd) -> None:
    sandbox_id, container_id = await _with_lost_task(trial, containerd)
    await trial.runtime.remove_sandbox(sandbox_id)
    assert container_id not in containerd.ctr("tasks", "list")
    assert sandbox_id not in containerd.ctr("containers", "list")
