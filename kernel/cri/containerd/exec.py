"""A command in a container, by way of containerd's own service for tasks.

CRI's Exec can do this too, with a URL and SPDY; but it does not tell what it has started, so that a
command whose caller has gone would run on without end. A task's exec has an id that we choose.

1. containerd tells what the container's process was made of; the command differs in its arguments.
2. FIFOs are made beside containerd's socket, which is a directory that both can reach.
3. The shim starts the command and opens the FIFOs; from here on nobody needs their names.
4. At the end the command is killed, where it still runs, and deleted.
"""

import math
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream

from kernel.background import background_tasks
from kernel.cri.containerd.channel import ContainerdChannel
from kernel.cri.containerd.fifos import FifoReader, FifoWriter, fifo_directory
from kernel.cri.containerd.merged_output import Output, merged_output
from kernel.cri.containerd.running_task import running_task
from kernel.cri.proto import containers_pb2, tasks_pb2
from kernel.cri.runtime import RuntimeFailure
from kernel.cri.streaming import OutputChannel

_PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process"
_TERMINAL_VARIABLE = "TERM=xterm"
_CLEAN_UP_SECONDS_MAX = 10.0


class ExecSession:
    """A `kernel.cri.streaming.Session` with a command that runs."""

    def __init__(
        self,
        execution: "_Execution",
        stdin: FifoWriter | None,
        output: MemoryObjectReceiveStream[Output],
    ) -> None:
        self._execution = execution
        self._stdin = stdin
        self._output = output
        self._ended = anyio.Event()
        self._failure: RuntimeFailure | None = None

    async def send(self, data: bytes) -> None:
        if self._stdin is not None:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self._stdin.send(data)

    async def end_input(self) -> None:
        if self._stdin is not None and not self._execution.tty:
            await self._stdin.aclose()
            # The shim keeps the FIFO open for writing too, until it is told.
            with suppress(RuntimeFailure):
                await self._execution.close_stdin()

    async def resize(self, columns: int, rows: int) -> None:
        if self._execution.tty and columns > 0 and rows > 0:
            # A command that has just ended has no terminal any more.
            with suppress(RuntimeFailure):
                await self._execution.resize(columns, rows)

    async def output(self) -> AsyncIterator[Output]:
        async for item in self._output:
            yield item

    async def exit_code(self) -> int:
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure
        return await self._execution.exit_code()

    async def watch(self) -> None:
        """Wait for the command's end, from which on nothing reads its input."""
        try:
            await self._execution.exit_code()
        except RuntimeFailure as failure:
            self._failure = failure
        self._ended.set()
        if self._stdin is not None:
            await self._stdin.aclose()


@asynccontextmanager
async def executed(
    channel: ContainerdChannel,
    exec_id: str,
    container_id: str,
    command: tuple[str, ...],
    *,
    stdin: bool,
    tty: bool,
) -> AsyncIterator[ExecSession]:
    """Run a command in a running container, for the time of the context. `exec_id` must be new.
    Raises `RuntimeFailure` where it can't be run, `NotFound` where the container does not run."""
    await running_task(channel, container_id)
    execution = _Execution(channel, container_id, exec_id, tty=tty)
    names = {OutputChannel.STDOUT: "stdout"} | ({} if tty else {OutputChannel.STDERR: "stderr"})
    readers: dict[OutputChannel, FifoReader] = {}
    writer: FifoWriter | None = None
    try:
        try:
            fifos = fifo_directory(
                Path(channel.socket_path).parent, *names.values(), *(["stdin"] if stdin else [])
            )
            with fifos as directory:
                for output_channel, name in names.items():
                    readers[output_channel] = FifoReader(directory / name)
                await execution.start(command, directory, has_stdin=stdin)
                if stdin:
                    with suppress(OSError):  # it has ended already
                        writer = FifoWriter(directory / "stdin")
        except OSError as error:
            raise RuntimeFailure(f"no pipes for the command: {error}") from error
        async with background_tasks() as tasks, merged_output(readers) as output:
            session = ExecSession(execution, writer, output)
            tasks.start_soon(session.watch)
            yield session
    finally:
        with anyio.CancelScope(shield=True):
            for end in (*readers.values(), *([] if writer is None else [writer])):
                await end.aclose()
            with anyio.move_on_after(_CLEAN_UP_SECONDS_MAX):
                await execution.clean_up()


class _Execution:
    """A command from its start to its removal, call by call."""

    def __init__(
        self, channel: ContainerdChannel, container_id: str, exec_id: str, *, tty: bool
    ) -> None:
        self.tty = tty
        self._channel = channel
        self._container_id = container_id
        self._exec_id = exec_id
        self._may_exist = False
        self._process_id = 0
        self._exit_code: int | None = None

    async def start(self, command: tuple[str, ...], fifos: Path, *, has_stdin: bool) -> None:
        process = await self._process_of_container()
        process |= {"args": list(command), "terminal": self.tty}
        if self.tty:
            process["env"] = [*process.get("env", []), _TERMINAL_VARIABLE]
        spec = tasks_pb2.AnyValue(type_url=_PROCESS_TYPE, value=msgspec.json.encode(process))
        self._may_exist = True
        await self._channel.call(
            tasks_pb2.ExecProcessRequest(
                container_id=self._container_id,
                exec_id=self._exec_id,
                stdin=str(fifos / "stdin") if has_stdin else "",
                stdout=str(fifos / "stdout"),
                stderr="" if self.tty else str(fifos / "stderr"),
                terminal=self.tty,
                spec=spec,
            ),
            tasks_pb2.Empty,
        )
        start = tasks_pb2.StartRequest(container_id=self._container_id, exec_id=self._exec_id)
        self._process_id = (await self._channel.call(start, tasks_pb2.StartResponse)).pid

    async def resize(self, columns: int, rows: int) -> None:
        request = tasks_pb2.ResizePtyRequest(
            container_id=self._container_id, exec_id=self._exec_id, width=columns, height=rows
        )
        await self._channel.call(request, tasks_pb2.Empty)

    async def close_stdin(self) -> None:
        request = tasks_pb2.CloseIORequest(
            container_id=self._container_id, exec_id=self._exec_id, stdin=True
        )
        await self._channel.call(request, tasks_pb2.Empty)

    async def exit_code(self) -> int:
        """Wait for the end; 128 and the signal's number where a signal was it."""
        if self._exit_code is None:
            request = tasks_pb2.WaitRequest(container_id=self._container_id, exec_id=self._exec_id)
            answer = await self._channel.call(
                request, tasks_pb2.WaitResponse, timeout_seconds=math.inf
            )
            self._exit_code = answer.exit_status
        return self._exit_code

    async def clean_up(self) -> None:
        """Let nothing be left, however far it came."""
        if not self._may_exist:
            return
        if self._exit_code is None:
            self._kill_children()
            kill = tasks_pb2.KillRequest(
                container_id=self._container_id, exec_id=self._exec_id, signal=signal.SIGKILL
            )
            with suppress(RuntimeFailure):
                await self._channel.call(kill, tasks_pb2.Empty)
                await self.exit_code()
        delete = tasks_pb2.DeleteProcessRequest(
            container_id=self._container_id, exec_id=self._exec_id
        )
        with suppress(RuntimeFailure):
            await self._channel.call(delete, tasks_pb2.DeleteResponse)

    def _kill_children(self) -> None:
        """What the command has started dies with it, which containerd does not see to: runc makes
        the command the leader of a process group. That the group is looked at first keeps others
        safe where containerd numbers processes in a namespace of its own."""
        with suppress(OSError):
            if self._container_id in Path(f"/proc/{self._process_id}/cgroup").read_text():
                os.killpg(self._process_id, signal.SIGKILL)

    async def _process_of_container(self) -> dict[str, Any]:
        """The `process` of the container's OCI specification."""
        request = containers_pb2.GetContainerRequest(id=self._container_id)
        answer = await self._channel.call(request, containers_pb2.GetContainerResponse)
        spec = msgspec.json.decode(answer.container.spec.value)
        process: dict[str, Any] = spec["process"]
        return process
