"""Exec and attach over a WebSocket: the first byte of each message names its channel.

| channel | direction | carries |
| --- | --- | --- |
| 0, 1, 2 | in, out, out | stdin, stdout, stderr |
| 3 | out | the outcome, a Status |
| 4 | in | the sizes of the terminal |
| 255 | in | from version 5 on: the number of a channel that ends, as stdin's end is told |
"""

from aiohttp import web

from kernel.apiserver.answers import encode
from kernel.apiserver.streaming.options import CommandOptions
from kernel.apiserver.streaming.remote_command import CallerGone
from kernel.apiserver.streaming.terminal_size import TerminalSizes
from kernel.apiserver.streaming.web_socket import messages_of
from kernel.cri.streaming import OutputChannel, Session
from kernel.objects.meta import Status

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
CHANNEL_PROTOCOLS = (V5, V4)

STDIN, STDOUT, STDERR, OUTCOME, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class ChannelCaller:
    """A client on a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, options: CommandOptions):
        self._socket = socket
        self._takes_input = options.stdin
        self._can_close = socket.ws_protocol == V5
        self._channels = {
            output: channel
            for output, channel, is_wanted in (
                (OutputChannel.STDOUT, STDOUT, options.stdout),
                (OutputChannel.STDERR, STDERR, options.stderr),
            )
            if is_wanted
        }

    async def begin(self) -> None:
        """Send an empty message, by which clients of version 4 know that the conversation is on;
        those of version 5 may not yet expect any."""
        if not self._can_close:
            await self._send(next(iter(self._channels.values()), OUTCOME), b"")

    async def pass_input(self, session: Session) -> None:
        """Hand on what the client sends, as it comes; returns once the client has left."""
        sizes = TerminalSizes()
        async for message in messages_of(self._socket):
            if not message:
                continue
            channel, data = message[0], message[1:]
            if channel == STDIN and self._takes_input and data:
                await session.send(data)
            elif channel == RESIZE:
                for columns, rows in sizes.feed(data):
                    await session.resize(columns, rows)
            elif channel == CLOSE and data == bytes((STDIN,)) and self._can_close:
                await session.end_input()

    async def write(self, channel: OutputChannel, data: bytes) -> None:
        """Send output; returns once the client has room for more."""
        number = self._channels.get(channel)
        if number is not None:
            await self._send(number, data)

    async def finish(self, status: Status) -> None:
        """Tell the outcome, and close the WebSocket."""
        await self._send(OUTCOME, encode(status))
        await self._socket.close()

    async def _send(self, channel: int, data: bytes) -> None:
        try:
            await self._socket.send_bytes(bytes((channel,)) + data)
        except ConnectionError as error:
            raise CallerGone from error
