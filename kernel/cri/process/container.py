"""A container in the shim: one fork, its output, its exit. And commands that are run in it.

Standard library alone.
"""

import os
import signal
import time
from binascii import b2a_base64
from collections.abc import Callable

from kernel.cri.process import cgroup, syscalls as system
from kernel.cri.process.layout import (
    EXIT_START_FAILED,
    FATE_FILE,
    Record,
    container_has_own_processes,
    containers_have_own_processes,
    kill_marked_processes,
    write_json,
)
from kernel.cri.process.log import LogStream, LogWriter
from kernel.cri.process.loop import READABLE, Loop

_CHUNK_BYTES = 64 * 1024
# CRI clients receive at most 16 MiB in a message; what a command writes beyond that is dropped.
_COMMAND_OUTPUT_BYTES_MAX = 4 * 1024 * 1024
_SIGNAL_EXIT_BASE = 128

Answer = Callable[[Record], None]


class Pump:
    """Passes on what arrives in a pipe until its end."""

    def __init__(self, loop: Loop, descriptor: int, feed: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._feed = feed
        os.set_blocking(descriptor, False)
        loop.watch(descriptor, READABLE, self._on_readable)

    def _on_readable(self, events: int) -> None:
        self._read_chunk()

    def _read_chunk(self) -> bool:
        """Pass on what is there now; answers whether there may be more."""
        try:
            data = os.read(self._descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            # A terminal answers EIO once its last process is gone.
            data = b""
        if data:
            self._feed(data)
            return True
        self.close()
        return False

    def drain(self) -> None:
        """Pass on all that is there and close, also if someone holds the other end open."""
        while self._descriptor >= 0 and self._read_chunk():
            pass
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            self._loop.forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class ContainerProcess:
    """From `start` to its exit. The pid is the shim's view of it."""

    def __init__(
        self,
        loop: Loop,
        directory: str,
        sandbox: Record,
        container: Record,
        *,
        network: int | None,
        target: "ContainerProcess | None",
        on_change: Callable[[str, str], None],
    ) -> None:
        """`target` is the container whose processes this one is among. `on_change` gets "started",
        "exited" or "out of memory", once the disk shows it, and the container's id."""
        self._loop = loop
        self._directory = directory
        self._sandbox = sandbox
        self.record = container
        self._network = network
        self._target = target
        self._on_change = on_change
        self._waiting: list[Answer] = []
        self._failure = b""
        self._failure_pipe = -1
        self._pumps: list[Pump] = []
        self._streams: list[LogStream] = []
        self._started_at = 0
        self._stdin = -1
        self.pid = 0
        self.running = False

    def start(self, answer: Answer) -> None:
        """Fork; `answer` is called once the command is executed or has failed to be."""
        try:
            self._fork(answer)
        except OSError as error:
            # No log file can be written, say: nothing has run, and nothing will.
            self._failure = str(error).encode()
            write_json(f"{self._directory}/{FATE_FILE}", self._fate(0, False))
            answer({"error": str(error)})
            self._on_change("exited", self.record["id"])

    def _fork(self, answer: Answer) -> None:
        config = self.record["config"]
        self._limited = self._sandbox["abilities"]["limits"] and cgroup.has_limits(self.record)
        if self._limited:
            cgroup.make(self.record)
        self._log = LogWriter(self.record["log_path"])
        failure_read, failure_write = os.pipe2(os.O_CLOEXEC)
        ours, theirs = self._make_streams(config)
        self.pid = fork_into(
            self._target.processes() if self._target is not None else None,
            new_processes=container_has_own_processes(self._sandbox, self.record),
        )
        if self.pid == 0:
            self._become(theirs, failure_write)
        for descriptor in {*theirs, failure_write}:
            os.close(descriptor)
        for name, descriptor in ours:
            stream = LogStream(self._log, name)
            self._streams.append(stream)
            self._pumps.append(Pump(self._loop, descriptor, stream.feed))
        self.running = True
        self._answer_start = answer
        self._failure_pipe = failure_read
        self._loop.watch(failure_read, READABLE, lambda events: self._finish_starting())

    def _make_streams(self, config: Record) -> tuple[list[tuple[str, int]], tuple[int, int, int]]:
        """Our ends with their stream's name, and the child's standard streams."""
        if config["tty"]:
            terminal, end = os.openpty()
            return [("stdout", terminal)], (end, end, end)
        if config["stdin"]:
            # Nobody attaches in this runtime, so the input stays open and empty.
            stdin, self._stdin = os.pipe2(os.O_CLOEXEC)
        else:
            stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        stdout_read, stdout_write = os.pipe2(os.O_CLOEXEC)
        stderr_read, stderr_write = os.pipe2(os.O_CLOEXEC)
        ours = [("stdout", stdout_read), ("stderr", stderr_read)]
        return ours, (stdin, stdout_write, stderr_write)

    def _become(self, streams: tuple[int, int, int], failure_pipe: int) -> None:
        from kernel.cri.process.launch import Launch

        launch = Launch(
            self._sandbox,
            self.record,
            standard_streams=streams,
            failure_pipe=failure_pipe,
            terminal=self.record["config"]["tty"],
        )

        def arrange() -> None:
            if self._network is not None:
                system.enter_namespace(self._network)
            launch.build_root(os.getcwd())

        config = self.record["config"]
        launch.run(arrange, [*config["command"], *config["args"]])

    def _finish_starting(self) -> None:
        """The child has executed its command, which closes the pipe, or said why it couldn't."""
        if self._failure_pipe < 0:
            return
        self._loop.forget(self._failure_pipe)
        with open(self._failure_pipe, "rb") as pipe:
            self._failure = pipe.read()
        self._failure_pipe = -1
        if self._failure:
            return
        self._started_at = time.time_ns()
        write_json(
            f"{self._directory}/{FATE_FILE}",
            {"state": "running", "pid": self.pid, "started_at": self._started_at},
        )
        self._answer_start({})
        self._on_change("started", self.record["id"])

    def processes(self) -> int | None:
        """The PID namespace, opened; None where the container has none of its own."""
        if not containers_have_own_processes(self._sandbox):
            return None
        return os.open(f"/proc/{self.pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def wait(self, answer: Answer) -> None:
        """Call `answer` once the container has exited."""
        if self.running:
            self._waiting.append(answer)
        else:
            answer({})

    def signal(self, number: int) -> None:
        """Send a signal to the container's first process."""
        if self.running:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill all of the container."""
        if self.running:
            os.kill(self.pid, signal.SIGKILL)

    def on_exit(self, status: int) -> None:
        """The first process was reaped: what it left behind goes too, then the fate is written."""
        if not container_has_own_processes(self._sandbox, self.record):
            kill_marked_processes({self.record["id"]})
        self._finish_starting()
        self.running = False
        for pump in self._pumps:
            pump.drain()
        for stream in self._streams:
            stream.finish()
        self._log.close()
        if self._stdin >= 0:
            os.close(self._stdin)
        out_of_memory = self._limited and cgroup.ran_out_of_memory(self.record)
        if self._limited:
            cgroup.remove(self.record["id"])
        write_json(f"{self._directory}/{FATE_FILE}", self._fate(status, out_of_memory))
        if self._failure:
            self._answer_start({"error": self._failure.decode(errors="replace")})
        if out_of_memory:
            self._on_change("out of memory", self.record["id"])
        self._on_change("exited", self.record["id"])
        for answer in self._waiting:
            answer({})

    def _fate(self, status: int, out_of_memory: bool) -> Record:
        code = EXIT_START_FAILED if self._failure else exit_code(status)
        reason, message = "Completed" if code == 0 else "Error", ""
        if out_of_memory and code != 0:
            reason = "OOMKilled"
        if self._failure:
            reason, message = "StartError", self._failure.decode(errors="replace")
        return {
            "state": "exited",
            "started_at": self._started_at,
            "finished_at": time.time_ns(),
            "exit_code": code,
            "reason": reason,
            "message": message,
        }

    def reopen_log(self) -> None:
        if self.running:
            self._log.reopen()


class CommandProcess:
    """A command run in a running container; its output is kept until it ends."""

    def __init__(
        self, loop: Loop, sandbox: Record, container: ContainerProcess, answer: Answer
    ) -> None:
        self._loop = loop
        self._sandbox = sandbox
        self._container = container
        self._answer = answer
        self._output = {"stdout": bytearray(), "stderr": bytearray()}
        self._failure = bytearray()
        self._pumps: list[Pump] = []
        self.pid = 0

    def start(self, command: list[str]) -> None:
        """Raises `OSError` if the container is gone."""
        namespaces = self._open_namespaces()
        ends = {name: os.pipe2(os.O_CLOEXEC) for name in ("stdout", "stderr", "failure")}
        stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        streams = (stdin, ends["stdout"][1], ends["stderr"][1])
        self.pid = fork_into(namespaces.pop("pid", None), new_processes=False)
        if self.pid == 0:
            self._become(command, list(namespaces.values()), streams, ends["failure"][1])
        for descriptor in (stdin, *namespaces.values(), *(end[1] for end in ends.values())):
            os.close(descriptor)
        for name, feed in (
            ("stdout", self._keep("stdout")),
            ("stderr", self._keep("stderr")),
            ("failure", self._failure.extend),
        ):
            self._pumps.append(Pump(self._loop, ends[name][0], feed))

    def _open_namespaces(self) -> dict[str, int]:
        names = ["net"] if self._sandbox["network"] is not None else []
        if self._sandbox["abilities"]["mounts"]:
            names.append("mnt")
        if containers_have_own_processes(self._sandbox):
            names.append("pid")
        directory = f"/proc/{self._container.pid}/ns"
        flags = os.O_RDONLY | os.O_CLOEXEC
        return {name: os.open(f"{directory}/{name}", flags) for name in names}

    def _become(
        self,
        command: list[str],
        namespaces: list[int],
        streams: tuple[int, int, int],
        failure_pipe: int,
    ) -> None:
        from kernel.cri.process.launch import Launch

        def arrange() -> None:
            for namespace in namespaces:
                system.enter_namespace(namespace)

        launch = Launch(
            self._sandbox,
            self._container.record,
            standard_streams=streams,
            failure_pipe=failure_pipe,
        )
        launch.run(arrange, command)

    def _keep(self, name: str) -> Callable[[bytes], None]:
        kept = self._output[name]
        return lambda data: kept.extend(data[: _COMMAND_OUTPUT_BYTES_MAX - len(kept)])

    def kill(self) -> None:
        """Kill the command with its process group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.pid, signal.SIGKILL)

    def on_exit(self, status: int) -> None:
        for pump in self._pumps:
            pump.drain()
        if self._failure:
            self._answer({"error": self._failure.decode(errors="replace")})
            return
        output = {
            name: b2a_base64(data, newline=False).decode() for name, data in self._output.items()
        }
        self._answer({**output, "exit_code": exit_code(status)})


def exit_code(status: int) -> int:
    """As a shell has it: 128 + n for a process that died of signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _SIGNAL_EXIT_BASE - code


def fork_into(namespace: int | None, *, new_processes: bool) -> int:
    """Fork a child into a PID namespace: an open one (which is closed), a new one, or our own.

    Only this way is the child in another PID namespace and yet ours to wait for.
    """
    if namespace is None and not new_processes:
        return os.fork()
    home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if namespace is None:
            system.unshare(system.CLONE_NEWPID)
        else:
            system.enter_namespace(namespace)
            os.close(namespace)
        child = os.fork()
        if child:
            system.enter_namespace(home)
        return child
    finally:
        os.close(home)
