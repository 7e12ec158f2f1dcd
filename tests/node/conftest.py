"""One `podkernel dev` for tests that need nothing of their own, and fresh ones for the others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from kernel.cri.choice import RuntimeName
from tests.containerd.daemon import Containerd

from .harness import Observer, PodKernel, missing_for_kubectl

StartKernel: TypeAlias = Callable[..., PodKernel]


@pytest.fixture(scope="session")
def needs_kubectl() -> None:
    """Skips where there is no kubectl."""
    reason = missing_for_kubectl()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_kernel(
    needs_kubectl: None, containerd: Containerd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PodKernel]:
    """A running kernel that all tests of the run put Pods of different names into."""
    kernel = PodKernel(tmp_path_factory.mktemp("shared"), containerd)
    kernel.start()
    yield kernel
    kernel.stop()


@pytest.fixture
def start_kernel(
    needs_kubectl: None, containerd: Containerd, tmp_path: Path
) -> Iterator[StartKernel]:
    """Starts kernels of the test's own, each on a data directory of its own."""
    kernels: list[PodKernel] = []

    def start(*options: str) -> PodKernel:
        directory = tmp_path / f"kernel-{len(kernels)}"
        directory.mkdir()
        kernels.append(PodKernel(directory, containerd, *options))
        kernels[-1].start()
        return kernels[-1]

    yield start
    for kernel in kernels:
        if kernel.is_running:
            kernel.stop()


@pytest.fixture
def observer(containerd: Containerd) -> Observer:
    """A look into containerd past podkernel."""
    return Observer(containerd)


@pytest.fixture(params=[pytest.param("containerd", marks=pytest.mark.containerd), "process"])
def runtime(request: pytest.FixtureRequest, needs_kubectl: None) -> tuple[RuntimeName, str]:
    """A runtime's name, and its socket if it has one."""
    if request.param == "containerd":
        return "containerd", request.getfixturevalue("containerd").socket_path
    return "process", ""
