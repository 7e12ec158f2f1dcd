"""Requests to a sandbox's shim, and its end; what can be asked stands in `server`."""

import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio

from kernel.cri.process.layout import SOCKET_FILE, process_start_ticks
from kernel.cri.process.state import ShimIdentity
from kernel.cri.runtime import RuntimeFailure

_CHUNK_BYTES = 64 * 1024
# How long a shim may take to end a command whose caller has gone.
_ABANDON_SECONDS = 5


class ShimGone(RuntimeFailure):
    """Nobody answers on the sandbox's socket."""


class _Connection:
    """Lines to and from a shim.

    Not an anyio stream: on asyncio, cancelling one that is just becoming readable makes the event
    loop report an invalid state, and here that happens with every container that is stopped.
    """

    def __init__(self, sandbox_directory: Path) -> None:
        """Raises `ShimGone`."""
        self._received = bytearray()
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

    async def send(self, request: dict[str, Any]) -> None:
        left = memoryview(json.dumps(request).encode() + b"\n")
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise ShimGone("sandbox was stopped") from error

    async def receive(self) -> dict[str, Any]:
        """The next line. Raises `ShimGone` at the end, `RuntimeFailure` with the shim's words."""
        while b"\n" not in self._received:
            await anyio.wait_readable(self._socket)
            try:
                data = self._socket.recv(_CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ShimGone("sandbox was stopped") from error
            if not data:
                raise ShimGone("sandbox was stopped")
            self._received += data
        line, _, rest = self._received.partition(b"\n")
        self._received = rest
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeFailure(answer["error"])
        return answer

    def finish_sending(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()


async def ask(sandbox_directory: Path, **request: Any) -> dict[str, Any]:
    """Send one request and wait for its answer. Raises `RuntimeFailure` with the shim's words.

    A caller that is cancelled takes its `exec` with it: the command is dead when this returns.
    """
    connection = _Connection(sandbox_directory)
    try:
        await connection.send(request)
        return await connection.receive()
    except anyio.get_cancelled_exc_class():
        if request["do"] == "exec":
            with anyio.move_on_after(_ABANDON_SECONDS, shield=True):
                await _abandon(connection)
        raise
    finally:
        connection.close()


async def _abandon(connection: _Connection) -> None:
    """Closing our half has the shim kill the command; its answer says that it is dead."""
    try:
        connection.finish_sending()
        await connection.receive()
    except (OSError, RuntimeFailure):
        return


class Subscription:
    """What happens in one sandbox, from the moment `open` returns until the shim ends."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, sandbox_directory: Path) -> "Subscription":
        """Raises `ShimGone`."""
        connection = _Connection(sandbox_directory)
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
