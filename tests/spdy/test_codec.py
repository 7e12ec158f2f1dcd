"""Frames survive the way to bytes and back, however the bytes are cut; garbage is refused."""

import string
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from kernel.spdy.codec import FrameDecoder, FrameEncoder
from kernel.spdy.frames import (
    CONTROL_FRAME_BYTES_MAX,
    DATA_BYTES_MAX,
    Data,
    Frame,
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
from kernel.spdy.headers import DICTIONARY, HEADER_BYTES_MAX

_numbers = st.integers(0, 2**31 - 1)
_stream_ids = st.integers(1, 2**31 - 1)
_names = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=20)
_values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)
_headers = st.dictionaries(_names, _values, max_size=8)

_frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(SynStream, _stream_ids, _headers, st.booleans(), st.booleans()),
    st.builds(SynReply, _stream_ids, _headers, st.booleans()),
    st.builds(Headers, _stream_ids, _headers, st.booleans()),
    st.builds(Reset, _stream_ids, _numbers),
    st.builds(Settings, st.dictionaries(st.integers(0, 2**24 - 1), _numbers, max_size=5)),
    st.builds(Ping, _numbers),
    st.builds(GoAway, _numbers, _numbers),
    st.builds(WindowUpdate, _numbers, _numbers),
    st.builds(Data, _stream_ids, st.binary(max_size=200), st.booleans()),
)


def _decoded(pieces: Sequence[bytes]) -> list[Frame]:
    """All frames of the pieces, pieces of one frame's data put together again."""
    decoder = FrameDecoder()
    frames: list[Frame] = []
    for piece in pieces:
        decoder.receive(piece)
        while (frame := decoder.next_frame()) is not None:
            frames.append(frame)
    return frames


def _joined(frames: Sequence[Frame]) -> list[Frame]:
    """The same with neighbouring data of a stream as one frame: where data is cut is no matter."""
    joined: list[Frame] = []
    for frame in frames:
        last = joined[-1] if joined else None
        if (
            isinstance(frame, Data)
            and isinstance(last, Data)
            and last.stream_id == frame.stream_id
            and not last.end
        ):
            joined[-1] = Data(frame.stream_id, last.data + frame.data, frame.end)
        else:
            joined.append(frame)
    return joined


@given(st.lists(_frames, max_size=12), st.data())
def test_frames_come_back_from_bytes_cut_anywhere(frames: list[Frame], data: st.DataObject) -> None:
    encoder = FrameEncoder()
    wire = b"".join(encoder.encode(frame) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=20)))
    ends = zip([0, *cuts], [*cuts, len(wire)], strict=True)
    pieces = [wire[start:end] for start, end in ends]
    assert _joined(_decoded(pieces)) == _joined(frames)


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_garbage_is_refused_or_read_and_nothing_else(pieces: list[bytes]) -> None:
    with suppress(SpdyError):
        _decoded(pieces)


@given(st.integers(0, 12), st.integers(0, 255), st.binary(max_size=100))
def test_a_control_frame_with_any_content_is_refused_or_read(
    number: int, flags: int, payload: bytes
) -> None:
    try:
        frames = _decoded([_control(number, payload, flags=flags)])
    except SpdyError:
        return
    assert len(frames) <= 1


def test_a_frame_of_an_unknown_type_is_passed_over() -> None:
    assert _decoded([_control(10, b"credential") + _control(6, b"\0\0\0\1")]) == [Ping(1)]


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (struct.pack(">II", 0x8002_0001, 0), "version 2"),
        (struct.pack(">II", 0x8003_0001, CONTROL_FRAME_BYTES_MAX + 1), "more than"),
        (struct.pack(">II", 0, 5) + b"abcde", "stream 0"),
        (struct.pack(">IIII", 0x8003_0003, 8, 0, 1), "stream 0"),
        (struct.pack(">III", 0x8003_0003, 4, 1), "wrong length"),
        (struct.pack(">IIIII", 0x8003_0004, 12, 2, 7, 7), "wrong length"),
        (struct.pack(">IIIIH", 0x8003_0001, 14, 1, 0, 0) + b"junk", "not compressed"),
    ],
)
def test_what_breaks_the_protocol_is_named(wire: bytes, message: str) -> None:
    with pytest.raises(SpdyError, match=message):
        _decoded([wire])


def test_headers_are_bounded_however_well_they_are_compressed() -> None:
    bomb = _text(b"a") + _text(b"x" * 10_000_000)
    wire = _syn_reply(struct.pack(">I", 1) + bomb)
    assert len(wire) < CONTROL_FRAME_BYTES_MAX
    with pytest.raises(SpdyError, match="more than"):
        _decoded([wire])
    with pytest.raises(SpdyError, match="more than"):
        FrameEncoder().encode(SynReply(1, {"a": "x" * HEADER_BYTES_MAX}))


@pytest.mark.parametrize(
    "block",
    [
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", 1) + struct.pack(">I", 2**31) + b"short",
        struct.pack(">I", 0) + b"more",
        struct.pack(">I", 1) + b"\0\0\0\1A" + b"\0\0\0\0",
        struct.pack(">I", 1) + b"\0\0\0\0" + b"\0\0\0\0",
        struct.pack(">I", 2) + (b"\0\0\0\1a" + b"\0\0\0\0") * 2,
        struct.pack(">I", 1) + b"\0\0\0\1a" + b"\0\0\0\1\xff",
    ],
)
def test_header_blocks_that_are_none_are_refused(block: bytes) -> None:
    with pytest.raises(SpdyError):
        _decoded([_syn_reply(block)])


def test_several_values_of_a_header_are_joined() -> None:
    block = struct.pack(">I", 1) + _text(b"accept") + _text(b"one\0two")
    assert _decoded([_syn_reply(block)]) == [SynReply(1, {"accept": "one, two"})]


def test_a_frame_of_data_is_handed_on_before_it_is_whole() -> None:
    decoder = FrameDecoder()
    decoder.receive(struct.pack(">II", 3, 0x0100_0000 | DATA_BYTES_MAX) + b"first")
    assert decoder.next_frame() == Data(3, b"first")
    assert decoder.next_frame() is None
    decoder.receive(b"x" * (DATA_BYTES_MAX - 5) + struct.pack(">II", 5, 0))
    assert decoder.next_frame() == Data(3, b"x" * (DATA_BYTES_MAX - 5), end=True)
    assert decoder.next_frame() == Data(5, b"")


def test_more_data_than_fits_into_a_frame_is_refused() -> None:
    with pytest.raises(SpdyError, match="do not fit"):
        FrameEncoder().encode(Data(1, bytes(DATA_BYTES_MAX + 1)))


def _control(number: int, payload: bytes, *, flags: int = 0) -> bytes:
    return struct.pack(">HHI", 0x8003, number, flags << 24 | len(payload)) + payload


def _text(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _syn_reply(block: bytes) -> bytes:
    compressor = zlib.compressobj(zdict=DICTIONARY)
    compressed = compressor.compress(block) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return _control(2, struct.pack(">I", 1) + compressed)
