"""A runtime in memory whose commands are functions of the test's, so that both ends are in view."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream
from anyio.streams.memory import MemoryObjectReceiveStream

from kernel.clock import SystemClock
from kernel.cri.runtime import RuntimeFailure
from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.cri.streaming import OutputChannel


class Talk:
    """One conversation: a `Session` for the server, standard streams for the test's program."""

    def __init__(self, command: tuple[str, ...], *, stdin: bool, tty: bool):
        self.command = command
        self.stdin = stdin
        self.tty = tty
        self.sizes: list[tuple[int, int]] = []
        self.is_over = anyio.Event()
        self.was_left_running = False
        self.written_bytes = 0
        self._to_program, self._input = anyio.create_memory_object_stream[bytes]()
        self._from_program, self._output = anyio.create_memory_object_stream[
            tuple[OutputChannel, bytes]
        ]()
        self._code: int | None = None
        self._has_ended = anyio.Event()

    # The program's side.

    @property
    def input(self) -> MemoryObjectReceiveStream[bytes]:
        """What arrives at its standard input."""
        return self._input

    async def say(self, data: bytes, channel: OutputChannel = OutputChannel.STDOUT) -> None:
        """Write, as soon as the server takes it."""
        await self._from_program.send((channel, data))
        self.written_bytes += len(data)

    def end(self, code: int | None) -> None:
        """The program has ended."""
        self._code = code
        self._from_program.close()
        self._has_ended.set()

    # The server's side.

    async def send(self, data: bytes) -> None:
        await self._to_program.send(data)

    async def end_input(self) -> None:
        self._to_program.close()

    async def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))

    async def output(self) -> AsyncIterator[tuple[OutputChannel, bytes]]:
        async for item in self._output:
            yield item

    async def exit_code(self) -> int | None:
        await self._has_ended.wait()
        return self._code

    def left(self) -> None:
        """The server has ended the conversation."""
        self.was_left_running = not self._has_ended.is_set()
        for stream in (self._to_program, self._input, self._from_program, self._output):
            stream.close()
        self.is_over.set()


Program = Callable[[Talk], Awaitable[int | None]]


class TalkingRuntime(SimulatedRuntime):
    """Runs `program` for each exec and attach; `ports` leads from the Pod's to real ones."""

    def __init__(self, program: Program):
        super().__init__(SystemClock())
        self.program = program
        self.talks: list[Talk] = []
        self.ports: dict[int, int] = {}

    @asynccontextmanager
    async def _talk(self, talk: Talk) -> AsyncIterator[Talk]:
        self.talks.append(talk)

        async def run() -> None:
            talk.end(await self.program(talk))

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(run)
                try:
                    yield talk
                finally:
                    group.cancel_scope.cancel()
        finally:
            talk.left()

    @asynccontextmanager
    async def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool, tty: bool
    ) -> AsyncIterator[Talk]:
        if command == ("missing",):
            raise RuntimeFailure('exec: "missing": executable file not found in $PATH')
        async with self._talk(Talk(command, stdin=stdin, tty=tty)) as talk:
            yield talk

    @asynccontextmanager
    async def attach(self, container_id: str, *, stdin: bool) -> AsyncIterator[Talk]:
        async with self._talk(Talk((), stdin=stdin, tty=False)) as talk:
            yield talk

    @asynccontextmanager
    async def connect(self, sandbox_id: str, port: int) -> AsyncIterator[ByteStream]:
        real_port = self.ports.get(port)
        if real_port is None:
            raise ConnectionRefusedError(111, "Connection refused")
        async with await anyio.connect_tcp("127.0.0.1", real_port) as stream:
            yield stream
