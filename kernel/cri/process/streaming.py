"""`kernel.cri.streaming` over a shim: it hands over descriptors, and everything else is ours.

What a command reads and writes goes through pipes, or the terminal, that are open here, so that the
machine's own buffers make the faster side wait. Of a container that is attached to, the shim writes
to a pipe of ours, and shares the container's input (see `container_streams`).
"""

import errno
import fcntl
import os
import select
import socket
import struct
import termios
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import anyio
from anyio.abc import ByteStream, SocketStream

from kernel.cri.process.client import ShimConnection, ShimGone
from kernel.cri.process.descriptors import receive_with_descriptors
from kernel.cri.runtime import ExecResult, NotFound, RuntimeFailure
from kernel.cri.streaming import OutputChannel

_CHUNK_BYTES = 64 * 1024
_PIPE_BYTES = 64 * 1024
# As much of each stream is kept of a command that is run for its result; the rest is dropped.
_RESULT_BYTES_MAX = 4 * 1024 * 1024
# How long a shim may take to end a command whose caller has gone.
_ABANDON_SECONDS = 5
_TERMINAL_SIZE_MAX = 0xFFFF
_LOOPBACKS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class ProcessSession:
    """`kernel.cri.streaming.Session`. All descriptors are its own, and don't block."""

    def __init__(
        self, connection: ShimConnection, outputs: dict[int, OutputChannel], *, is_command: bool
    ) -> None:
        self._connection = connection
        self._outputs = outputs
        self._is_command = is_command
        self._exit_code: int | None = None
        self._exit_lock = anyio.Lock()
        self._waiting = select.epoll()
        self._input = -1
        self._terminal = -1
        for descriptor in outputs:
            os.set_blocking(descriptor, False)

    def set_input(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._input = descriptor

    def set_terminal(self, descriptor: int, *, takes_input: bool) -> None:
        self._terminal = descriptor
        if takes_input:
            self.set_input(os.dup(descriptor))

    async def send(self, data: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        left = memoryview(data)
        while left and self._input >= 0:
            try:
                left = left[os.write(self._input, left[:_CHUNK_BYTES]) :]
            except BlockingIOError:
                await anyio.wait_writable(self._input)
            except OSError:
                # Nobody reads it any more.
                self._close_input()

    async def end_input(self) -> None:
        await anyio.lowlevel.checkpoint()
        self._close_input()
        if not self._is_command:
            self._connection.finish_sending()

    def _close_input(self) -> None:
        if self._input >= 0:
            anyio.notify_closing(self._input)
            os.close(self._input)
            self._input = -1

    async def resize(self, columns: int, rows: int) -> None:
        await anyio.lowlevel.checkpoint()
        if self._terminal >= 0:
            size = [min(max(number, 0), _TERMINAL_SIZE_MAX) for number in (rows, columns)]
            with suppress(OSError):
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("=4H", *size, 0, 0))

    async def output(self) -> AsyncIterator[tuple[OutputChannel, bytes]]:
        """Also ends when a command has ended and left its output open to what it has started."""
        for descriptor in self._outputs:
            self._waiting.register(descriptor, select.EPOLLIN)
        if self._is_command:
            self._waiting.register(self._connection, select.EPOLLIN)
        while self._outputs:
            await anyio.wait_readable(self._waiting)
            ready = {descriptor for descriptor, _ in self._waiting.poll(0)}
            for descriptor in ready & self._outputs.keys():
                data = self._read(descriptor)
                if data:
                    yield self._outputs[descriptor], data
                elif data is not None:
                    self._close_output(descriptor)
            if self._connection.fileno() in ready:
                with suppress(ShimGone):
                    await self._receive_exit_code()
                for channel, data in self._rest():
                    yield channel, data

    def _read(self, descriptor: int) -> bytes | None:
        """What is there; empty at the end, None where nothing is there now."""
        try:
            return os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            # A terminal answers EIO once its last process is gone.
            return b""

    def _rest(self) -> Iterator[tuple[OutputChannel, bytes]]:
        """What the command has left in the pipes, which is no more than they hold."""
        for descriptor, channel in list(self._outputs.items()):
            room = _PIPE_BYTES
            while room > 0 and (data := self._read(descriptor)):
                room -= len(data)
                yield channel, data
            self._close_output(descriptor)

    def _close_output(self, descriptor: int) -> None:
        del self._outputs[descriptor]
        os.close(descriptor)

    async def exit_code(self) -> int | None:
        if self._is_command:
            await self._receive_exit_code()
        return self._exit_code

    async def _receive_exit_code(self) -> None:
        async with self._exit_lock:
            if self._exit_code is None:
                self._exit_code = (await self._connection.receive())["exit_code"]

    async def leave(self) -> None:
        """Let go of everything; a command is dead when this returns."""
        if self._is_command and self._exit_code is None:
            # That our half is closed has the shim kill the command, and its answer says that it is
            # dead. First of all, as a terminal that hangs up would end only what listens to that.
            self._connection.finish_sending()
            with anyio.move_on_after(_ABANDON_SECONDS, shield=True), suppress(RuntimeFailure):
                await self._receive_exit_code()
        self._close_input()
        anyio.notify_closing(self._waiting)
        self._waiting.close()
        for descriptor in list(self._outputs):
            self._close_output(descriptor)
        if self._terminal >= 0:
            os.close(self._terminal)
        self._connection.close()


@asynccontextmanager
async def execute(
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
async def attach(
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


async def run(sandbox_directory: Path, container_id: str, command: tuple[str, ...]) -> ExecResult:
    """Run a command to its end. A caller that is cancelled takes it with it."""
    kept = {channel: bytearray() for channel in OutputChannel}
    async with execute(sandbox_directory, container_id, command, stdin=False, tty=False) as session:
        async for channel, data in session.output():
            kept[channel] += data[: _RESULT_BYTES_MAX - len(kept[channel])]
        code = await session.exit_code()
    assert code is not None
    stdout, stderr = (bytes(kept[channel]) for channel in OutputChannel)
    return ExecResult(stdout=stdout, stderr=stderr, exit_code=code)


@asynccontextmanager
async def connect(sandbox_directory: Path, port: int) -> AsyncIterator[ByteStream]:
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
        _, (terminal,) = receive_with_descriptors(ours, 1)
    session = ProcessSession(connection, {terminal: OutputChannel.STDOUT}, is_command=True)
    session.set_terminal(os.dup(terminal), takes_input=stdin)
    return session
