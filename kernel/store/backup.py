"""One file that holds a store: written while the store is served, checked before it is used.

    ┌──────────────────────┬─────────────┬─────────────┬───────────┬───────────────┬──────────┐
    │ "podkernel backup\\n" │ header size │ header,     │ entries … │ projections … │ SHA-256  │
    │                      │ u32         │ JSON        │           │               │ of all   │
    └──────────────────────┴─────────────┴─────────────┴───────────┴───────────────┴──────────┘
    entry:       revision u64 │ size u32 │ record as in the log
    projection:  name size u32 │ size u32 │ name │ checkpoint as in the store

Numbers are big endian. The header has the format number, the revision that the backup is of, the
compaction point, and how many entries and projections follow.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from kernel.store import schema
from kernel.store.errors import DirectoryUnusable, StoreError, StoreFull, UnknownFormat
from kernel.store.schema import Entry
from kernel.store.snapshot import PROGRESS_ENTRIES, Extent, Progress, open_snapshot
from kernel.store.store import StoreReader

FORMAT = 1

_MAGIC = b"podkernel backup\n"
_SIZE = struct.Struct(">I")
_ENTRY = struct.Struct(">QI")
_PROJECTION = struct.Struct(">II")
_DIGEST_BYTES = hashlib.sha256().digest_size
_READ_BYTES = 1024**2


class BackupDamaged(StoreError):
    """The file is not a whole backup as it was written."""


class _Header(msgspec.Struct, frozen=True):
    format: int
    log_format: int
    extent: Extent
    projections: int


def back_up(source: StoreReader, file: Path) -> Iterator[Progress]:
    """Write the newest state to a file, which takes its name when it is whole and on disk.

    An iterator that reports progress and does its work as it is iterated. Raises `CorruptEntry`,
    `StoreFull`, and `DirectoryUnusable` where the file can't be written.
    """
    incomplete = file.with_name(f".{file.name}-incomplete")
    try:
        try:
            with open(incomplete, "wb", opener=_private) as stream:
                yield from _write(source, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(incomplete, file)
            sync_directory(file.parent)
        finally:
            incomplete.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"{file}: {error.strerror}") from error
        raise DirectoryUnusable(f"{file}: {error.strerror}") from error


def sync_directory(directory: Path) -> None:
    """Have the names in a directory on disk, as they are now. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    """Secrets are in the backup too."""
    return os.open(path, flags, 0o600)


def _write(source: StoreReader, stream: IO[bytes]) -> Iterator[Progress]:
    digest = hashlib.sha256()

    def write(data: bytes) -> None:
        digest.update(data)
        stream.write(data)

    with open_snapshot(source.environment) as snapshot:
        extent = snapshot.extent
        projections = list(snapshot.projections())
        header = msgspec.json.encode(_Header(FORMAT, schema.FORMAT, extent, len(projections)))
        write(_MAGIC + _SIZE.pack(len(header)) + header)
        yield Progress(0, extent.entries)
        for done, entry in enumerate(snapshot.entries(), start=1):
            write(_ENTRY.pack(entry.revision, len(entry.record)) + entry.record)
            if done % PROGRESS_ENTRIES == 0:
                yield Progress(done, extent.entries)
        for name, packed in projections:
            write(_PROJECTION.pack(len(name), len(packed)) + name + packed)
    stream.write(digest.digest())
    yield Progress(extent.entries, extent.entries)


class Backup:
    """A backup whose checksum has been found right, to be read once from its start to its end."""

    def __init__(self, stream: IO[bytes], header: _Header):
        self._stream = stream
        self._header = header

    @property
    def extent(self) -> Extent:
        """What it holds."""
        return self._header.extent

    def entries(self) -> Iterator[Entry]:
        """All entries, in order."""
        for _ in range(self.extent.entries):
            revision, size = _ENTRY.unpack(self._stream.read(_ENTRY.size))
            yield Entry(revision, self._stream.read(size))

    def projections(self) -> Iterator[tuple[bytes, bytes]]:
        """Name and checkpoint of all projections, after the entries have been read."""
        for _ in range(self._header.projections):
            name_size, size = _PROJECTION.unpack(self._stream.read(_PROJECTION.size))
            yield self._stream.read(name_size), self._stream.read(size)


@contextmanager
def open_backup(file: Path) -> Iterator[Backup]:
    """Check a file as a whole and open it.

    Raises `BackupDamaged`, `UnknownFormat`, and `DirectoryUnusable` where it can't be read.
    """
    try:
        stream = file.open("rb")
    except OSError as error:
        raise DirectoryUnusable(f"{file}: {error.strerror}") from error
    with stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise BackupDamaged(f"{file} is not a backup of podkernel, or its start is damaged")
        _require_checksum(stream, file)
        stream.seek(len(_MAGIC))
        (size,) = _SIZE.unpack(stream.read(_SIZE.size))
        packed = stream.read(size)
        found = msgspec.json.decode(packed, type=dict[str, object])
        formats = (found.get("format"), found.get("log_format"))
        if formats != (FORMAT, schema.FORMAT):
            raise UnknownFormat(
                f"{file} has format {formats[0]}.{formats[1]}; "
                f"this podkernel knows format {FORMAT}.{schema.FORMAT}"
            )
        yield Backup(stream, msgspec.json.decode(packed, type=_Header))


def _require_checksum(stream: IO[bytes], file: Path) -> None:
    stream.seek(0)
    left = os.fstat(stream.fileno()).st_size - _DIGEST_BYTES
    digest = hashlib.sha256()
    while left > 0:
        data = stream.read(min(_READ_BYTES, left))
        if not data:
            break
        left -= len(data)
        digest.update(data)
    if stream.read(_DIGEST_BYTES) != digest.digest():
        raise BackupDamaged(
            f"{file} is not what was written: it is cut short or damaged (its checksum is wrong)"
        )
