"""Frames to bytes and back, without input or output.

Control: `| 1 | version 15 bits | type 16 | flags 8 | length 24 | payload`; data:
`| 0 | stream 31 bits | flags 8 | length 24 | payload`.
"""

import struct
from collections.abc import Mapping

from kernel.spdy.frames import (
    CONTROL_BIT,
    CONTROL_FRAME_BYTES_MAX,
    DATA_BYTES_MAX,
    FLAG_END,
    FLAG_UNIDIRECTIONAL,
    STREAM_ID_MAX,
    VERSION,
    Data,
    Frame,
    FrameType,
    GoAway,
    Headers,
    Ping,
    Reset,
    Settings,
    SpdyError,
    SynReply,
    SynStream,
    WindowUpdate,
)
from kernel.spdy.headers import HeaderCompressor, HeaderDecompressor

_HEAD = struct.Struct(">II")
_WORD = struct.Struct(">I")
_TWO_WORDS = struct.Struct(">II")
_SYN_STREAM = struct.Struct(">IIBB")
_LENGTH_MASK = 0xFF_FFFF
_TYPE_MASK = 0xFFFF


class FrameEncoder:
    """Makes bytes of frames; they must be sent in the order in which they were made."""

    def __init__(self) -> None:
        self._compressor = HeaderCompressor()

    def encode(self, frame: Frame) -> bytes:
        """The frame as bytes. Raises `SpdyError` for what does not fit into a frame."""
        match frame:
            case Data(stream_id, data, end):
                if len(data) > DATA_BYTES_MAX:
                    raise SpdyError(f"{len(data)} bytes do not fit into one frame")
                return _HEAD.pack(stream_id, _flags(end) | len(data)) + data
            case SynStream(stream_id, headers, end, unidirectional):
                flags = _flags(end) | _flags(unidirectional, FLAG_UNIDIRECTIONAL)
                start = _SYN_STREAM.pack(stream_id, 0, 0, 0)
                return _control(FrameType.SYN_STREAM, start + self._block(headers), flags)
            case SynReply(stream_id, headers, end):
                payload = _WORD.pack(stream_id) + self._block(headers)
                return _control(FrameType.SYN_REPLY, payload, _flags(end))
            case Headers(stream_id, headers, end):
                payload = _WORD.pack(stream_id) + self._block(headers)
                return _control(FrameType.HEADERS, payload, _flags(end))
            case Reset(stream_id, status):
                return _control(FrameType.RST_STREAM, _TWO_WORDS.pack(stream_id, status))
            case Ping(ping_id):
                return _control(FrameType.PING, _WORD.pack(ping_id))
            case GoAway(last_stream_id, status):
                return _control(FrameType.GOAWAY, _TWO_WORDS.pack(last_stream_id, status))
            case WindowUpdate(stream_id, delta):
                return _control(FrameType.WINDOW_UPDATE, _TWO_WORDS.pack(stream_id, delta))
            case Settings(values):
                pairs = b"".join(_TWO_WORDS.pack(*pair) for pair in values.items())
                return _control(FrameType.SETTINGS, _WORD.pack(len(values)) + pairs)

    def _block(self, headers: Mapping[str, str]) -> bytes:
        return self._compressor.compress(headers)


def _flags(is_set: bool, flag: int = FLAG_END) -> int:
    return flag << 24 if is_set else 0


def _control(type: FrameType, payload: bytes, flags: int = 0) -> bytes:
    return _HEAD.pack(CONTROL_BIT | VERSION << 16 | type, flags | len(payload)) + payload


class FrameDecoder:
    """Makes frames of bytes that come in any pieces.

    A frame of data is handed on in as many `Data` as it takes to keep nothing back, so however
    long it is, no more is held than what was just received or one control frame.
    """

    def __init__(self) -> None:
        self._received = bytearray()
        self._decompressor = HeaderDecompressor()
        self._data_stream_id = 0
        self._data_bytes_left = 0
        self._data_ends_stream = False

    def receive(self, data: bytes) -> None:
        """Take bytes from the wire; then call `next_frame` until it answers None."""
        self._received += data

    def next_frame(self) -> Frame | None:
        """The next frame, None where more bytes are needed. Raises `SpdyError`, after which
        nothing more can be read."""
        while True:
            if self._data_bytes_left:
                return self._data() if self._received else None
            if len(self._received) < _HEAD.size:
                return None
            first, second = _HEAD.unpack_from(self._received)
            flags, length = second >> 24, second & _LENGTH_MASK
            if not first & CONTROL_BIT:
                del self._received[: _HEAD.size]
                self._data_stream_id = _checked_stream_id(first)
                self._data_bytes_left = length
                self._data_ends_stream = bool(flags & FLAG_END)
                return self._data() if self._received or not length else None
            _check_control_head(first, length)
            if len(self._received) < _HEAD.size + length:
                return None
            payload = bytes(self._received[_HEAD.size : _HEAD.size + length])
            del self._received[: _HEAD.size + length]
            frame = self._control_frame(first & _TYPE_MASK, flags, payload)
            if frame is not None:
                return frame

    def _data(self) -> Data:
        content = bytes(self._received[: self._data_bytes_left])
        del self._received[: len(content)]
        self._data_bytes_left -= len(content)
        is_end = self._data_ends_stream and not self._data_bytes_left
        return Data(self._data_stream_id, content, is_end)

    def _control_frame(self, type: int, flags: int, payload: bytes) -> Frame | None:
        """The frame; None of a type that we don't know, which the protocol wants ignored."""
        end = bool(flags & FLAG_END)
        try:
            match type:
                case FrameType.SYN_STREAM:
                    stream_id, _, _, _ = _SYN_STREAM.unpack_from(payload)
                    headers = self._decompressor.decompress(payload[_SYN_STREAM.size :])
                    is_unidirectional = bool(flags & FLAG_UNIDIRECTIONAL)
                    return SynStream(_checked_stream_id(stream_id), headers, end, is_unidirectional)
                case FrameType.SYN_REPLY | FrameType.HEADERS:
                    stream_id = _checked_stream_id(_WORD.unpack_from(payload)[0])
                    headers = self._decompressor.decompress(payload[_WORD.size :])
                    make = SynReply if type == FrameType.SYN_REPLY else Headers
                    return make(stream_id, headers, end)
                case FrameType.RST_STREAM:
                    stream_id, status = _TWO_WORDS.unpack(payload)
                    return Reset(_checked_stream_id(stream_id), status)
                case FrameType.SETTINGS:
                    return _settings(payload)
                case FrameType.PING:
                    return Ping(_WORD.unpack(payload)[0])
                case FrameType.GOAWAY:
                    last_stream_id, status = _TWO_WORDS.unpack(payload)
                    return GoAway(last_stream_id & STREAM_ID_MAX, status)
                case FrameType.WINDOW_UPDATE:
                    stream_id, delta = _TWO_WORDS.unpack(payload)
                    return WindowUpdate(stream_id & STREAM_ID_MAX, delta & STREAM_ID_MAX)
                case _:
                    return None
        except struct.error as error:
            raise SpdyError(f"a control frame of type {type} has a wrong length") from error


def _settings(payload: bytes) -> Settings:
    (count,) = _WORD.unpack_from(payload)
    if len(payload) != _WORD.size + count * _TWO_WORDS.size:
        raise SpdyError("a SETTINGS frame has a wrong length")
    pairs = _TWO_WORDS.iter_unpack(payload[_WORD.size :])
    # The highest byte of a setting's number holds flags about keeping it.
    return Settings({number & _LENGTH_MASK: value for number, value in pairs})


def _check_control_head(first: int, length: int) -> None:
    version = first >> 16 & ~0x8000
    if version != VERSION:
        raise SpdyError(f"a control frame of SPDY version {version}, not {VERSION}")
    if length > CONTROL_FRAME_BYTES_MAX:
        raise SpdyError(f"a control frame of {length} bytes, more than {CONTROL_FRAME_BYTES_MAX}")


def _checked_stream_id(stream_id: int) -> int:
    stream_id &= STREAM_ID_MAX
    if not stream_id:
        raise SpdyError("a frame for stream 0")
    return stream_id
