"""The process runtime as its tests see it: what the machine allows, and what runs on it."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from kernel.clock import SystemClock
from kernel.cri.process import shim
from kernel.cri.process.runtime import ProcessRuntime
from kernel.cri.process.state import Abilities
from tests.cri.trial import wait_for

FOREVER = "trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done"
SHIM = "process/shim.py"


def open_runtime(state_directory: Path) -> ProcessRuntime:
    return ProcessRuntime(state_directory, clock=SystemClock())


@cache
def abilities() -> Abilities:
    """What the runtime finds out about who runs the tests."""
    probe = [sys.executable, "-I", "-S", shim.__file__, "probe"]
    return Abilities(**json.loads(subprocess.run(probe, capture_output=True, check=True).stdout))


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_mounts = pytest.mark.skipif(
    not abilities().mounts, reason="this user may neither mount nor make user namespaces"
)


def shims_of(state_directory: Path) -> list[int]:
    """The live processes that hold a sandbox of this state directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        mine = any(word.startswith(bytes(state_directory)) for word in words)
        if mine and any(word.endswith(SHIM.encode()) for word in words):
            found.append(int(path.parent.name))
    return found


def is_running(mark: str) -> bool:
    """Whether any process has `mark` in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


async def until_gone(mark: str) -> None:
    async def look() -> bool | None:
        return None if is_running(mark) else True

    await wait_for(look)
