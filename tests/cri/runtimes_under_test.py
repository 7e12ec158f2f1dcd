"""What the contract suite must know of each runtime: how to open one, and what to run in it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from kernel.clock import Clock, SystemClock
from kernel.cri.runtime import Runtime
from tests.containerd.daemon import Containerd

Command = tuple[str, ...]

UNSTARTABLE = "unstartable"
"""The name of a container whose command can't be run; the simulated runtime has a script for it."""

BUSY = "busy"
"""The name of a container that is never idle; the simulated runtime has a script for it."""

SERVED = "served by the contract suite"

ECHO = "echo"
"""The name of a container that listens; the simulated runtime has a script for it."""

ECHO_PORT = 7007

# A runtime's name and an event loop that it works on.
CONTAINERD = pytest.param(("containerd", "asyncio"), marks=pytest.mark.containerd)
SIMULATED = [("simulated", "asyncio"), ("simulated", "trio")]
REAL = [("process", "asyncio"), ("process", "trio"), CONTAINERD]
ALL = [*SIMULATED, *REAL]

runs_programs = pytest.mark.parametrize("combination", REAL, indirect=True, ids="-".join)
"""For what only a runtime that really runs programs can show."""

_ECHO_IN_PYTHON = f"""
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
socketserver.ThreadingTCPServer(("127.0.0.1", {ECHO_PORT}), Echo).serve_forever()
"""


class RuntimeUnderTest(msgspec.Struct):
    """One runtime's state, and as many `Runtime` objects on it as a test opens.

    `until_stopped` prints `ready`, and ends with 143 on SIGTERM. `serve` answers HTTP requests on
    port 8080 with the file `index.html` of the directory that it is given. `echo` sends back what
    it receives on `ECHO_PORT`, to the end.
    """

    open: Callable[[], Runtime]
    image: str
    until_stopped: Command = (
        *("sh", "-c"),
        "trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done",
    )
    serve: Callable[[str], Command] = lambda directory: (
        *("httpd", "-f", "-p", "8080", "-h", directory),
    )
    echo: Command = ("nc", "-ll", "-p", str(ECHO_PORT), "-e", "cat")
    has_addresses: bool = True
    has_host_ports: bool = True
    has_images: bool = True
    enforces_limits: bool = True


def simulated(request: pytest.FixtureRequest) -> Iterator[RuntimeUnderTest]:
    """Nothing runs in it, and its state is the object itself."""
    from kernel.cri.simulated.runtime import SimulatedContainer, SimulatedRuntime

    runtime = SimulatedRuntime(SystemClock())
    runtime.script(UNSTARTABLE, SimulatedContainer(start_failure="no such file or directory"))
    runtime.script(BUSY, SimulatedContainer(cpu_cores=1, memory_bytes=1 << 20))
    runtime.script(ECHO, SimulatedContainer(echo_ports=(ECHO_PORT,)))
    until_stopped = ("sh", "-c", "echo ready; sleep infinity")
    yield RuntimeUnderTest(
        open=lambda: runtime, image="busybox", until_stopped=until_stopped, enforces_limits=False
    )


def process(request: pytest.FixtureRequest) -> Iterator[RuntimeUnderTest]:
    """Runs this machine's programs; what it can do beyond that depends on who runs the tests."""
    from kernel.cri.process.runtime import ProcessRuntime
    from tests.cri.process_machine import abilities

    is_root = os.geteuid() == 0
    # Not pytest's directory: its names are long, and a unix socket's path must be short.
    state_directory = tempfile.mkdtemp(prefix="podkernel-process-")
    yield RuntimeUnderTest(
        open=lambda: ProcessRuntime(Path(state_directory), clock=_clock()),
        image="busybox",
        serve=lambda directory: (
            *(sys.executable, "-m", "http.server", "8080", "--directory", directory),
        ),
        echo=(sys.executable, "-c", _ECHO_IN_PYTHON),
        has_addresses=is_root,
        has_images=False,
        enforces_limits=abilities().limits,
    )
    shutil.rmtree(state_directory, ignore_errors=True)


def containerd(request: pytest.FixtureRequest) -> Iterator[RuntimeUnderTest]:
    """The real thing, on the containerd that the tests share."""
    from kernel.cri.containerd.runtime import ContainerdRuntime

    daemon: Containerd = request.getfixturevalue("containerd")
    yield RuntimeUnderTest(
        open=lambda: ContainerdRuntime(daemon.socket_path, clock=_clock()), image="busybox"
    )


def _clock() -> Clock:
    return SystemClock()
