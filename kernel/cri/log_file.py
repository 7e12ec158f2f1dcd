"""Reads a container's log file in CRI's format, for every runtime; `log_format` has the format.

Runtimes differ in small things: containerd trims zeros from the fraction of a second and writes the
machine's time zone, and cuts long lines into entries of 16 KiB that are tagged P but for the last.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import anyio.lowlevel

from kernel.clock import Clock
from kernel.cri.log_entry import Entry, parse_entry
from kernel.cri.log_format import format_entry, format_time
from kernel.cri.log_generations import Generations

__all__ = ["Entry", "format_entry", "format_time", "parse_entry", "read_log"]

# A follower looks again soon after output came, and more and more seldom while none comes.
_SLEEP_SECONDS_MIN = 0.01
_SLEEP_SECONDS_MAX = 0.1
# A runtime may still write what it had in hand to a file after it has opened the next one.
_LATE_SECONDS = 0.05


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
    generations, sleep_seconds = Generations(path), _SLEEP_SECONDS_MIN
    try:
        if generations.present is not None and tail_lines is not None:
            generations.present.seek_tail(tail_lines)
        while True:
            # Both are asked before reading, so that nothing written until then is missed.
            ends, is_followed = stopped(), generations.is_followed()
            found = False
            for wait_seconds in (0, _LATE_SECONDS) if is_followed else (0,):
                if wait_seconds and generations.present is not None:
                    await clock.sleep(wait_seconds)
                file = generations.present
                while file is not None and (entries := file.read_entries()) is not None:
                    found = True
                    yield entries
                    await anyio.lowlevel.checkpoint()
            if is_followed:
                generations.go_on()
                continue
            if ends:
                return
            sleep_seconds = _SLEEP_SECONDS_MIN if found else sleep_seconds
            await clock.sleep(sleep_seconds)
            sleep_seconds = min(2 * sleep_seconds, _SLEEP_SECONDS_MAX)
    finally:
        generations.close()
