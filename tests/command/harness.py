"""`podkernel dev` as a process of its own, and kubectl beside it, for tests from a user's seat.

Whatever a test does, nothing of it stays: the server is ended, and so are the containers and the
shims of its data directory.
"""

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kernel.cri.process.layout import kill_marked_processes
from kernel.cri.process.nat import stop_masquerading
from kernel.cri.process.network import remove_device

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "docs" / "examples"
ORDINARY_USER = REPOSITORY / "tests" / "cri" / "ordinary_user.py"
NOBODY = 65534
SECONDS_MAX = 20.0
IDLE_SECONDS_MAX = 20
POLL_SECONDS = 0.02

Value = TypeVar("Value")


def eventually(probe: Callable[[], Value], what: str, seconds: float = SECONDS_MAX) -> Value:
    """The first true value of `probe`; fails when none came in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(POLL_SECONDS)


def processes_of(mark: str) -> list[int]:
    """The living processes of this machine whose command line contains `mark`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return sorted(found)


class Place:
    """A directory of a test's own, readable for the user who runs the server in it."""

    def __init__(self, directory: Path, *, ordinary_user: bool):
        self.directory = directory
        self.ordinary_user = ordinary_user and os.geteuid() == 0
        self.data = directory / "data"
        self.home = directory / "home"
        self.home.mkdir()
        self._servers: list[Server] = []
        self.own(directory, self.home)

    def own(self, *paths: Path) -> None:
        """Give files to the user who runs the server."""
        if self.ordinary_user:
            for path in paths:
                os.chown(path, NOBODY, NOBODY)

    def write(self, name: str, text: str) -> Path:
        """A file of the test's."""
        path = self.directory / name
        path.write_text(text)
        self.own(path)
        return path

    def directory_of(self, name: str) -> Path:
        """A directory of the test's."""
        path = self.directory / name
        path.mkdir()
        self.own(path)
        return path

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line of podkernel, run as the user of this place."""
        podkernel = [sys.executable, "-m", "kernel.cli.main", *map(str, arguments)]
        return [sys.executable, str(ORDINARY_USER), *podkernel] if self.ordinary_user else podkernel

    @property
    def environment(self) -> dict[str, str]:
        """What the server and kubectl see of the environment: nothing of this machine's user."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
            "KUBECONFIG": str(self.data / "kubeconfig"),
            "TZ": "UTC",
        }

    def run(
        self, *arguments: str | Path, seconds: float = SECONDS_MAX
    ) -> subprocess.CompletedProcess[str]:
        """A podkernel command that ends by itself, whatever the outcome."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, *arguments: str | Path, listen: str = "127.0.0.1:0") -> "Server":
        """`podkernel dev`, ready, on the process runtime unless the arguments say otherwise."""
        # The last one of an option counts: the arguments may say otherwise.
        standard = ["--runtime", "process", "--listen", listen, "--data-dir", str(self.data)]
        server = Server(self, [*standard, *arguments])
        self._servers.append(server)
        server.wait_ready()
        return server

    def clean(self) -> None:
        """End what the test has left running, and remove its files."""
        for server in self._servers:
            server.end()
        state = self.data / "process" / "sandboxes"
        containers = {path.name for path in state.glob("*/containers/*")}
        for pid in processes_of(str(state)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        kill_marked_processes(containers)
        for record in state.glob("*/sandbox.json"):
            plan = json.loads(record.read_text())["network"]
            for device in (plan["device"], plan["bridge"]) if plan else ():
                remove_device(device)
            if plan:
                with suppress(OSError):
                    stop_masquerading(plan["bridge"])
        shutil.rmtree(self.directory)


@contextmanager
def place(*, ordinary_user: bool = False) -> Iterator[Place]:
    """A place that is cleaned in the end. Not below pytest's directory, which only its user may
    enter."""
    made = Place(Path(tempfile.mkdtemp(prefix="podkernel-test-")), ordinary_user=ordinary_user)
    try:
        yield made
    finally:
        made.clean()


class Server:
    """One `podkernel dev`, from its start to its end."""

    def __init__(self, home: Place, arguments: list[str | Path]):
        self.place = home
        number = len(list(home.directory.glob("server-*.out")))
        self._out = home.directory / f"server-{number}.out"
        self._error = home.directory / f"server-{number}.err"
        self.started_seconds = time.monotonic()
        self.ready_after_seconds = 0.0
        with self._out.open("wb") as out, self._error.open("wb") as error:
            self.process = subprocess.Popen(
                home.command("dev", *arguments),
                env=home.environment,
                cwd=home.directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                # Ctrl-C at the tests' terminal is not for it: the test ends it.
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._out.read_text()

    @property
    def complaints(self) -> str:
        """What it has printed to standard error so far."""
        return self._error.read_text()

    @property
    def url(self) -> str:
        """Where it serves."""
        return self.output.split()[1]

    def wait_ready(self) -> None:
        """Wait for the line that says so."""

        def is_ready() -> bool:
            gone = self.process.poll() is not None
            assert not gone, f"podkernel ended with {self.process.returncode}: {self.complaints}"
            return self.output.startswith("ready https://") and "\n" in self.output

        eventually(is_ready, "podkernel dev becomes ready")
        self.ready_after_seconds = time.monotonic() - self.started_seconds

    def wait_printed(self, text: str) -> None:
        """Wait until it has printed `text`."""
        eventually(lambda: text in self.output, f'podkernel dev prints "{text}"')

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop, and wait until it has; answers its exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS_MAX)

    def kill(self) -> None:
        """End it without a chance to do anything (kill -9)."""
        self.process.kill()
        self.process.wait(SECONDS_MAX)

    def end(self) -> None:
        """End it if it still runs, whatever it takes."""
        if self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.stop()
                return
            self.kill()

    @contextmanager
    def connected(self) -> "Iterator[Connection]":
        """A connection to it that is kept until the end."""
        connection = Connection(self.url, self.place.data)
        try:
            yield connection
        finally:
            connection.close()


class Connection:
    """Plain HTTPS with the token of the data directory: the API without kubectl."""

    def __init__(self, url: str, data: Path):
        address = urlsplit(url)
        assert address.hostname
        context = ssl.create_default_context(cafile=str(data / "pki" / "ca.crt"))
        self._http = http.client.HTTPSConnection(
            address.hostname, address.port, context=context, timeout=SECONDS_MAX
        )
        self._used_at = time.monotonic()
        token = (data / "token").read_text().strip()
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> Any:
        """The decoded answer to a request that must succeed. Raises `OSError` or
        `http.client.HTTPException` where the server goes away."""
        status, answer = self._ask(method, path, body, headers)
        assert status < 300, (status, answer)
        return answer

    def refused(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> Any:
        """The Status of a request that must fail."""
        status, answer = self._ask(method, path, body, headers)
        assert status >= 400, (status, answer)
        return answer

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body)
        if time.monotonic() - self._used_at > IDLE_SECONDS_MAX:
            self._http.close()  # as the server may have done: the request opens it anew
        self._used_at = time.monotonic()
        self._http.request(method, path, body=content, headers=self._headers | dict(headers))
        answer = self._http.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        """Close it."""
        self._http.close()


class Kubectl:
    """The real kubectl against the server of a place."""

    def __init__(self, home: Place):
        self._place = home

    def run(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run to the end, whatever the outcome."""
        return subprocess.run(
            ["kubectl", *map(str, arguments)],
            env=self._place.environment,
            cwd=self._place.directory,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX * 2,
            check=False,
        )

    def __call__(self, *arguments: str | Path, stdin: str = "") -> str:
        """What a command that must succeed prints."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What `get` shows, as the API has it."""
        return json.loads(self("get", *arguments, "-o", "json"))

    def pod(self, name: str) -> Any:
        """A Pod as the API has it."""
        return self.json("pod", name)

    def row(self, *arguments: str) -> list[str]:
        """The cells of one object's row in `get`; empty where it is not there."""
        done = self.run("get", *arguments, "--no-headers")
        return done.stdout.split()

    def wait_status(self, pod: str, status: str, seconds: float = SECONDS_MAX) -> None:
        """Wait until the STATUS column of a Pod says so."""
        rows: list[list[str]] = []

        def shows() -> bool:
            rows.append(self.row("pod", pod))
            return rows[-1][2:3] == [status]

        try:
            eventually(shows, f"pod {pod} becomes {status}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {rows[-1]}") from None

    def event_reasons(self, name: str) -> list[str]:
        """The reasons of an object's Events, oldest first."""
        selector = f"--field-selector=involvedObject.name={name}"
        items = self.json("events", selector)["items"]
        return [item["reason"] for item in sorted(items, key=_log_position)]

    @contextmanager
    def streaming(self, *arguments: str) -> Iterator[Callable[[], str]]:
        """A command that goes on until the block ends; yields what it has printed so far."""
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                ["kubectl", *arguments],
                env=self._place.environment,
                cwd=self._place.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

            def printed() -> str:
                # Its own offset: the child writes at the one that they share.
                return os.pread(output.fileno(), 1 << 20, 0).decode()

            try:
                yield printed
            finally:
                process.kill()
                process.wait()


def _log_position(item: Any) -> int:
    return int(item["metadata"]["resourceVersion"])


def free_port() -> int:
    """A port that nobody listens on just now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def fetch(port: int, path: str = "/") -> str:
    """What is served on a port of this machine; empty where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
