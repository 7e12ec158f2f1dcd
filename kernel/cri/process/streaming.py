"""`kernel.cri.streaming` over a shim: it hands over descriptors, and everything else is ours.

What a command reads and writes goes through pipes, or the terminal, that are open here, so that the
machine's own buffers make the faster side wait. Of a container that is attached to, the shim writes
to a pipe of ours, and shares the container's input (see `container_streams`).
"""

import errno
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import anyio
from anyio.abc import ByteStream, SocketStream

from kernel.background import background_tasks
from kernel.clock import Clock
from kernel.cri.process.client import ShimConnection, ShimGone
from kernel.cri.process.descriptors import receive_with_descriptors
from kernel.cri.process.session import ProcessSession
from kernel.cri.process.state import ProcessState
from kernel.cri.runtime import ExecResult, NotFound, RuntimeFailure
from kernel.cri.streaming import OutputChannel, Session

# As much of each stream is kept of a command that is run for its result; the rest is dropped.
_RESULT_BYTES_MAX = 4 * 1024 * 1024
_LOOPBACKS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class ProcessStreaming:
    """A `kernel.cri.streaming.Streaming`, and commands that are run for their result."""

    def __init__(self, state: ProcessState, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    @asynccontextmanager
    async def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool, tty: bool
    ) -> AsyncIterator[Session]:
        directory = self._directory_of_running(container_id)
        async with _execute(directory, container_id, command, stdin=stdin, tty=tty) as session:
            yield session

    @asynccontextmanager
    async def attach(self, container_id: str, *, stdin: bool) -> AsyncIterator[Session]:
        directory = self._directory_of_running(container_id)
        async with _attach(directory, container_id, stdin=stdin) as session:
            yield session

    @asynccontextmanager
    async def connect(self, sandbox_id: str, port: int) -> AsyncIterator[ByteStream]:
        directory = self._state.sandbox_directory(self._state.find_sandbox(sandbox_id).id)
        async with _connect(directory, port) as stream:
            yield stream

    async def exec_sync(
        self, container_id: str, command: tuple[str, ...], *, timeout_seconds: float
    ) -> ExecResult:
        directory = self._directory_of_running(container_id)
        async with background_tasks() as tasks:
            if timeout_seconds > 0:
                tasks.start_soon(self._cancel_after, tasks.cancel_scope, timeout_seconds)
            return await _run(directory, container_id, command)
        raise TimeoutError(f"command timed out after {timeout_seconds:g} s")

    async def _cancel_after(self, scope: anyio.CancelScope, seconds: float) -> None:
        await self._clock.sleep(seconds)
        scope.cancel()

    def _directory_of_running(self, container_id: str) -> Path:
        record = self._state.find_container(container_id)
        if self._state.fate(record).state != "running":
            raise NotFound(f"container {container_id} is not running")
        return self._state.sandbox_directory(record.sandbox_id)


@asynccontextmanager
async def _execute(
    sandbox_directory: Path, container_id: str, command: tuple[str, ...], *, stdin: bool, tty: bool
) -> AsyncIterator[ProcessSession]:
    """`Streaming.exec`."""
    request = {"do": "exec", "container": container_id, "command": list(command), "tty": tty}
    start = _start_on_terminal if tty else _start_on_pipes
    async with _conversation(sandbox_directory) as connection:
        session = await start(connection, request, stdin=stdin)
        try:
            yield session
        finally:
            await session.leave()


@asynccontextmanager
async def _attach(
    sandbox_directory: Path, container_id: str, *, stdin: bool
) -> AsyncIterator[ProcessSession]:
    """`Streaming.attach`."""
    request = {"do": "attach", "container": container_id, "stdin": stdin}
    async with _conversation(sandbox_directory) as connection:
        with _Pipes() as pipes:
            outputs = {pipes.to_us(): channel for channel in OutputChannel}
            await _ask(connection, request, pipes.theirs)
            pipes.keep_ours()
        session = ProcessSession(connection, outputs, is_command=False)
        for descriptor in connection.take_descriptors():
            if os.isatty(descriptor):
                session.set_terminal(descriptor, takes_input=stdin)
            else:
                session.set_input(descriptor)
        try:
            yield session
        finally:
            await session.leave()


async def _run(sandbox_directory: Path, container_id: str, command: tuple[str, ...]) -> ExecResult:
    """Run a command to its end. A caller that is cancelled takes it with it."""
    kept = {channel: bytearray() for channel in OutputChannel}
    async with _execute(
        sandbox_directory, container_id, command, stdin=False, tty=False
    ) as session:
        async for channel, data in session.output():
            kept[channel] += data[: _RESULT_BYTES_MAX - len(kept[channel])]
        code = await session.exit_code()
    assert code is not None
    stdout, stderr = (bytes(kept[channel]) for channel in OutputChannel)
    return ExecResult(stdout=stdout, stderr=stderr, exit_code=code)


@asynccontextmanager
async def _connect(sandbox_directory: Path, port: int) -> AsyncIterator[ByteStream]:
    """`Streaming.connect`: as a client in the Pod would, over IPv4 or else over IPv6."""
    async with _conversation(sandbox_directory) as connection:
        await _ask(connection, {"do": "sockets"}, [])
        sockets = [socket.socket(fileno=each) for each in connection.take_descriptors()]
    try:
        connected = await _first_connected(sockets, port)
        stream = await SocketStream.from_socket(connected)
    finally:
        for each in sockets:
            each.close()
    async with stream:
        yield stream


async def _first_connected(sockets: list[socket.socket], port: int) -> socket.socket:
    """One of the sockets, which is no longer among them. Raises `OSError` of the first."""
    failure: OSError | None = None
    for each in list(sockets):
        each.setblocking(False)
        number = each.connect_ex((_LOOPBACKS[each.family], port))
        if number == errno.EINPROGRESS:
            await anyio.wait_writable(each)
            number = each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == 0:
            sockets.remove(each)
            return each
        failure = failure or OSError(number, os.strerror(number))
    assert failure is not None
    raise failure


@asynccontextmanager
async def _conversation(sandbox_directory: Path) -> AsyncIterator[ShimConnection]:
    try:
        connection = ShimConnection(sandbox_directory)
    except ShimGone as error:
        raise NotFound(str(error)) from error
    try:
        yield connection
    finally:
        connection.close()


async def _ask(
    connection: ShimConnection, request: Mapping[str, object], descriptors: Sequence[int]
) -> None:
    await connection.send(request, descriptors)
    await connection.receive()


class _Pipes:
    """Pipes between us and what runs. Their ends are closed here at the end, and ours too unless
    they are kept."""

    def __init__(self) -> None:
        self.theirs: list[int] = []
        self._ours: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for descriptor in (*self.theirs, *self._ours):
            os.close(descriptor)

    def to_us(self) -> int:
        ours, theirs = os.pipe()
        self._ours.append(ours)
        self.theirs.append(theirs)
        return ours

    def to_them(self) -> int:
        theirs, ours = os.pipe()
        self._ours.append(ours)
        self.theirs.append(theirs)
        return ours

    def keep_ours(self) -> None:
        self._ours.clear()


async def _start_on_pipes(
    connection: ShimConnection, request: Mapping[str, object], *, stdin: bool
) -> ProcessSession:
    with _Pipes() as pipes:
        to_them = pipes.to_them() if stdin else None
        if to_them is None:
            pipes.theirs.append(os.open(os.devnull, os.O_RDONLY))
        outputs = {pipes.to_us(): channel for channel in OutputChannel}
        await _ask(connection, request, pipes.theirs)
        pipes.keep_ours()
    session = ProcessSession(connection, outputs, is_command=True)
    if to_them is not None:
        session.set_input(to_them)
    return session


async def _start_on_terminal(
    connection: ShimConnection, request: Mapping[str, object], *, stdin: bool
) -> ProcessSession:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await _ask(connection, request, [theirs.fileno()])
        _, terminals = receive_with_descriptors(ours, 1)
    if not terminals:
        raise RuntimeFailure("the command was killed before it began")
    (terminal,) = terminals
    session = ProcessSession(connection, {terminal: OutputChannel.STDOUT}, is_command=True)
    session.set_terminal(os.dup(terminal), takes_input=stdin)
    return session
