"""Requests read without parsing what was parsed before.

A client sends the same headers with every request; only the first line and the body differ. So
what aiohttp's parser has made of a block of headers is remembered under the block's very bytes, and
a request that arrives whole, with a block that is known, is taken from there. Everything else
(parts of a request, several at once, streams, upgrades, odd first lines) is for aiohttp's parser:
there is no second one that could read a request in another way.

    POST /api/v1/namespaces/default/configmaps HTTP/1.1      the first line: must be plain
    Host: 127.0.0.1:6443                                     the block of headers: must be known
    Authorization: Bearer …
    Content-Length: 12                                       (with any number)

    {"kind": …}                                              the body: must be whole, and no more
"""

import asyncio
import re
from typing import Any, NamedTuple

from aiohttp import HttpVersion11, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_writer import StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from kernel.apiserver.bodies import BODY_BYTES_MAX

KNOWN_HEADS_MAX = 512
KNOWN_HEAD_BYTES_MAX = 4096

_FIRST_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/[!\"$-~]*) HTTP/1\.1")
_STREAM = re.compile(rb"watch|/log|/proxy|/exec|/attach|/portforward")
# In the one spelling of it: what is spelled otherwise is for aiohttp's parser alone.
_CONTENT_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (0|[1-9][0-9]{0,6})\r\n")
_SHARED_URL = URL("/")


class KnownHead(NamedTuple):
    """What a block of headers says, Content-Length left out; `has_length` says whether it was."""

    has_length: bool
    headers: "CIMultiDictProxy[str]"
    raw_headers: tuple[tuple[bytes, bytes], ...]


class QuickRequest(web.BaseRequest):
    """A request whose body is here. The URL is made only where somebody asks for it."""

    @property
    def content_length(self) -> int | None:
        """The size of the body in bytes."""
        return len(self._read_bytes or b"")

    @property
    def _rel_url(self) -> URL:
        return URL(self._message.path, encoded=True)

    @_rel_url.setter
    def _rel_url(self, value: URL) -> None:
        """The one in the message is a stand-in."""


class KnownHeads:
    """Blocks of headers that have been parsed, the same for all connections of a server."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._known: dict[bytes, KnownHead] = {}
        self._loop = loop
        # Says of every body that there was one and that it has been read.
        self._read_already = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
        self._read_already.feed_eof()

    def learn(self, data: bytes, message: RawRequestMessage) -> None:
        """Remember what the parser has made of the head that `data` starts with."""
        start, end = data.find(b"\r\n"), data.find(b"\r\n\r\n")
        if end < start or end - start > KNOWN_HEAD_BYTES_MAX:
            return
        if message.version != HttpVersion11 or message.should_close or message.upgrade:
            return
        headers = CIMultiDict(message.headers)
        if message.chunked or message.compression or "Expect" in headers:
            return
        # Clients share what is known here: a block must say all that was made of it, and no more.
        if data[start:end] != b"".join([b"\r\n%b: %b" % field for field in message.raw_headers]):
            return
        block, length = _split(data, start, end)
        said = headers.popall("Content-Length", [])
        if said != ([str(length)] if length is not None else []):
            return
        if len(self._known) >= KNOWN_HEADS_MAX:
            for known in list(self._known)[: KNOWN_HEADS_MAX // 2]:
                del self._known[known]
        others = (field for field in message.raw_headers if field[0].lower() != b"content-length")
        self._known[block] = KnownHead(length is not None, CIMultiDictProxy(headers), tuple(others))

    def read(self, data: bytes, protocol: web.RequestHandler) -> QuickRequest | None:
        """The request that `data` is; None where it is not one, whole, with a known head."""
        start, end = data.find(b"\r\n"), data.find(b"\r\n\r\n")
        if end < start:
            return None
        block, length = _split(data, start, end)
        head = self._known.get(block)
        if head is None or head.has_length != (length is not None):
            return None
        if len(data) - end - 4 != (length or 0):
            return None
        line = _FIRST_LINE.fullmatch(data, 0, start)
        if line is None or _STREAM.search(line[2]):
            return None
        message = RawRequestMessage(
            *(line[1].decode(), line[2].decode(), HttpVersion11, head.headers, head.raw_headers),
            *(False, None, False, False, _SHARED_URL),
        )
        payload = self._read_already if length else EMPTY_PAYLOAD
        writer = StreamWriter(protocol, self._loop)
        task: Any = None  # nobody asks a request for its task
        request = QuickRequest(
            message, payload, protocol, writer, task, self._loop, client_max_size=BODY_BYTES_MAX
        )
        request._read_bytes = data[end + 4 :]
        return request


def whole_bytes(data: bytes, message: RawRequestMessage) -> int:
    """How long a request is that `data` starts with, as its head says; 0 where it does not say."""
    end = data.find(b"\r\n\r\n")
    if end < 0 or message.chunked or message.upgrade:
        return 0
    return end + 4 + int(message.headers.get("Content-Length", "0"))


def _split(data: bytes, start: int, end: int) -> tuple[bytes, int | None]:
    """The headers between two places, without the number in Content-Length; and that number."""
    length = _CONTENT_LENGTH.search(data, start, end + 2)
    if length is None:
        return data[start:end], None
    return data[start : length.start(1)] + data[length.end(1) : end], int(length[1])
