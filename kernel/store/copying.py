"""Copies of a store: forks, restored backups, imports, and the smaller file of a shrunk one.

A copy is made of entries alone, in order; head, history and idempotency keys are rebuilt from
them. It grows in a directory beside the target and gets its name when it is whole and on disk, so
what is interrupted leaves no half copy under the target's name. All functions are iterators that
report progress, and do their work as they are iterated.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import lmdb

from kernel.store import backup, schema
from kernel.store.environment import DATA_FILE_NAME, LOCK_FILE_NAME, Environment
from kernel.store.errors import DirectoryUnusable, StoreError
from kernel.store.lock import WriterLock
from kernel.store.log import put
from kernel.store.schema import Entry, Verb
from kernel.store.snapshot import PROGRESS_ENTRIES, Extent, Progress, open_snapshot
from kernel.store.store import LOG_DIRECTORY_NAME, StoreReader


def fork(source: StoreReader, target: Path, *, at: int | None = None) -> Iterator[Progress]:
    """Make the store `target`, which ends at revision `at` (by default the newest).

    Checkpoints of projections go along where they have not seen more. Raises `Compacted`,
    `FutureRevision`, `CorruptEntry`, and `DirectoryUnusable` where the target is not empty.
    """
    with open_snapshot(source.environment, at=at) as snapshot, _new_store(target) as copy:
        yield from copy.fill(snapshot.entries(), snapshot.extent)
        copy.finish(snapshot.extent, snapshot.projections())


def restore(file: Path, target: Path) -> Iterator[Progress]:
    """Make the store `target` from a backup, which is checked as a whole before.

    Raises `BackupDamaged`, `UnknownFormat`, and `DirectoryUnusable` where the target is not empty.
    """
    with backup.open_backup(file) as opened, _new_store(target) as copy:
        yield from copy.fill(opened.entries(), opened.extent)
        copy.finish(opened.extent, opened.projections())


def import_entries(
    entries: Iterable[Entry], target: Path, *, oldest_revision: int = 1, total: int = 0
) -> Iterator[Progress]:
    """Make the store `target` from entries in the order of their revisions.

    `oldest_revision` is that of the store that they come from: from there on, none may be
    missing. `total` is for the progress alone. Raises `StoreError` for entries in no good order,
    and `DirectoryUnusable` where the target is not empty.
    """
    compacted = oldest_revision if oldest_revision > 1 else 0
    with _new_store(target) as copy:
        extent = Extent(0, compacted, compacted, total)
        yield from copy.fill(_in_good_order(entries, compacted), extent)
        copy.finish(extent, ())


def _in_good_order(entries: Iterable[Entry], compacted: int) -> Iterator[Entry]:
    revision = time_nanoseconds = 0
    for entry in entries:
        if entry.revision <= revision:
            raise StoreError(f"entry {entry.revision} comes after entry {revision}")
        if entry.revision > max(revision + 1, compacted):
            raise StoreError(f"entries are missing between {revision} and {entry.revision}")
        if entry.time_nanoseconds < time_nanoseconds:
            raise StoreError(f"entry {entry.revision} is older than the entry before it")
        revision, time_nanoseconds = entry.revision, entry.time_nanoseconds
        yield entry


def shrink(directory: Path) -> Iterator[Progress]:
    """Write a store's file anew without the room that nothing uses, and put it in the old one's
    place. Raises `DirectoryHeld` while a process has it open for writing.

    The new file takes its place in one step, after its table of readers: whoever has the old one
    open goes on reading that.
    """
    place = directory / LOG_DIRECTORY_NAME
    lock = WriterLock(directory)
    try:
        staging = _make_staging(directory, LOG_DIRECTORY_NAME)
        try:
            with StoreReader.open(directory) as source:
                copy = _Copy(staging)
                try:
                    with open_snapshot(source.environment) as snapshot:
                        yield from copy.fill(snapshot.entries(), snapshot.extent)
                        copy.finish(snapshot.extent, snapshot.projections())
                finally:
                    copy.close()
            for name in (LOCK_FILE_NAME, DATA_FILE_NAME):
                os.replace(staging / LOG_DIRECTORY_NAME / name, place / name)
            backup.sync_directory(place)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        lock.release()


@contextmanager
def _new_store(target: Path) -> Iterator[_Copy]:
    """A copy that becomes `target` at the end, or is removed where that is not reached."""
    _require_empty(target)
    staging = _make_staging(target.absolute().parent, target.name)
    try:
        copy = _Copy(staging)
        try:
            yield copy
        finally:
            copy.close()
        try:
            os.rename(staging, target)
            backup.sync_directory(target.absolute().parent)
        except OSError as error:
            raise DirectoryUnusable(f"{target}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _require_empty(target: Path) -> None:
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise DirectoryUnusable(f"{target} is not an empty directory")
    except OSError as error:
        raise DirectoryUnusable(f"{target}: {error.strerror}") from error


def _make_staging(parent: Path, name: str) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(tempfile.mkdtemp(prefix=f".{name}-incomplete-", dir=parent))
    except OSError as error:
        raise DirectoryUnusable(f"{parent}: {error.strerror}") from error


class _Copy:
    """A store that grows from entries."""

    def __init__(self, directory: Path):
        path = directory / LOG_DIRECTORY_NAME
        path.mkdir(mode=0o700)
        self._environment = Environment(path, sync=False)
        self._path = path

    def fill(self, entries: Iterator[Entry], extent: Extent) -> Iterator[Progress]:
        """Put entries in, a portion in a transaction. Raises `StoreFull`."""
        done = 0
        yield Progress(done, extent.entries)
        while portion := list(islice(entries, PROGRESS_ENTRIES)):
            with self._environment.writing() as transaction:
                for entry in portion:
                    key = entry.key.encode()
                    value = None if entry.verb is Verb.DELETE else entry.value
                    put(self._environment, transaction, key, entry, value)
                    if entry.revision > extent.compacted:
                        self._remember(transaction, entry)
            done += len(portion)
            yield Progress(done, max(done, extent.entries))

    def _remember(self, transaction: lmdb.Transaction[bytes], entry: Entry) -> None:
        """The entries of a write follow one another."""
        key = entry.idempotency_key.encode()
        if not key:
            return
        packed = transaction.get(key, db=self._environment.idempotency)
        first, count = schema.decode_remembered(packed) if packed else (entry.revision, 0)
        if first + count != entry.revision:
            first, count = entry.revision, 0
        packed = schema.encode_remembered(first, count + 1)
        transaction.put(key, packed, db=self._environment.idempotency)

    def finish(self, extent: Extent, projections: Iterable[tuple[bytes, bytes]]) -> None:
        """Add what is not in entries, and have all of it on disk."""
        with self._environment.writing() as transaction:
            for name, revision in (
                (schema.META_COMPACTED, extent.compacted),
                (schema.META_SWEPT, extent.swept),
            ):
                if revision:
                    transaction.put(name, str(revision).encode(), db=self._environment.meta)
            for name, packed in projections:
                transaction.put(name, packed, db=self._environment.projections)
        self._environment.sync()
        backup.sync_directory(self._path)

    def close(self) -> None:
        self._environment.close()
