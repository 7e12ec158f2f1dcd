"""One stream of a SPDY connection, which reads and writes like any stream of bytes."""

from collections.abc import Mapping
from typing import Protocol

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

from kernel.spdy.frames import Data, Frame, Reset, ResetStatus

DATA_FRAME_BYTES = 1 << 15
"""How much of what is sent goes into one frame, so that streams take turns."""


class Carrier(Protocol):
    """What a stream needs of its connection."""

    async def send_frame(self, frame: Frame) -> None:
        """Send; returns once the connection has taken it. Raises `BrokenResourceError`."""
        ...

    def send_frame_nowait(self, frame: Frame) -> None:
        """Send in its turn; where the connection is over, don't."""
        ...

    def was_read(self, count: int) -> None:
        """So many received bytes are kept no longer."""
        ...

    def forget(self, stream_id: int) -> None:
        """The stream is over in both directions."""
        ...


class SpdyStream(ByteStream):
    """A stream; its two directions end independently of one another.

    `headers` are those that it began with, names in lower case. Where the peer resets the stream
    or the connection breaks, `receive` yields what has come before it raises
    `BrokenResourceError`; sending raises it at once.
    """

    def __init__(self, carrier: Carrier, stream_id: int, headers: Mapping[str, str]) -> None:
        self.stream_id = stream_id
        self.headers = headers
        self._carrier = carrier
        self._received = bytearray()
        self._news = anyio.Event()
        self._is_accepted = False
        self._has_peer_ended = False
        self._has_ended = False
        self._is_closed = False
        self._broken = ""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await anyio.lowlevel.checkpoint()
        while not self._received:
            if self._is_closed:
                raise anyio.ClosedResourceError
            if self._has_peer_ended:
                raise anyio.EndOfStream
            if self._broken:
                raise anyio.BrokenResourceError(self._broken)
            await self._wait_for_news()
        data = bytes(self._received[:max_bytes])
        del self._received[: len(data)]
        self._carrier.was_read(len(data))
        return data

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        for start in range(0, len(item), DATA_FRAME_BYTES):
            self._check_can_send()
            piece = bytes(item[start : start + DATA_FRAME_BYTES])
            await self._carrier.send_frame(Data(self.stream_id, piece))

    async def send_eof(self) -> None:
        """End this direction; doing so again changes nothing."""
        await anyio.lowlevel.checkpoint()
        if self._has_ended:
            return
        self._check_can_send()
        self._has_ended = True
        last = Data(self.stream_id, b"", end=True)
        # Not to be cancelled half-way: who has ended a direction can't end it once more.
        self._carrier.send_frame_nowait(last)
        self._forget_if_over()

    async def reset(self, status: int = ResetStatus.CANCEL) -> None:
        """End both directions at once, whatever is still under way. Nothing happens to a stream
        that is over."""
        self.reset_nowait(status)
        await anyio.lowlevel.checkpoint()

    def reset_nowait(self, status: int = ResetStatus.CANCEL) -> None:
        """The same, without waiting for a turn."""
        is_over = self._has_ended and self._has_peer_ended
        if not is_over and not self._broken and not self._is_closed:
            self._carrier.send_frame_nowait(Reset(self.stream_id, status))
        self._close()

    async def aclose(self) -> None:
        """Let go of the stream: where it is not over yet, it is reset."""
        await self.reset()

    # What the connection tells.

    def begin(self, *, has_ended: bool, is_accepted: bool, has_peer_ended: bool) -> None:
        """How the stream stands at its beginning."""
        self._has_ended = has_ended
        self._is_accepted = is_accepted
        self._has_peer_ended = has_peer_ended

    def accepted(self) -> None:
        """The peer has taken the stream that we began."""
        self._is_accepted = True
        self._announce()

    async def wait_accepted(self) -> None:
        """Raises `BrokenResourceError` where the peer does not take it."""
        while not self._is_accepted:
            if self._broken:
                raise anyio.BrokenResourceError(self._broken)
            await self._wait_for_news()

    def data_received(self, data: bytes) -> int:
        """Keep what came; answers how much of it is kept."""
        if self._is_closed or self._has_peer_ended or not data:
            return 0
        self._received += data
        self._announce()
        return len(data)

    def peer_ended(self) -> None:
        """Nothing more will come."""
        self._has_peer_ended = True
        self._announce()
        self._forget_if_over()

    def broken(self, why: str) -> None:
        """The peer has reset the stream, or the connection is no more."""
        self._broken = self._broken or why
        self._announce()

    def _check_can_send(self) -> None:
        if self._is_closed or self._has_ended:
            raise anyio.ClosedResourceError
        if self._broken:
            raise anyio.BrokenResourceError(self._broken)

    def _close(self) -> None:
        self._is_closed = True
        self._carrier.was_read(len(self._received))
        self._received.clear()
        self._announce()
        self._carrier.forget(self.stream_id)

    def _forget_if_over(self) -> None:
        if self._has_ended and self._has_peer_ended:
            self._carrier.forget(self.stream_id)

    def _announce(self) -> None:
        self._news.set()

    async def _wait_for_news(self) -> None:
        self._news = anyio.Event()
        await self._news.wait()
