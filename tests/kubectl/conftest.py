"""Real kubectl binaries against a server of the test's own.

Each test runs with a home directory of its own, so that no cache and no configuration of the
machine takes part.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from kernel.api.object_api import ObjectApi

from ..apiserver.conftest import Served, serving

COMMAND_SECONDS_MAX = 30


def _binaries() -> list[Path]:
    """kubectl from the PATH, and the versions that stand beside the file it links to."""
    found = shutil.which("kubectl")
    if found is None:
        return []
    beside = sorted(Path(found).resolve().parent.glob("kubectl.1.*"))
    return [Path(found), *beside]


def _cases() -> list[Any]:
    """A case for each binary. Those between the oldest and the newest count as slow, so that
    `-m "not slow"` still tries both ends of what is supported."""
    cases = []
    for number, binary in enumerate(BINARIES or [Path("kubectl")]):
        at_an_end = number in (0, 1, len(BINARIES) - 1)
        marks = () if at_an_end else (pytest.mark.slow,)
        cases.append(pytest.param(binary, id=binary.name, marks=marks))
    return cases


BINARIES = _binaries()
EVERY_VERSION = pytest.mark.parametrize("kubectl", _cases(), indirect=True)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that is used in production."""
    return "asyncio", {"use_uvloop": True}


class Kubectl:
    """Runs one kubectl binary against one server."""

    def __init__(self, binary: Path, served: Served, directory: Path):
        self.binary = binary
        self.served = served
        self.directory = directory
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "KUBECONFIG": str(served.server.kubeconfig),
        }

    @property
    def api(self) -> ObjectApi:
        """The server's objects, without HTTP."""
        return self.served.api

    async def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run to the end, whatever the outcome."""
        with anyio.fail_after(COMMAND_SECONDS_MAX):
            return await anyio.run_process(
                [str(self.binary), *arguments],
                input=stdin.encode(),
                env=self._environment,
                cwd=self.directory,
                check=False,
            )

    async def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What a command that must succeed prints."""
        done = await self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    async def refused(self, *arguments: str, stdin: str = "") -> str:
        """What a command that must fail complains of."""
        done = await self.run(*arguments, stdin=stdin)
        assert done.returncode != 0, done.stdout.decode()
        return done.stderr.decode()

    async def start(self, *arguments: str) -> anyio.abc.Process:
        """A command that goes on until it is ended."""
        return await anyio.open_process(
            [str(self.binary), *arguments], env=self._environment, cwd=self.directory
        )


@pytest.fixture
async def kubectl(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kubectl]:
    """kubectl from the PATH, or the one that the test is parametrised with."""
    if not BINARIES:
        pytest.skip("there is no kubectl on the PATH")
    binary = getattr(request, "param", BINARIES[0])
    async with serving(tmp_path / "data", tls=True) as served:
        home = tmp_path / "home"
        home.mkdir()
        yield Kubectl(binary, served, home)
