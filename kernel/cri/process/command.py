"""A command that is run in a container: its caller holds the other ends of its streams.

Standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

from kernel.cri.process import syscalls as system
from kernel.cri.process.child import exit_code, fork_into
from kernel.cri.process.container import ContainerProcess
from kernel.cri.process.layout import (
    Record,
    containers_have_own_processes,
    kill_session,
)
from kernel.cri.process.loop import Loop
from kernel.cri.process.starting import Starting
from kernel.cri.process.streams import Streams


class CommandProcess:
    """From `start` to its exit. The pid is the shim's view of it."""

    def __init__(
        self,
        loop: Loop,
        sandbox: Record,
        container: ContainerProcess,
        *,
        on_start: Callable[[], None],
        on_end: Callable[[Record], None],
    ) -> None:
        """`on_start` is called once the command is executed, `on_end` with its exit code or with
        the reason why it could not be."""
        self._sandbox = sandbox
        self._container = container
        self._on_start = on_start
        self._on_end = on_end
        self._starting = Starting(loop)
        self._ended = False
        self.pid = 0

    def start(self, command: list[str], streams: Streams) -> None:
        """Raises `OSError` if the container is gone."""
        namespaces = self._open_namespaces()
        failure_pipe = self._starting.make()
        self.pid = fork_into(namespaces.pop("pid", None), new_processes=False)
        if self.pid == 0:
            self._become(command, list(namespaces.values()), streams, failure_pipe)
        for descriptor in (*namespaces.values(), failure_pipe):
            os.close(descriptor)
        self._starting.follow(self._on_start)

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
        self, command: list[str], namespaces: list[int], streams: Streams, failure_pipe: int
    ) -> None:
        from kernel.cri.process.launch import Launch

        def arrange() -> None:
            for namespace in namespaces:
                system.enter_namespace(namespace)

        launch = Launch(
            self._sandbox, self._container.record, streams=streams, failure_pipe=failure_pipe
        )
        launch.run(arrange, command)

    def kill(self) -> None:
        """Kill the command, with what it has started in its session."""
        if not self._ended:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
            kill_session(self.pid)

    def on_exit(self, status: int) -> None:
        self._ended = True
        self._starting.finish()
        failure = self._starting.failure
        if failure:
            self._on_end({"error": failure.decode(errors="replace")})
        else:
            self._on_end({"exit_code": exit_code(status)})
