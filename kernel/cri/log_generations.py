"""The files that a log consists of over time: the one being written, and those moved aside.

A reader that is slow may be several files behind. It finds the next one by what was moved aside
since it opened its own:

    opened 0.log beside   0.log.T1.gz
    finds                 0.log.T1.gz  0.log.T2.gz  0.log.T3  0.log
                                       its own      the next one
"""

import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kernel.cri.log_entry import Entry, parse_entry
from kernel.cri.rotated_logs import COMPRESSED, rotated_logs

_BLOCK_BYTES = 64 * 1024


class Generations:
    """One reader's way through the files of the log at `path`, from the one that is written now.

    `present` is the file that it reads, None as long as there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Times of the files that were moved aside before the present one.
        self._before: set[str] = set()
        self.present: LogFile | None = None
        self.go_on()

    def close(self) -> None:
        """Let go of the present file."""
        if self.present is not None:
            self.present.close()

    def is_followed(self) -> bool:
        """Whether another file has taken the place of the present one."""
        return self._next() is not None

    def go_on(self) -> None:
        """To the next file, where there is one. The present one must have been read."""
        while (found := self._next()) is not None:
            path, before = found
            opened = _open(path)
            if path == self._path and set(rotated_logs(self._path)) != before:
                # Moved aside meanwhile: it may not be the next one.
                if opened is not None:
                    opened.close()
                continue
            if opened is not None:
                self.close()
                self.present, self._before = opened, before
            return

    def _next(self) -> tuple[Path, set[str]] | None:
        """The file after the present one, and the times of those that were moved aside before it;
        None where the present one is the newest."""
        newest = _identity(self._path)
        if self.present is not None and newest == self.present.identity():
            return None
        rotated = rotated_logs(self._path)
        if self.present is None:
            return (self._path, set(rotated)) if newest else None
        present, *later = [time for time in rotated if time not in self._before] or [""]
        if later:
            return rotated[later[0]], {*self._before, present}
        return (self._path, set(rotated)) if newest else None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _open(path: Path) -> "LogFile | None":
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if path.suffix == COMPRESSED:
        descriptor = _unpacked(descriptor)
    return LogFile(descriptor)


def _unpacked(descriptor: int) -> int:
    """What a compressed file holds, as a file without a name."""
    with (
        os.fdopen(descriptor, "rb") as packed,
        gzip.open(packed) as content,
        tempfile.TemporaryFile() as file,
    ):
        shutil.copyfileobj(content, file)
        file.flush()
        return os.dup(file.fileno())


class LogFile:
    """One open file and how far it was read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self._offset = 0

    def close(self) -> None:
        os.close(self._descriptor)

    def identity(self) -> tuple[int, int]:
        """What tells it from other files, whatever it is called."""
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
