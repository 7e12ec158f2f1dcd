"""What every test shares: async tests run on asyncio and on trio, anyio's two event loops.

A test or module of something that works on one loop only overrides `anyio_backend` for itself.
Why a test was skipped is said at the end of the run (`-ra` in pyproject.toml).
"""

import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containerd.daemon import Containerd, missing_for_containerd, running_containerd


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loop that anyio's pytest plugin runs an async test on."""
    backend: str = request.param
    return backend


@pytest.fixture(scope="session")
def containerd() -> Iterator[Containerd]:
    """A containerd of the tests' own, shared by all tests of a run; skips where it can't be."""
    reason = missing_for_containerd()
    if reason:
        pytest.skip(reason)
    with running_containerd() as daemon:
        yield daemon


@pytest.fixture
def documented_ports() -> Iterator[None]:
    """The ports that the documentation's commands and manifests name: one test at a time has them,
    whichever process runs it."""
    lock = Path(tempfile.gettempdir(), "podkernel-documented-ports.lock")
    with lock.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
