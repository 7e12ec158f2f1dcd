"""Requests to a sandbox's shim, and its end; what can be asked stands in `server`."""

import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio

from kernel.cri.process.descriptors import receive_with_descriptors, send_with_descriptors
from kernel.cri.process.layout import SOCKET_FILE, process_start_ticks
from kernel.cri.process.state import ShimIdentity
from kernel.cri.runtime import RuntimeFailure

_CHUNK_BYTES = 64 * 1024


class ShimGone(RuntimeFailure):
    """Nobody answers on the sandbox's socket."""


class ShimConnection:
    """Lines to and from a shim.

    Not an anyio stream: on asyncio, cancelling one that is just becoming readable makes the event
    loop report an invalid state, and here that happens with every container that is stopped.
    """

    def __init__(self, sandbox_directory: Path) -> None:
        """Raises `ShimGone`."""
        self._received = bytearray()
        self._descriptors: list[int] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # A unix socket's path may have 107 bytes only: go through an open directory instead.
            directory = os.open(sandbox_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self._socket.connect(f"/proc/self/fd/{directory}/{SOCKET_FILE}")
            finally:
                os.close(directory)
        except OSError as error:
            self._socket.close()
            raise ShimGone("sandbox is not running") from error
        self._socket.setblocking(False)

    async def send(self, request: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
        """`descriptors` are sent along; they stay the caller's. Raises `ShimGone`."""
        left, with_it = json.dumps(request).encode() + b"\n", list(descriptors)
        while left:
            try:
                left = left[send_with_descriptors(self._socket, left, with_it) :]
                with_it = []
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise ShimGone("sandbox was stopped") from error

    async def receive(self) -> dict[str, Any]:
        """The next line. Raises `ShimGone` at the end, `RuntimeFailure` with the shim's words."""
        while b"\n" not in self._received:
            await anyio.wait_readable(self._socket)
            try:
                data, descriptors = receive_with_descriptors(self._socket, _CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ShimGone("sandbox was stopped") from error
            if not data:
                raise ShimGone("sandbox was stopped")
            self._received += data
            self._descriptors += descriptors
        line, _, rest = self._received.partition(b"\n")
        self._received = rest
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeFailure(answer["error"])
        return answer

    def take_descriptors(self) -> list[int]:
        """Those that have been received; the taker closes them."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def fileno(self) -> int:
        """Readable when an answer, or its beginning, has come."""
        return self._socket.fileno()

    def finish_sending(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for descriptor in self.take_descriptors():
            os.close(descriptor)
        self._socket.close()


async def ask(sandbox_directory: Path, **request: Any) -> dict[str, Any]:
    """Send one request and wait for its answer. Raises `RuntimeFailure` with the shim's words."""
    connection = ShimConnection(sandbox_directory)
    try:
        await connection.send(request)
        return await connection.receive()
    finally:
        connection.close()


class Subscription:
    """What happens in one sandbox, from the moment `open` returns until the shim ends."""

    def __init__(self, connection: ShimConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, sandbox_directory: Path) -> "Subscription":
        """Raises `ShimGone`."""
        connection = ShimConnection(sandbox_directory)
        try:
            await connection.send({"do": "subscribe"})
            await connection.receive()
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    async def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        """ "started" or "exited", and the container's id."""
        try:
            while True:
                try:
                    happened = await self._connection.receive()
                except ShimGone:
                    return
                yield happened["event"], happened["container"]
        finally:
            self.close()

    def close(self) -> None:
        self._connection.close()


async def wait_for_shim(identity: ShimIdentity) -> None:
    """Return once the shim is dead, and with it whatever ran in its PID namespace."""
    try:
        process = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        # Looked at after opening, lest the pid be another process's by then.
        if process_start_ticks(identity.pid) == identity.start_ticks:
            await anyio.wait_readable(process)
    finally:
        os.close(process)


async def kill_shim(identity: ShimIdentity) -> None:
    """Kill the shim if it lives, and wait for its end."""
    if process_start_ticks(identity.pid) == identity.start_ticks:
        os.kill(identity.pid, signal.SIGKILL)
        await wait_for_shim(identity)
