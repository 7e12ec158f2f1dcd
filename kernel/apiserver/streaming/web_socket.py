"""WebSockets for streams: their opening, and one as a stream of bytes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import anyio
import anyio.abc
from aiohttp import WSMsgType, web

from kernel.api.errors import BadRequest

MESSAGE_BYTES_MAX = 32 * 1024 * 1024
"""As Kubernetes has it: a client may send a whole file's content as one message of input."""

CLOSE_SECONDS_MAX = 5.0
PULSE_SECONDS = 15.0
PONG = b"\x8a\x00"
"""A whole frame: the last of its message, of type pong, without content."""


async def open_web_socket(request: web.BaseRequest, version: str) -> web.WebSocketResponse:
    """Answer that WebSocket begins. Raises `BadRequest` for a handshake that is none."""
    socket = web.WebSocketResponse(
        protocols=(version,) if version else (),
        timeout=CLOSE_SECONDS_MAX,
        compress=False,
        max_msg_size=MESSAGE_BYTES_MAX,
    )
    try:
        await socket.prepare(request)
    except web.HTTPBadRequest as error:
        raise BadRequest(f"unable to upgrade connection: {error.text}") from error
    return socket


class Pulse:
    """Sends a pong that nobody asked for, again and again.

    A ping of the client's stands behind the input that it sent before. Where the command does not
    read that, no ping is come to, and kubectl would give up after a minute; a client that is gone
    would not be noticed. A pong keeps the one, and finds out the other.
    """

    def __init__(self, transport: asyncio.Transport):
        self._transport = transport
        self._timer = self._next()

    def stop(self) -> None:
        """No more of them."""
        self._timer.cancel()

    def _next(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(PULSE_SECONDS, self._beat)

    def _beat(self) -> None:
        if self._transport.is_closing():
            return
        # Where something waits to be sent, that does as well. Frames are written as a whole, so one
        # of ours comes between them.
        if not self._transport.get_write_buffer_size():
            self._transport.write(PONG)
        self._timer = self._next()


@contextmanager
def beating(request: web.BaseRequest) -> Iterator[None]:
    """Keep a WebSocket's pulse going for the time of the context."""
    if request.transport is None:
        raise ConnectionResetError("the client is gone")
    pulse = Pulse(request.transport)
    try:
        yield
    finally:
        pulse.stop()


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
