"""kubectl in conversation: with a terminal of its own, with pipes, or with ports that it forwards.

It knows nothing of the server but a kubeconfig, so the same cases run on every runtime.
"""

import fcntl
import http.client
import os
import re
import selectors
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS_MAX = 30.0
Size = tuple[int, int]


def kubectl_binaries() -> dict[str, Path]:
    """What there is of the PATH's kubectl, versions beside it, and Debian's in the tests' cache."""
    found: dict[str, Path] = {}
    on_path = shutil.which("kubectl")
    if on_path is not None:
        found["kubectl"] = Path(on_path)
        beside = sorted(Path(on_path).resolve().parent.glob("kubectl.1.*"))
        found |= {binary.name: binary for binary in beside}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    debian = cache / "podkernel-tests" / "kubectl.debian"
    if debian.exists():
        found[debian.name] = debian
    return found


class Talker:
    """One kubectl for one server."""

    def __init__(self, binary: Path, environment: Mapping[str, str], directory: Path):
        self._binary = str(binary)
        self._environment = dict(environment)
        self.directory = directory

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run to the end, whatever the outcome."""
        return subprocess.run(
            [self._binary, *arguments],
            input=stdin,
            env=self._environment,
            cwd=self.directory,
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What a command that must succeed prints."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @contextmanager
    def terminal(self, *arguments: str, size: Size = (100, 40)) -> Iterator["Terminal"]:
        """A command at a terminal of so many columns and rows; ended with the context."""
        ours, theirs = os.openpty()
        _set_size(ours, size)
        process = subprocess.Popen(
            # With the terminal in control, so that a change of its size is told.
            ["setsid", "--ctty", self._binary, *arguments],
            env=self._environment,
            cwd=self.directory,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            _end(process)
            os.close(ours)

    @contextmanager
    def forwarding(self, *arguments: str) -> Iterator["Forwarding"]:
        """`kubectl port-forward`; ended with the context."""
        with self._going_on("port-forward", *arguments) as (process, output):
            yield Forwarding(process, output)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator["Output"]:
        """A command that goes on; ended with the context."""
        with self._going_on(*arguments) as (_, output):
            yield output

    @contextmanager
    def _going_on(self, *arguments: str) -> "Iterator[tuple[subprocess.Popen[bytes], Output]]":
        process = subprocess.Popen(
            [self._binary, *arguments],
            env=self._environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        try:
            yield process, Output(process.stdout.fileno())
        finally:
            _end(process)
            process.stdout.close()


class Output:
    """What a process writes, as far as somebody has waited for it."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._seen = 0
        self.text = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The next place that matches a regular expression, behind those found before."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            found = re.compile(pattern, re.MULTILINE).search(self.text, self._seen)
            if found is not None:
                self._seen = found.end()
                return found
            assert self._read(deadline), f"no {pattern!r} in {self.text!r}"

    def _read(self, deadline: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            if not selector.select(max(deadline - time.monotonic(), 0)):
                return False
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:
            return False  # a terminal's way to say that its last process has gone
        self.text += data.decode(errors="replace")
        return bool(data)


class Terminal(Output):
    """A person's end of a terminal."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]):
        super().__init__(descriptor)
        self._process = process

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._descriptor, text.encode())

    def resize(self, size: Size) -> None:
        """Make the window as many columns and rows large."""
        _set_size(self._descriptor, size)

    def exit_code(self) -> int:
        """The end of the command."""
        with suppress(AssertionError):
            self.wait_for(r"\Z(?!.)never")
        return self._process.wait(SECONDS_MAX)


class Forwarding:
    """A port-forward that is on."""

    def __init__(self, process: subprocess.Popen[bytes], output: Output):
        self._process = process
        self.output = output

    def local_port(self, pod_port: int) -> int:
        """The port of this machine that leads there."""
        found = self.output.wait_for(rf"Forwarding from 127\.0\.0\.1:(\d+) -> {pod_port}$")
        return int(found[1])

    def end(self) -> int:
        """Ctrl-C; answers the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(SECONDS_MAX)


def get(port: int, path: str) -> bytes:
    """What is served at a port of this machine; empty where the connection is given up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read() if answer.status == 200 else b""
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()


def _set_size(descriptor: int, size: Size) -> None:
    columns, rows = size
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
