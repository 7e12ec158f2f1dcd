"""Header blocks: names and values, compressed with one zlib stream for a whole direction."""

import struct
import zlib
from collections.abc import Mapping

from kernel.spdy.frames import SpdyError

HEADER_BYTES_MAX = 1 << 14
"""How long a header block may be once it is decompressed."""

_LENGTH = struct.Struct(">I")
_SEPARATOR = "\0"
"""Stands between several values of one name."""

_DICTIONARY_NAMES = (
    "options,head,post,put,delete,trace,accept,accept-charset,accept-encoding,"
    "accept-language,accept-ranges,age,allow,authorization,cache-control,connection,"
    "content-base,content-encoding,content-language,content-length,content-location,"
    "content-md5,content-range,content-type,date,etag,expect,expires,from,host,if-match,"
    "if-modified-since,if-none-match,if-range,if-unmodified-since,last-modified,location,"
    "max-forwards,pragma,proxy-authenticate,proxy-authorization,range,referer,retry-after,"
    "server,te,trailer,transfer-encoding,upgrade,user-agent,vary,via,warning,"
    "www-authenticate,method,get,status,200 OK,version,HTTP/1.1,url,public,set-cookie,"
    "keep-alive,origin"
)

_DICTIONARY_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
    "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)

DICTIONARY = (
    b"".join(_LENGTH.pack(len(name)) + name.encode() for name in _DICTIONARY_NAMES.split(","))
    + _DICTIONARY_TEXT.encode()
)
"""What both sides' zlib streams start from, as the protocol gives it."""


class HeaderCompressor:
    """Makes header blocks; they must be sent in the order in which they were made."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(zdict=DICTIONARY)

    def compress(self, headers: Mapping[str, str]) -> bytes:
        """The block of these headers, names in lower case. Raises `SpdyError` past
        `HEADER_BYTES_MAX`, before anything is compressed."""
        parts = [_LENGTH.pack(len(headers))]
        for name, value in headers.items():
            for text in (name.lower(), value):
                content = text.encode()
                parts += _LENGTH.pack(len(content)), content
        block = b"".join(parts)
        if len(block) > HEADER_BYTES_MAX:
            raise SpdyError(f"headers of {len(block)} bytes, more than {HEADER_BYTES_MAX}")
        return self._zlib.compress(block) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class HeaderDecompressor:
    """Reads header blocks; it must be given all, in the order in which they came."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zdict=DICTIONARY)

    def decompress(self, compressed: bytes) -> dict[str, str]:
        """The headers of a block; several values of one name are joined with commas. Raises
        `SpdyError`."""
        try:
            block = self._zlib.decompress(compressed, HEADER_BYTES_MAX + 1)
        except zlib.error as error:
            raise SpdyError(f"headers are not compressed as they should be: {error}") from error
        if len(block) > HEADER_BYTES_MAX:
            raise SpdyError(f"headers of more than {HEADER_BYTES_MAX} bytes")
        if self._zlib.unconsumed_tail or self._zlib.unused_data:
            raise SpdyError("headers are followed by something else")
        return _headers_of(block)


def _headers_of(block: bytes) -> dict[str, str]:
    reader = _BlockReader(block)
    headers: dict[str, str] = {}
    for _ in range(reader.length()):
        name = reader.text()
        if not name or name != name.lower() or name in headers:
            raise SpdyError(f"a header's name is empty, not in lower case or there twice: {name!r}")
        headers[name] = ", ".join(reader.text().split(_SEPARATOR))
    if not reader.is_at_end():
        raise SpdyError("headers are followed by something else")
    return headers


class _BlockReader:
    def __init__(self, block: bytes) -> None:
        self._block = block
        self._position = 0

    def length(self) -> int:
        length: int = _LENGTH.unpack(self._take(_LENGTH.size))[0]
        return length

    def text(self) -> str:
        try:
            return self._take(self.length()).decode()
        except UnicodeDecodeError as error:
            raise SpdyError(f"a header is not UTF-8: {error}") from error

    def is_at_end(self) -> bool:
        return self._position == len(self._block)

    def _take(self, count: int) -> bytes:
        taken = self._block[self._position : self._position + count]
        if len(taken) < count:
            raise SpdyError("headers end too early")
        self._position += count
        return taken
