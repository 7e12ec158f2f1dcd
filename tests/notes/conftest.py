"""A kernel for the commands of each of the study notes, with a registry for the notes' images."""

from collections.abc import Iterator

import pytest

from tests.containerd.daemon import Containerd
from tests.containerd.registry import running_registry
from tests.node.harness import PodKernel, missing_for_kubectl

from .manifests import path_of

REGISTRIES = ("docker.io", "k8s.gcr.io", "daocloud.io")


@pytest.fixture(scope="session")
def notes_containerd(containerd: Containerd) -> Iterator[Containerd]:
    """A containerd for which the registries of the notes can be reached."""
    with running_registry() as address, containerd.mirroring(address, *REGISTRIES):
        yield containerd


@pytest.fixture(scope="session", autouse=True)
def probed_kernel(
    notes_containerd: Containerd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PodKernel]:
    """A kernel with the Pods of the notes on probes, which fall ill while other tests run."""
    if missing := missing_for_kubectl():
        pytest.skip(missing)
    kernel = PodKernel(tmp_path_factory.mktemp("probes"), notes_containerd)
    kernel.start()
    kernel.kubectl("create", "-f", path_of("liveness-exec"))
    kernel.kubectl("create", "-f", path_of("liveness-http"))
    yield kernel
    kernel.kubectl("delete", "pods", "-l", "test=liveness", "--now")
    kernel.stop()


@pytest.fixture(scope="module")
def kernel(
    notes_containerd: Containerd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PodKernel]:
    """`podkernel dev` with a directory for static Pods, `static-pods`, beside its data."""
    if missing := missing_for_kubectl():
        pytest.skip(missing)
    home = tmp_path_factory.mktemp("notes")
    (home / "static-pods").mkdir()
    kernel = PodKernel(home, notes_containerd, "--static-pods", str(home / "static-pods"))
    kernel.start()
    yield kernel
    kernel.stop()
