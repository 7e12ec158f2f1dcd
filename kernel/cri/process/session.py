"""`kernel.cri.streaming.Session` over descriptors that a shim has handed over."""

import fcntl
import os
import select
import struct
import termios
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import anyio

from kernel.cri.process.client import ShimConnection, ShimGone
from kernel.cri.runtime import RuntimeFailure
from kernel.cri.streaming import OutputChannel

_CHUNK_BYTES = 64 * 1024
_PIPE_BYTES = 64 * 1024
# How long a shim may take to end a command whose caller has gone.
_ABANDON_SECONDS = 5
_TERMINAL_SIZE_MAX = 0xFFFF


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
