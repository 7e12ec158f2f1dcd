"""Reads a container's log file in CRI's format, for every runtime; `log_format` has the format.

Runtimes differ in small things: containerd trims zeros from the fraction of a second and writes the
machine's time zone, and cuts long lines into entries of 16 KiB that are tagged P but for the last.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

import anyio

from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.cri.log_format import format_entry, format_time

__all__ = ["Entry", "format_entry", "format_time", "parse_entry", "read_log"]

_BLOCK_BYTES = 64 * 1024
# A follower looks again soon after output came, and more and more seldom while none comes.
_SLEEP_SECONDS_MIN = 0.01
_SLEEP_SECONDS_MAX = 0.1
_FRACTION_DIGITS = 9


class Entry:
    """One entry of a log file. `time` is as it is written; `partial`: its line goes on."""

    __slots__ = ("content", "partial", "stream", "time")

    def __init__(self, time: bytes, stream: bytes, partial: bool, content: bytes) -> None:
        self.time = time
        self.stream = stream
        self.partial = partial
        self.content = content

    def nanoseconds(self) -> int:
        """The time as nanoseconds since the epoch. Raises `ValueError` if it isn't RFC 3339."""
        text = self.time.decode()
        moment, rest = text[:19], text[19:].replace("Z", "+00:00")
        digits, fraction = "", rest
        if rest.startswith("."):
            fraction = rest[1:].lstrip("0123456789")
            digits = rest[1 : len(rest) - len(fraction)]
        seconds = int(datetime.fromisoformat(moment + fraction).timestamp())
        return seconds * NANOSECONDS_PER_SECOND + int(digits[:9].ljust(_FRACTION_DIGITS, "0"))


def parse_entry(line: bytes) -> Entry | None:
    """An entry without its newline; None if it is not in CRI's format."""
    parts = line.split(b" ", 3)
    if len(parts) != 4:
        return None
    time, stream, tags, content = parts
    # More tags may follow the first one, after colons.
    return Entry(time, stream, tags.split(b":", 1)[0] == b"P", content)


async def read_log(
    path: Path,
    *,
    clock: Clock,
    follow: bool = False,
    stopped: Callable[[], bool] = lambda: True,
    tail_lines: int | None = None,
    since_nanoseconds: int = 0,
    limit_bytes: int | None = None,
    timestamps: bool = False,
    stream: str = "",
) -> AsyncIterator[bytes]:
    """What a container has written, as it wrote it, in chunks of any size.

    With `follow` it goes on until `stopped` answers True (asked when there is nothing more to read;
    what was written until then is still read), across rotation of the file, and it waits for a file
    that isn't there yet. Without it, a missing file is an empty log. `tail_lines` counts whole
    lines from the end, before lines older than `since_nanoseconds` (since the epoch) are left out.
    `limit_bytes` is exact. `timestamps` puts the time, with nine digits, before each line. `stream`
    is "stdout" or "stderr"; empty means both.
    """
    form = _Form(since_nanoseconds, timestamps=timestamps, stream=stream.encode())
    left = limit_bytes
    ends = stopped if follow else lambda: True
    async with aclosing(_entries(path, clock, tail_lines, ends)) as blocks:
        async for entries in blocks:
            chunk = b"".join(form.apply(entry) for entry in entries)
            if left is not None:
                chunk = chunk[:left]
                left -= len(chunk)
            if chunk:
                yield chunk
            if left == 0:
                return


class _Form:
    """Turns entries into what a reader of the log sees."""

    def __init__(self, since_nanoseconds: int, *, timestamps: bool, stream: bytes) -> None:
        self._since_nanoseconds = since_nanoseconds
        self._timestamps = timestamps
        self._stream = stream
        # Streams whose last entry was partial: the next one goes on with its line.
        self._within_line: set[bytes] = set()

    def apply(self, entry: Entry) -> bytes:
        if self._stream and entry.stream != self._stream:
            return b""
        if self._since_nanoseconds and entry.nanoseconds() < self._since_nanoseconds:
            return b""
        prefix = b""
        if self._timestamps and entry.stream not in self._within_line:
            prefix = format_time(entry.nanoseconds()) + b" "
        if entry.partial:
            self._within_line.add(entry.stream)
            return prefix + entry.content
        self._within_line.discard(entry.stream)
        return prefix + entry.content + b"\n"


async def _entries(
    path: Path, clock: Clock, tail_lines: int | None, stopped: Callable[[], bool]
) -> AsyncGenerator[list[Entry], None]:
    """The entries of the file at `path`, and of those that take its place, until `stopped`."""
    file, sleep_seconds = _open(path), _SLEEP_SECONDS_MIN
    try:
        if file is not None and tail_lines is not None:
            file.seek_tail(tail_lines)
        while True:
            # Both are asked before reading, so that nothing written until then is missed.
            ends, following = stopped(), _successor(path, file)
            found = False
            while file is not None and (entries := file.read_entries()) is not None:
                found = True
                yield entries
                await anyio.lowlevel.checkpoint()
            if following is not None:
                if file is not None:
                    file.close()
                file = following
                continue
            if ends:
                return
            sleep_seconds = _SLEEP_SECONDS_MIN if found else sleep_seconds
            await clock.sleep(sleep_seconds)
            sleep_seconds = min(2 * sleep_seconds, _SLEEP_SECONDS_MAX)
    finally:
        if file is not None:
            file.close()


class _LogFile:
    """One open file and how far it was read."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._rest = b""
        self._offset = 0

    def close(self) -> None:
        os.close(self._descriptor)

    def identity(self) -> tuple[int, int]:
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino

    def read_entries(self) -> list[Entry] | None:
        """The entries of the next block, perhaps none; None at the end of the file."""
        block = os.pread(self._descriptor, _BLOCK_BYTES, self._offset)
        if not block:
            if os.fstat(self._descriptor).st_size < self._offset:
                # Truncated in place: what is there now is new.
                self._offset, self._rest = 0, b""
                return []
            return None
        self._offset += len(block)
        *lines, self._rest = (self._rest + block).split(b"\n")
        return [entry for entry in map(parse_entry, lines) if entry is not None]

    def seek_tail(self, lines: int) -> None:
        """Go to where the last `lines` whole lines begin, reading blocks from the end."""
        self._offset = os.fstat(self._descriptor).st_size
        counted, is_last = 0, True
        for end, line in self._lines_backwards(self._offset):
            entry = parse_entry(line)
            # A line that isn't finished yet counts too.
            if is_last or entry is None or not entry.partial:
                counted += 1
            is_last = False
            if counted > lines:
                self._offset = end
                return
        self._offset = 0

    def _lines_backwards(self, size: int) -> Iterator[tuple[int, bytes]]:
        """Each ended line with the offset after its newline, the last one first."""
        pieces = self._pieces_backwards(size)
        # What follows the last newline of the file is an entry that is being written.
        position = size - len(next(pieces)) - 1
        for piece in pieces:
            yield position + 1, piece
            position -= len(piece) + 1

    def _pieces_backwards(self, size: int) -> Iterator[bytes]:
        """What stands between the newlines of the first `size` bytes, the last piece first."""
        start, rest = size, b""
        while start > 0:
            length = min(_BLOCK_BYTES, start)
            start -= length
            rest, *pieces = (os.pread(self._descriptor, length, start) + rest).split(b"\n")
            yield from reversed(pieces)
        yield rest


def _open(path: Path) -> _LogFile | None:
    try:
        return _LogFile(path)
    except FileNotFoundError:
        return None


def _successor(path: Path, current: _LogFile | None) -> _LogFile | None:
    """The file that has taken the place of `current`, if another one has."""
    if current is None:
        return _open(path)
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return None if (status.st_dev, status.st_ino) == current.identity() else _open(path)
