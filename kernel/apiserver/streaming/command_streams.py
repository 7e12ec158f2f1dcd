"""Exec and attach over SPDY: stdin, stdout, stderr, the sizes and the outcome are streams.

The client begins them all, each with its name in the header `streamType`. Versions of the
protocol: from 3 on there is a stream for the terminal's sizes; from 4 on the outcome is a Status,
before that the text of a failure.
"""

from contextlib import suppress

import anyio

from kernel.apiserver.answers import encode
from kernel.apiserver.streaming.options import CommandOptions
from kernel.apiserver.streaming.remote_command import CallerGone
from kernel.apiserver.streaming.terminal_size import TerminalSizes
from kernel.cri.streaming import OutputChannel, Session
from kernel.objects.meta import Status
from kernel.spdy.connection import SpdyConnection
from kernel.spdy.stream import SpdyStream

V5, V4, V3 = "v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io"
V2, V1 = "v2.channel.k8s.io", "channel.k8s.io"
STREAM_PROTOCOLS = (V5, V4, V3, V2, V1)

STREAM_TYPE = "streamtype"
BEGIN_SECONDS_MAX = 30.0
LEAVE_SECONDS_MAX = 5.0

_OUTPUTS = {OutputChannel.STDOUT: "stdout", OutputChannel.STDERR: "stderr"}
_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


def stream_names(options: CommandOptions, version: str) -> frozenset[str]:
    """The streams that a client begins."""
    wanted = {"error": True, "stdin": options.stdin, "stdout": options.stdout}
    wanted |= {"stderr": options.stderr, "resize": options.tty and version in (V5, V4, V3)}
    return frozenset(name for name, is_wanted in wanted.items() if is_wanted)


class StreamCaller:
    """A client on a SPDY connection."""

    def __init__(self, connection: SpdyConnection, options: CommandOptions, version: str):
        self._connection = connection
        self._names = stream_names(options, version)
        self._streams: dict[str, SpdyStream] = {}
        self._outcome_is_status = version in (V5, V4)

    async def begin(self) -> None:
        """Take the client's streams. Raises `CallerGone` where they don't come in time."""
        with anyio.move_on_after(BEGIN_SECONDS_MAX), suppress(*_BROKEN):
            while self._streams.keys() != self._names:
                stream = await self._connection.accept_stream()
                name = stream.headers.get(STREAM_TYPE, "")
                if name in self._names and name not in self._streams:
                    self._streams[name] = stream
                else:
                    await stream.reset()
            return
        raise CallerGone

    async def pass_input(self, session: Session) -> None:
        """Hand on what the client sends, as it comes; returns once the client has left."""
        async with anyio.create_task_group() as group:
            if "stdin" in self._streams:
                group.start_soon(_pass_data, self._streams["stdin"], session)
            if "resize" in self._streams:
                group.start_soon(_pass_sizes, self._streams["resize"], session)
            await self._wait_left()
            group.cancel_scope.cancel()

    async def write(self, channel: OutputChannel, data: bytes) -> None:
        """Send output; returns once the client has room for more."""
        stream = self._streams.get(_OUTPUTS[channel])
        if stream is None:
            return
        try:
            await stream.send(data)
        except _BROKEN as error:
            raise CallerGone from error

    async def finish(self, status: Status) -> None:
        """Tell the outcome, and give the client time to leave: input that it is still sending
        would make the connection's end a reset, which takes the last output with it."""
        with suppress(*_BROKEN):
            for name in ("stdin", "resize"):
                if name in self._streams:
                    await self._streams[name].reset()
            for name in _OUTPUTS.values():
                if name in self._streams:
                    await self._streams[name].send_eof()
            if "error" in self._streams:
                await self._streams["error"].send(self._told(status))
                await self._streams["error"].send_eof()
            with anyio.move_on_after(LEAVE_SECONDS_MAX):
                await self._wait_left()

    def _told(self, status: Status) -> bytes:
        if self._outcome_is_status:
            return encode(status)
        return status.message.encode() if status.status == "Failure" else b""

    async def _wait_left(self) -> None:
        with suppress(*_BROKEN):
            while True:
                late = await self._connection.accept_stream()
                await late.reset()


async def _pass_data(stream: SpdyStream, session: Session) -> None:
    with suppress(anyio.BrokenResourceError):  # the client has left, which others see too
        try:
            while True:
                await session.send(await stream.receive())
        except anyio.EndOfStream:
            await session.end_input()


async def _pass_sizes(stream: SpdyStream, session: Session) -> None:
    sizes = TerminalSizes()
    with suppress(*_BROKEN):
        while True:
            for columns, rows in sizes.feed(await stream.receive()):
                await session.resize(columns, rows)
