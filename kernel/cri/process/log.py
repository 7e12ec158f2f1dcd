"""Container output into CRI log files: what the shim does with what it reads from pipes."""

import os
import time

from kernel.cri.log_format import PART_BYTES_MAX, format_entry, format_time

_NEWLINE = ord("\n")


class LogWriter:
    """Appends the output of one container to its log file. Each stream has its own `LogStream`."""

    def __init__(self, path: str) -> None:
        """An empty `path` throws the output away."""
        self._path = path
        self._descriptor = -1
        self._is_cut = False
        self.reopen()

    def reopen(self) -> None:
        """Go on in a file at the path: the old one was moved away."""
        self.close()
        if self._path:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o640)
            self._is_cut = False

    def append(self, entries: bytes) -> None:
        """Entries that can't be written, as on a full disk, are lost: the container goes on."""
        # What comes after half an entry begins on a line of its own.
        view = memoryview(b"\n" + entries if self._is_cut else entries)
        written = 0
        while written < len(view) and self._descriptor >= 0:
            try:
                written += os.write(self._descriptor, view[written:])
            except OSError:
                break
        if written:
            self._is_cut = view[written - 1] != _NEWLINE

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
