"""From HTTP to another protocol on one connection: what is agreed on, and the bytes after it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import anyio
import anyio.abc
import msgspec
from aiohttp import web

from kernel.api.errors import BadRequest, Forbidden

UNREAD_BYTES_MAX = 64 * 1024


class Upgrade(msgspec.Struct, frozen=True):
    """What both sides speak from now on; `version` is the protocol inside of `carrier`."""

    carrier: Literal["websocket", "spdy"]
    version: str


def agree(request: web.BaseRequest, *, web_socket: Sequence[str], spdy: Sequence[str]) -> Upgrade:
    """The first of the client's protocols that is among ours; an empty one of ours is for clients
    that name none. Raises `BadRequest`, `Forbidden`."""
    headers = request.headers
    wanted = headers.get("Upgrade", "").lower()
    tokens = _listed(headers.getall("Connection", []))
    if "upgrade" in map(str.lower, tokens):
        if wanted == "websocket":
            offered = _listed(headers.getall("Sec-WebSocket-Protocol", []))
            return Upgrade("websocket", _first_common(offered, web_socket))
        if wanted == "spdy/3.1":
            offered = _listed(headers.getall("X-Stream-Protocol-Version", []))
            return Upgrade("spdy", _first_common(offered, spdy))
    raise BadRequest("Upgrade request required")


def _listed(values: Iterable[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _first_common(offered: Sequence[str], served: Sequence[str]) -> str:
    for protocol in offered or ("",):
        if protocol in served:
            return protocol
    raise Forbidden(
        "unable to upgrade: unable to negotiate protocol: client supports "
        f"[{' '.join(offered)}], server accepts [{' '.join(filter(None, served))}]"
    )


class SwitchedResponse(web.StreamResponse):
    """The head of the answer that ends HTTP on a connection; what follows is not its body."""

    def __init__(self, headers: Mapping[str, str]):
        super().__init__(status=101, headers=headers)
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """There is no body to end."""


async def switch_to_spdy(
    request: web.BaseRequest, version: str
) -> "tuple[SwitchedResponse, UpgradedStream]":
    """Answer that SPDY begins; the stream carries it."""
    stream = UpgradedStream(request)
    response = SwitchedResponse(
        {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": version}
    )
    await response.prepare(request)
    return response, stream


class UpgradedStream(anyio.abc.ByteStream):
    """The connection of a request as a stream of bytes, from the request's end on.

    The connection itself is closed by aiohttp, once the request's handler has returned.
    """

    def __init__(self, request: web.BaseRequest):
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        self._transport = transport
        self._writer = request.writer
        self._received = bytearray()
        self._news = anyio.Event()
        self._is_paused = False
        self._has_ended = False
        self._is_closed = False
        # aiohttp hands everything that arrives to the parser of the protocol that follows HTTP.
        request.protocol.set_parser(cast(Any, _Parser(self)))

    def arrived(self, data: bytes) -> None:
        """The client has sent bytes."""
        self._received += data
        if len(self._received) > UNREAD_BYTES_MAX and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._news.set()

    def ended(self) -> None:
        """The client sends no more."""
        self._has_ended = True
        self._news.set()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What has arrived, once there is something."""
        while not self._received:
            if self._is_closed:
                raise anyio.ClosedResourceError
            if self._has_ended:
                raise anyio.EndOfStream
            self._news = anyio.Event()
            await self._news.wait()
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if self._is_paused and len(self._received) <= UNREAD_BYTES_MAX // 2:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return data

    async def send(self, item: bytes) -> None:
        """Send; returns once the connection has room for more."""
        if self._is_closed:
            raise anyio.ClosedResourceError
        if self._transport.is_closing():
            raise anyio.BrokenResourceError
        self._transport.write(item)
        try:
            await self._writer.drain()
        except ConnectionError as error:
            raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        """TLS, which kubectl needs, has no half-closed connections."""
        raise NotImplementedError("a connection of HTTP can't be half-closed")

    async def aclose(self) -> None:
        """Take and give no more."""
        self._is_closed = True
        self._news.set()


class _Parser:
    """What aiohttp feeds."""

    def __init__(self, stream: UpgradedStream):
        self._stream = stream

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._stream.arrived(data)
        return False, b""

    def feed_eof(self) -> None:
        self._stream.ended()
