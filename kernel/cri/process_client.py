"""Requests to a sandbox's shim, and its end; what can be asked stands in `process_server`."""

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from kernel.cri.process_layout import SOCKET_FILE, process_start_ticks
from kernel.cri.process_state import ShimIdentity
from kernel.cri.runtime import RuntimeFailure

_LINE_BYTES_MAX = 32 * 1024 * 1024
# How long a shim may take to end a command whose caller has gone.
_ABANDON_SECONDS = 5


class ShimGone(RuntimeFailure):
    """Nobody answers on the sandbox's socket."""


async def _connect(sandbox_directory: Path) -> SocketStream:
    # A unix socket's path may have 107 bytes only: go through an open directory instead.
    try:
        directory = os.open(sandbox_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ShimGone("sandbox is gone") from error
    try:
        return await anyio.connect_unix(f"/proc/self/fd/{directory}/{SOCKET_FILE}")
    except OSError as error:
        raise ShimGone("sandbox is not running") from error
    finally:
        os.close(directory)


async def ask(sandbox_directory: Path, **request: Any) -> dict[str, Any]:
    """Send one request and wait for its answer. Raises `RuntimeFailure` with the shim's words.

    A caller that is cancelled takes its `exec` with it: the command is dead when this returns.
    """
    async with await _connect(sandbox_directory) as stream:
        lines = BufferedByteReceiveStream(stream)
        try:
            await stream.send(json.dumps(request).encode() + b"\n")
            return await _answer(lines)
        except anyio.get_cancelled_exc_class():
            if request["do"] == "exec":
                with anyio.move_on_after(_ABANDON_SECONDS, shield=True):
                    await _abandon(stream, lines)
            raise


async def _abandon(stream: SocketStream, lines: BufferedByteReceiveStream) -> None:
    """Closing our half has the shim kill the command; its answer says that it is dead."""
    try:
        await stream.send_eof()
        await _answer(lines)
    except RuntimeFailure:
        return


async def _answer(lines: BufferedByteReceiveStream) -> dict[str, Any]:
    try:
        line = await lines.receive_until(b"\n", _LINE_BYTES_MAX)
    except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError) as error:
        raise ShimGone("sandbox was stopped") from error
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise RuntimeFailure(answer["error"])
    return answer


class Subscription:
    """What happens in one sandbox, from the moment `open` returns until the shim ends."""

    def __init__(self, stream: SocketStream, lines: BufferedByteReceiveStream) -> None:
        self._stream = stream
        self._lines = lines

    @classmethod
    async def open(cls, sandbox_directory: Path) -> "Subscription":
        """Raises `ShimGone`."""
        stream = await _connect(sandbox_directory)
        try:
            await stream.send(b'{"do": "subscribe"}\n')
            lines = BufferedByteReceiveStream(stream)
            await _answer(lines)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        return cls(stream, lines)

    async def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        """ "started" or "exited", and the container's id."""
        try:
            while True:
                try:
                    happened = await _answer(self._lines)
                except ShimGone:
                    return
                yield happened["event"], happened["container"]
        finally:
            await self.close()

    async def close(self) -> None:
        await anyio.aclose_forcefully(self._stream)


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
