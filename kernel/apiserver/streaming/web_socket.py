"""WebSockets for streams: their opening, and one as a stream of bytes."""

from collections.abc import AsyncIterator

import anyio
import anyio.abc
from aiohttp import WSMsgType, web

from kernel.api.errors import BadRequest

MESSAGE_BYTES_MAX = 32 * 1024 * 1024
"""As Kubernetes has it: a client may send a whole file's content as one message of input."""

CLOSE_SECONDS_MAX = 5.0


async def open_web_socket(request: web.BaseRequest, version: str) -> web.WebSocketResponse:
    """Answer that WebSocket begins. Raises `BadRequest` for a handshake that is none."""
    socket = web.WebSocketResponse(
        protocols=(version,),
        timeout=CLOSE_SECONDS_MAX,
        compress=False,
        max_msg_size=MESSAGE_BYTES_MAX,
    )
    try:
        await socket.prepare(request)
    except web.HTTPBadRequest as error:
        raise BadRequest(f"unable to upgrade connection: {error.text}") from error
    return socket


async def messages_of(socket: web.WebSocketResponse) -> AsyncIterator[bytes]:
    """What the client sends, until it has left. Pings are answered meanwhile."""
    while True:
        message = await socket.receive()
        if message.type is WSMsgType.BINARY:
            yield message.data
        elif message.type is WSMsgType.TEXT:
            yield message.data.encode()
        else:
            return


class WebSocketStream(anyio.abc.ByteStream):
    """The binary messages of a WebSocket as a stream of bytes; their borders mean nothing."""

    def __init__(self, socket: web.WebSocketResponse):
        self._socket = socket
        self._messages = messages_of(socket)
        self._received = b""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What the client has sent, once there is something."""
        while not self._received:
            message = await anext(self._messages, None)
            if message is None:
                raise anyio.EndOfStream
            self._received = message
        data, self._received = self._received[:max_bytes], self._received[max_bytes:]
        return data

    async def send(self, item: bytes) -> None:
        """Send; returns once the connection has room for more."""
        try:
            await self._socket.send_bytes(item)
        except ConnectionError as error:
            raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        """A WebSocket is closed as a whole."""
        raise NotImplementedError("a WebSocket can't be half-closed")

    async def aclose(self) -> None:
        """End the WebSocket in order."""
        await self._socket.close()
