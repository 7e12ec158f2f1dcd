"""What a podkernel that was killed in the middle of a removal left on disk."""

import subprocess
from pathlib import Path

import pytest

from .conftest import StartKernel
from .harness import is_ready, wait_until
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

GONE = "0f0c6b1e-0000-4000-8000-000000000001"


def test_directories_of_gone_pods_go_with_what_is_mounted_there(start_kernel: StartKernel) -> None:
    kernel = start_kernel()
    kernel.apply(pod("stays", container()))
    uid = kernel.pod_when("stays", is_ready)["metadata"]["uid"]
    kernel.kill()
    volume = kernel.data_directory / "pods" / GONE / "volumes" / "memory"
    log = kernel.data_directory / "pod-logs" / f"default_gone_{GONE}" / "main" / "0.log"
    for path in (volume, log.parent):
        path.mkdir(parents=True)
    log.write_text("left")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(volume)], check=True)
    kernel.start()
    wait_until(lambda: not _traces(kernel.data_directory), "the directories stay")
    assert GONE not in Path("/proc/self/mountinfo").read_text()
    assert (kernel.data_directory / "pods" / uid).is_dir()
    assert kernel.kubectl("logs", "stays") == ""
    kernel.kubectl("delete", "pod", "stays", "--now")


def _traces(data_directory: Path) -> list[Path]:
    return [path for path in data_directory.glob("*/*") if GONE in path.name]
