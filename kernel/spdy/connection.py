"""A SPDY connection over any stream of bytes, as its client or as its server.

Windows are not kept: Docker's spdystream, which is kubectl's and containerd's side of such a
connection, neither tells nor heeds them. What presses back is the connection as a whole: it is not
read while the application leaves more than `UNREAD_BYTES_MAX` of it unread, and nobody may have
more than one frame waiting to be sent.
"""

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

import anyio
import anyio.abc

from kernel.spdy.codec import FrameDecoder, FrameEncoder
from kernel.spdy.frames import (
    STREAM_ID_MAX,
    Data,
    Frame,
    GoAway,
    GoAwayStatus,
    Headers,
    Ping,
    Reset,
    ResetStatus,
    SpdyError,
    SynReply,
    SynStream,
)
from kernel.spdy.stream import SpdyStream

UNREAD_BYTES_MAX = 1 << 20
STREAMS_MAX = 2048
WAITING_FRAMES_MAX = 2 * STREAMS_MAX
"""More that waits to be sent, and the peer asks for answers without taking any."""

_READ_BYTES = 1 << 16
_FAREWELL_SECONDS_MAX = 5.0
_LAST_SECONDS_MAX = 1.0
_TRANSPORT_FAILURES = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class SpdyConnection:
    """SPDY over `stream`, from entering this context to leaving it, which closes `stream`.

    The client of a connection numbers its streams oddly, the server evenly; nothing else tells
    them apart. Leaving the context without an exception sends what still waits to be sent.
    """

    def __init__(self, stream: anyio.abc.ByteStream, *, is_server: bool) -> None:
        self._stream = stream
        self._tasks = anyio.create_task_group()
        self._streams: dict[int, SpdyStream] = {}
        self._to_accept: deque[SpdyStream] = deque()
        self._accept_news = anyio.Event()
        self._outgoing: deque[tuple[Frame, anyio.Event | None]] = deque()
        self._outgoing_news = anyio.Event()
        self._unread_bytes = 0
        self._room = anyio.Event()
        self._next_stream_id = 2 if is_server else 1
        self._last_peer_stream_id = 0
        self._takes_no_more_streams = False
        self._over = ""

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._read)
        self._tasks.start_soon(self._write)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exception is None:
                await self._say_farewell(GoAwayStatus.OK)
        finally:
            self._end("the connection was closed")
            try:
                await anyio.aclose_forcefully(self._stream)
            finally:
                # Both tasks see that and end by themselves. One that had to be cancelled would
                # leave a ring of frames behind, and with it all that the connection holds.
                self._tasks.cancel_scope.deadline = anyio.current_time() + _LAST_SECONDS_MAX
                if exception is None or isinstance(exception, Exception):
                    # What the caller raised goes on by itself, not wrapped into a group.
                    await self._tasks.__aexit__(None, None, None)
                else:
                    await self._tasks.__aexit__(exception_type, exception, traceback)

    async def open_stream(self, headers: Mapping[str, str], *, end: bool = False) -> SpdyStream:
        """Begin a stream, once the peer has accepted it; with `end` nothing is sent on it. Raises
        `BrokenResourceError` where the peer refuses it or the connection is over."""
        if self._over or self._takes_no_more_streams:
            raise anyio.BrokenResourceError(self._over or "the peer takes no more streams")
        if self._next_stream_id > STREAM_ID_MAX:
            raise anyio.BrokenResourceError("the connection has had all its streams")
        stream = SpdyStream(self, self._next_stream_id, dict(headers))
        stream.begin(has_ended=end, is_accepted=False, has_peer_ended=False)
        self._next_stream_id += 2
        self._streams[stream.stream_id] = stream
        self.send_frame_nowait(SynStream(stream.stream_id, stream.headers, end))
        try:
            await stream.wait_accepted()
        except BaseException:
            stream.reset_nowait()
            raise
        return stream

    async def accept_stream(self) -> SpdyStream:
        """The next stream that the peer begins, already accepted. Raises `EndOfStream` once the
        peer begins no more, `BrokenResourceError` where the connection broke."""
        while not self._to_accept:
            if self._over:
                raise anyio.BrokenResourceError(self._over)
            if self._takes_no_more_streams:
                raise anyio.EndOfStream
            self._accept_news = anyio.Event()
            await self._accept_news.wait()
        return self._to_accept.popleft()

    # For streams.

    async def send_frame(self, frame: Frame) -> None:
        """Send; returns once the connection has taken it. Raises `BrokenResourceError`."""
        if self._over:
            raise anyio.BrokenResourceError(self._over)
        taken = anyio.Event()
        self._enqueue(frame, taken)
        await taken.wait()
        if self._over:
            raise anyio.BrokenResourceError(self._over)

    def send_frame_nowait(self, frame: Frame) -> None:
        """Send in its turn; where the connection is over, don't."""
        if not self._over:
            self._enqueue(frame, None)

    def was_read(self, count: int) -> None:
        """So many received bytes are kept no longer."""
        self._unread_bytes -= count
        if self._unread_bytes <= UNREAD_BYTES_MAX:
            self._room.set()

    def forget(self, stream_id: int) -> None:
        """The stream is over in both directions."""
        self._streams.pop(stream_id, None)

    # Writing.

    def _enqueue(self, frame: Frame, taken: anyio.Event | None) -> None:
        self._outgoing.append((frame, taken))
        self._outgoing_news.set()

    async def _write(self) -> None:
        encoder = FrameEncoder()
        try:
            while not self._over:
                while self._outgoing:
                    frame, taken = self._outgoing.popleft()
                    try:
                        await self._stream.send(encoder.encode(frame))
                    finally:
                        if taken is not None:
                            taken.set()
                if not self._over:
                    self._outgoing_news = anyio.Event()
                    await self._outgoing_news.wait()
        except _TRANSPORT_FAILURES as error:
            self._end(f"the connection broke: {error or type(error).__name__}")

    async def _say_farewell(self, status: GoAwayStatus) -> None:
        if len(self._outgoing) >= WAITING_FRAMES_MAX:
            return
        with anyio.move_on_after(_FAREWELL_SECONDS_MAX), suppress(anyio.BrokenResourceError):
            await self.send_frame(GoAway(self._last_peer_stream_id, status))

    # Reading.

    async def _read(self) -> None:
        decoder = FrameDecoder()
        try:
            while True:
                decoder.receive(await self._stream.receive(_READ_BYTES))
                while (frame := decoder.next_frame()) is not None:
                    self._handle(frame)
                    while self._unread_bytes > UNREAD_BYTES_MAX and not self._over:
                        self._room = anyio.Event()
                        await self._room.wait()
        except anyio.EndOfStream:
            self._peer_left()
        except SpdyError as error:
            await self._say_farewell(GoAwayStatus.PROTOCOL_ERROR)
            self._end(f"the peer broke the protocol: {error}")
            await anyio.aclose_forcefully(self._stream)
        except _TRANSPORT_FAILURES as error:
            self._end(f"the connection broke: {error or type(error).__name__}")

    def _handle(self, frame: Frame) -> None:
        match frame:
            case Data(stream_id, data, end):
                if (stream := self._streams.get(stream_id)) is not None:
                    self._unread_bytes += stream.data_received(data)
                    if end:
                        stream.peer_ended()
            case SynStream():
                self._stream_begun(frame)
            case SynReply(stream_id, _, end):
                if (stream := self._streams.get(stream_id)) is not None:
                    stream.accepted()
                    if end:
                        stream.peer_ended()
            case Headers(stream_id, _, end):
                if end and (stream := self._streams.get(stream_id)) is not None:
                    stream.peer_ended()
            case Reset(stream_id, status):
                if (stream := self._streams.pop(stream_id, None)) is not None:
                    stream.broken(f"the peer reset the stream (status {status})")
            case Ping(ping_id):
                # We never ask, so each of them is a question.
                self._answer(Ping(ping_id))
            case GoAway():
                self._takes_no_more_streams = True
                self._accept_news.set()
            case _:
                # Settings and windows.
                pass

    def _stream_begun(self, frame: SynStream) -> None:
        stream_id = frame.stream_id
        if stream_id % 2 == self._next_stream_id % 2 or stream_id <= self._last_peer_stream_id:
            raise SpdyError(f"stream {stream_id} can't begin now")
        self._last_peer_stream_id = stream_id
        if max(len(self._streams), len(self._to_accept)) >= STREAMS_MAX:
            self._answer(Reset(stream_id, ResetStatus.REFUSED_STREAM))
            return
        stream = SpdyStream(self, stream_id, frame.headers)
        stream.begin(has_ended=frame.unidirectional, is_accepted=True, has_peer_ended=frame.end)
        self._streams[stream_id] = stream
        if not frame.unidirectional:
            self._answer(SynReply(stream_id, {}))
        self._to_accept.append(stream)
        self._accept_news.set()

    def _answer(self, frame: Frame) -> None:
        if len(self._outgoing) >= WAITING_FRAMES_MAX:
            raise SpdyError("more is asked than answers are taken")
        self.send_frame_nowait(frame)

    # The end.

    def _peer_left(self) -> None:
        self._takes_no_more_streams = True
        for stream in list(self._streams.values()):
            stream.broken("the peer closed the connection")
        self._accept_news.set()

    def _end(self, why: str) -> None:
        """Nothing is received or sent any more: everybody who waits learns why."""
        self._over = self._over or why
        for stream in list(self._streams.values()):
            stream.broken(why)
        self._streams.clear()
        while self._outgoing:
            _, taken = self._outgoing.popleft()
            if taken is not None:
                taken.set()
        for news in (self._accept_news, self._room, self._outgoing_news):
            news.set()
