"""The frames of SPDY/3.1, and the one error that bad ones raise.

Numbers and layouts are those of the SPDY protocol, draft 3.1 (chromium.org). A priority, an
associated stream and a credential slot are never told: nobody who speaks SPDY today has a use for
them. Header names are in lower case, as on the wire.
"""

from collections.abc import Mapping
from enum import IntEnum

import msgspec

VERSION = 3
CONTROL_BIT = 0x8000_0000
STREAM_ID_MAX = 0x7FFF_FFFF
DATA_BYTES_MAX = 0xFF_FFFF

CONTROL_FRAME_BYTES_MAX = 1 << 15
"""How long a control frame may be that we read. A frame of data may have any length: its content
is handed on as it comes."""

FLAG_END = 0x01
FLAG_UNIDIRECTIONAL = 0x02


class SpdyError(Exception):
    """What was received, or is to be sent, is no SPDY/3.1, or more of it than we take."""


class FrameType(IntEnum):
    """Of control frames."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class ResetStatus(IntEnum):
    """Why a stream is reset; a peer may have further numbers."""

    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    CANCEL = 5
    STREAM_ALREADY_CLOSED = 9


class GoAwayStatus(IntEnum):
    """Why a connection ends; a peer may have further numbers."""

    OK = 0
    PROTOCOL_ERROR = 1


class SynStream(msgspec.Struct, frozen=True):
    """A stream begins. With `end` its sender sends nothing on it, with `unidirectional` its
    receiver does not."""

    stream_id: int
    headers: Mapping[str, str]
    end: bool = False
    unidirectional: bool = False


class SynReply(msgspec.Struct, frozen=True):
    """The stream that the receiver began is accepted."""

    stream_id: int
    headers: Mapping[str, str]
    end: bool = False


class Reset(msgspec.Struct, frozen=True):
    """The stream is over, in both directions."""

    stream_id: int
    status: int


class Settings(msgspec.Struct, frozen=True):
    """Settings by their numbers."""

    values: Mapping[int, int]


class Ping(msgspec.Struct, frozen=True):
    """Asks, or answers the same number. Clients ask with odd numbers, servers with even ones."""

    ping_id: int


class GoAway(msgspec.Struct, frozen=True):
    """The sender takes no new streams; the last that it took is named."""

    last_stream_id: int
    status: int


class Headers(msgspec.Struct, frozen=True):
    """Further headers of a stream."""

    stream_id: int
    headers: Mapping[str, str]
    end: bool = False


class WindowUpdate(msgspec.Struct, frozen=True):
    """The sender has room for so many more bytes; a `stream_id` of 0 means the connection."""

    stream_id: int
    delta_bytes: int


class Data(msgspec.Struct, frozen=True):
    """Content of a stream; with `end` the last from this side."""

    stream_id: int
    data: bytes
    end: bool = False


Frame = SynStream | SynReply | Reset | Settings | Ping | GoAway | Headers | WindowUpdate | Data
