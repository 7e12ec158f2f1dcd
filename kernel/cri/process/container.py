"""A container in the shim: one fork, its streams, its exit.

Standard library alone.
"""

import os
import signal
import time
from collections.abc import Callable

from kernel.cri.process import syscalls as system
from kernel.cri.process.cgroup import Cgroups
from kernel.cri.process.child import exit_code, fork_into
from kernel.cri.process.container_streams import ContainerStreams
from kernel.cri.process.fate_file import FateFile
from kernel.cri.process.layout import (
    EXIT_START_FAILED,
    FATE_FILE,
    Record,
    container_has_own_processes,
    containers_have_own_processes,
    kill_marked_processes,
)
from kernel.cri.process.log import LogWriter
from kernel.cri.process.loop import Loop
from kernel.cri.process.starting import Starting
from kernel.cri.process.streams import Streams

Answer = Callable[[Record], None]


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
        self._fate_file = FateFile(f"{directory}/{FATE_FILE}")
        self._sandbox = sandbox
        self.record = container
        self._network = network
        self._target = target
        self._on_change = on_change
        self._has_cgroup: bool = sandbox["abilities"]["limits"]
        self._waiting: list[Answer] = []
        self._starting = Starting(loop)
        self._started_at = 0
        self.pid = 0
        self.running = False

    def start(self, answer: Answer) -> None:
        """Fork; `answer` is called once the command is executed or has failed to be.

        Raises `OSError` where nothing can be written: then nothing was tried, and it may be again.
        """
        self._fate_file.reserve()
        try:
            self._fork(answer)
        except OSError as error:
            # No log file can be written, say: nothing has run, and nothing will.
            self._starting.failure = str(error).encode()
            self._fate_file.write(self._fate(0, False))
            answer({"error": str(error)})
            self._on_change("exited", self.record["id"])

    def _fork(self, answer: Answer) -> None:
        if self._has_cgroup:
            Cgroups().make(self.record)
        self._log = LogWriter(self.record["log_path"])
        failure_pipe = self._starting.make()
        self._streams = ContainerStreams(self._loop, self.record["config"], self._log)
        theirs = self._streams.make()
        self.pid = fork_into(
            self._target.processes() if self._target is not None else None,
            new_processes=container_has_own_processes(self._sandbox, self.record),
        )
        if self.pid == 0:
            self._become(theirs, failure_pipe)
        theirs.close()
        os.close(failure_pipe)
        self.running = True
        self._answer_start = answer
        self._starting.follow(self._on_start)

    def _become(self, streams: Streams, failure_pipe: int) -> None:
        from kernel.cri.process.launch import Launch

        launch = Launch(self._sandbox, self.record, streams=streams, failure_pipe=failure_pipe)

        def arrange() -> None:
            if self._network is not None:
                system.enter_namespace(self._network)
            launch.build_root(os.getcwd())

        config = self.record["config"]
        launch.run(arrange, [*config["command"], *config["args"]])

    def _on_start(self) -> None:
        self._streams.on_start()
        self._started_at = time.time_ns()
        self._fate_file.write({"state": "running", "pid": self.pid, "started_at": self._started_at})
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
            if self._has_cgroup:
                Cgroups().kill(self.record["id"])
        self._starting.finish()
        self.running = False
        self._streams.finish()
        self._log.close()
        out_of_memory = self._has_cgroup and Cgroups().ran_out_of_memory(self.record["id"])
        if self._has_cgroup:
            Cgroups().remove(self.record["id"])
        self._fate_file.write(self._fate(status, out_of_memory))
        failure = self._starting.failure
        if failure:
            self._answer_start({"error": failure.decode(errors="replace")})
        if out_of_memory:
            self._on_change("out of memory", self.record["id"])
        self._on_change("exited", self.record["id"])
        for answer in self._waiting:
            answer({})

    def _fate(self, status: int, out_of_memory: bool) -> Record:
        failure = self._starting.failure
        code = EXIT_START_FAILED if failure else exit_code(status)
        reason, message = "Completed" if code == 0 else "Error", ""
        if out_of_memory and code != 0:
            reason = "OOMKilled"
        if failure:
            reason, message = "StartError", failure.decode(errors="replace")
        return {
            "state": "exited",
            "started_at": self._started_at,
            "finished_at": time.time_ns(),
            "exit_code": code,
            "reason": reason,
            "message": message,
        }

    def attach(self, stdout: int, stderr: int, *, stdin: bool) -> list[int]:
        """As `ContainerStreams.attach`. Raises `ValueError` unless the program runs."""
        if not (self.running and self._started_at):
            raise ValueError("container is not running")
        return self._streams.attach(stdout, stderr, stdin=stdin)

    def end_input(self) -> None:
        if self.running:
            self._streams.end_input()

    def reopen_log(self) -> None:
        if self.running:
            self._log.reopen()
