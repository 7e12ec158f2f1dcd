"""Exec and attach over a WebSocket: the beginning of each message names its channel.

| channel | direction | carries |
| --- | --- | --- |
| 0, 1, 2 | in, out, out | stdin, stdout, stderr |
| 3 | out | the outcome, a Status |
| 4 | in | the sizes of the terminal |
| 255 | in | from version 5 on: the number of a channel that ends, as stdin's end is told |
"""

from aiohttp import web

from kernel.apiserver.answers import encode
from kernel.apiserver.streaming.channel_protocols import CHANNEL_PROTOCOLS
from kernel.apiserver.streaming.options import CommandOptions
from kernel.apiserver.streaming.remote_command import CallerGone
from kernel.apiserver.streaming.terminal_size import TerminalSizes
from kernel.apiserver.streaming.web_socket import messages_of
from kernel.cri.streaming import OutputChannel, Session
from kernel.objects.meta import Status

STDIN, STDOUT, STDERR, OUTCOME, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class ChannelCaller:
    """A client on a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, options: CommandOptions):
        self._socket = socket
        self._takes_input = options.stdin
        self._protocol = CHANNEL_PROTOCOLS[socket.ws_protocol or ""]
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
        if not self._protocol.can_close:
            await self._send(next(iter(self._channels.values()), OUTCOME), b"")

    async def pass_input(self, session: Session) -> None:
        """Hand on what the client sends, as it comes; returns once the client has left."""
        sizes = TerminalSizes()
        async for message in messages_of(self._socket):
            parts = self._protocol.parts(message)
            if parts is None:
                continue
            channel, data = parts
            if channel == STDIN and self._takes_input and data:
                await session.send(data)
            elif channel == RESIZE:
                for columns, rows in sizes.feed(data):
                    await session.resize(columns, rows)
            elif channel == CLOSE and data == bytes((STDIN,)) and self._protocol.can_close:
                await session.end_input()

    async def write(self, channel: OutputChannel, data: bytes) -> None:
        """Send output; returns once the client has room for more."""
        number = self._channels.get(channel)
        if number is not None:
            await self._send(number, data)

    async def finish(self, status: Status) -> None:
        """Tell the outcome, and close the WebSocket."""
        if self._protocol.has_status:
            await self._send(OUTCOME, encode(status))
        elif status.status != "Success":
            await self._send(OUTCOME, status.message.encode())
        await self._socket.close()

    async def _send(self, channel: int, data: bytes) -> None:
        message = self._protocol.message(channel, data)
        try:
            if self._protocol.is_text:
                await self._socket.send_str(message.decode())
            else:
                await self._socket.send_bytes(message)
        except ConnectionError as error:
            raise CallerGone from error
