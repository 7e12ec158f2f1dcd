"""Container output as lines of a CRI log file: the form of a line, and the writer in the shim.

Standard library alone. The form is CRI's: time, stream, `F` for a full line or `P` for a part of
one that goes on in the next entry, and the content:

    2026-11-20T10:00:00.000000000Z stdout F hello
"""

import os
import time

# As containerd has it: longer lines are cut into entries of this size, tagged P but for the last.
PART_BYTES_MAX = 16 * 1024
_NANOSECONDS_PER_SECOND = 1_000_000_000


def format_time(nanoseconds: int) -> bytes:
    """RFC 3339 in UTC with nine digits: `2026-11-20T10:00:00.000000000Z`."""
    seconds, fraction = divmod(nanoseconds, _NANOSECONDS_PER_SECOND)
    parts = time.gmtime(seconds)
    return b"%04d-%02d-%02dT%02d:%02d:%02d.%09dZ" % (*parts[:6], fraction)


def format_entry(nanoseconds: int, stream: str, content: bytes, *, partial: bool = False) -> bytes:
    """One entry with its newline; `content` holds no newline."""
    tag = b"P" if partial else b"F"
    return b"%b %b %b %b\n" % (format_time(nanoseconds), stream.encode(), tag, content)


class LogWriter:
    """Appends the output of one container to its log file. Each stream has its own `LogStream`."""

    def __init__(self, path: str) -> None:
        """An empty `path` throws the output away."""
        self._path = path
        self._descriptor = -1
        self.reopen()

    def reopen(self) -> None:
        """Go on in a file at the path: the old one was moved away."""
        self.close()
        if self._path:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o640)

    def append(self, entries: bytes) -> None:
        """Entries that can't be written, as on a full disk, are lost: the container goes on."""
        view = memoryview(entries)
        while view and self._descriptor >= 0:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError:
                return

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LogStream:
    """Cuts one stream of output into entries."""

    def __init__(self, writer: LogWriter, stream: str) -> None:
        self._writer = writer
        self._stream = stream
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Write what `data` completes; a line without its end waits for more."""
        prefix = b"%b %b " % (format_time(time.time_ns()), self._stream.encode())
        *lines, rest = (self._rest + data).split(b"\n")
        entries = []
        for line in lines:
            while len(line) > PART_BYTES_MAX:
                entries += [prefix, b"P ", line[:PART_BYTES_MAX], b"\n"]
                line = line[PART_BYTES_MAX:]
            entries += [prefix, b"F ", line, b"\n"]
        while len(rest) > PART_BYTES_MAX:
            entries += [prefix, b"P ", rest[:PART_BYTES_MAX], b"\n"]
            rest = rest[PART_BYTES_MAX:]
        self._rest = rest
        if entries:
            self._writer.append(b"".join(entries))

    def finish(self) -> None:
        """The stream has ended: a last line without a newline is a line."""
        if self._rest:
            self._writer.append(format_entry(time.time_ns(), self._stream, self._rest))
            self._rest = b""
