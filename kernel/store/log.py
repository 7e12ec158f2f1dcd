"""The LMDB environment: append writes, read at present or at a revision, scan.

No threads and no waiting here. A `Log` may be read from any thread; `append` is for one thread.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import lmdb
import msgspec

from kernel.store import schema
from kernel.store.errors import (
    Compacted,
    DirectoryUnusable,
    PreconditionFailed,
    StoreClosed,
    StoreError,
    StoreFull,
    UnknownFormat,
)
from kernel.store.schema import Entry, Verb

MAP_SIZE_BYTES = 256 * 1024**3  # address space, not memory: the file grows with what is written
READERS_MAX = 1024
READERS_FILE_BYTES = READERS_MAX * 64 + 4096  # LMDB has a cache line for each, and a header
NEARLY_FULL_BYTES = 64 * 1024**2  # below this, an interrupted write is put down to a full disk


class Operation(msgspec.Struct, frozen=True):
    """Set a key (`value`), or delete it (`value` None; its last state is then `last_value`).

    `expected_revision`: None is any, 0 is "must not exist", else the revision it must be at.
    """

    key: str
    value: bytes | None
    expected_revision: int | None = None
    last_value: bytes = b""


class Write(msgspec.Struct, frozen=True):
    """Operations that happen together or not at all, by one actor for one cause.

    They take effect in order, each on what those before it have left. A key starts with a slash,
    does not end with one, and has at most `KEY_BYTES_MAX` bytes; the actor has at most
    `ACTOR_BYTES_MAX`.
    """

    operations: Sequence[Operation]
    actor: str = ""
    cause: int = 0


class Item(msgspec.Struct, frozen=True):
    """A key with its value, and the revision of the entry that set it."""

    key: str
    revision: int
    value: bytes


class Log:
    """The log and its views in one directory. Raises `DirectoryUnusable`, `UnknownFormat`."""

    def __init__(self, directory: Path, *, readonly: bool = False, sync: bool = True):
        self.directory = directory
        try:
            if not readonly:
                _reserve_readers_file(directory)
            self._environment = lmdb.open(
                str(directory),
                map_size=MAP_SIZE_BYTES,
                max_dbs=len(schema.DATABASES),
                max_readers=READERS_MAX,
                readonly=readonly,
                create=not readonly,
                sync=sync,
                metasync=sync,
                mode=0o600,
            )
        except (lmdb.Error, OSError) as error:
            raise DirectoryUnusable(f"{directory}: no event log can be opened: {error}") from error
        self._closed = False
        try:
            empty = self._environment.stat()["entries"] == 0
            if empty and not readonly:
                self._make_databases()
            self._open_databases()
            if not readonly:
                # What killed readers have left would keep old pages from being used again.
                self._environment.reader_check()
        except lmdb.NotFoundError as error:
            self._environment.close()
            raise DirectoryUnusable(f"{directory}: not an event log") from error
        except lmdb.Error as error:
            self._environment.close()
            raise DirectoryUnusable(f"{directory}: not an event log: {error}") from error
        except StoreError:
            self._environment.close()
            raise

    def _make_databases(self) -> None:
        """Make all or, where the process is killed meanwhile, none."""
        with self._environment.begin(write=True) as transaction:
            meta = self._environment.open_db(b"meta", transaction)
            transaction.put(schema.META_FORMAT, str(schema.FORMAT).encode(), db=meta)
            self._environment.open_db(b"log", transaction)
            self._environment.open_db(b"head", transaction)
            self._environment.open_db(b"history", transaction, dupsort=True, dupfixed=True)

    def _open_databases(self) -> None:
        meta = self._environment.open_db(b"meta", create=False)
        with self._environment.begin(db=meta) as transaction:
            found = transaction.get(schema.META_FORMAT) or b"none"
        if found != str(schema.FORMAT).encode():
            raise UnknownFormat(
                f"{self.directory} has format {found.decode(errors='replace')}; "
                f"this podkernel knows format {schema.FORMAT}"
            )
        self._log = self._environment.open_db(b"log", create=False)
        self._head = self._environment.open_db(b"head", create=False)
        self._history = self._environment.open_db(b"history", create=False)

    def close(self) -> None:
        """Close the environment; reads and appends raise `StoreClosed` from here on."""
        self._closed = True
        self._environment.close()

    def _reading(self, database: lmdb._Database) -> lmdb.Transaction[bytes]:
        if self._closed:
            raise StoreClosed("the store has been closed")
        return self._environment.begin(db=database)

    # Writing

    def append(
        self, writes: Sequence[Write], time_nanoseconds: int
    ) -> list[list[Entry] | PreconditionFailed]:
        """Append all writes in one LMDB transaction, durable on return where `sync` is set.

        Answers, for each write, its entries, or why it did not happen (the others still do).
        Raises `StoreFull` or `StoreError`, and then none of them has happened.
        """
        if self._closed:
            raise StoreClosed("the store has been closed")
        outcomes: list[list[Entry] | PreconditionFailed] = []
        try:
            with self._environment.begin(write=True) as transaction:
                revision = self._last_revision(transaction)
                for write in writes:
                    outcome = self._append_one(transaction, write, revision, time_nanoseconds)
                    if isinstance(outcome, list):
                        revision += len(outcome)
                    outcomes.append(outcome)
        except (lmdb.Error, OSError) as error:
            if self._is_out_of_space(error):
                raise StoreFull(f"{self.directory}: no space left for the write") from error
            raise StoreError(f"{self.directory}: {error}") from error
        return outcomes

    def _is_out_of_space(self, error: Exception) -> bool:
        if isinstance(error, lmdb.MapFullError):
            return True
        code = getattr(error, "code", None) or getattr(error, "errno", None)
        if code == errno.EIO:  # LMDB's answer when the kernel took the first part of a write only
            status = os.statvfs(self.directory)
            return status.f_bavail * status.f_frsize < NEARLY_FULL_BYTES
        return code in (errno.ENOSPC, errno.EDQUOT)

    def _append_one(
        self,
        transaction: lmdb.Transaction[bytes],
        write: Write,
        revision: int,
        time_nanoseconds: int,
    ) -> list[Entry] | PreconditionFailed:
        present: dict[str, int] = {}  # what earlier operations of this write have made of keys
        entries = []
        for operation in write.operations:
            previous = present.get(operation.key)
            if previous is None:
                packed = transaction.get(operation.key.encode(), db=self._head)
                previous = schema.unpack_revision(packed) if packed else 0
            if operation.expected_revision not in (None, previous):
                return PreconditionFailed(operation.key, operation.expected_revision or 0, previous)
            if operation.value is None and not previous:
                continue  # deleting what is not there is no change
            revision += 1
            if operation.value is None:
                verb, value = Verb.DELETE, operation.last_value
            else:
                verb, value = Verb.UPDATE if previous else Verb.CREATE, operation.value
            present[operation.key] = 0 if verb is Verb.DELETE else revision
            entries.append(
                Entry(
                    revision,
                    time_nanoseconds,
                    verb,
                    operation.key,
                    value,
                    previous,
                    write.actor,
                    write.cause,
                )
            )
        for entry in entries:
            self._put(transaction, entry)
        return entries

    def _put(self, transaction: lmdb.Transaction[bytes], entry: Entry) -> None:
        packed_revision = schema.pack_revision(entry.revision)
        key = entry.key.encode()
        transaction.put(packed_revision, schema.encode_entry(entry), db=self._log, append=True)
        if entry.verb is Verb.DELETE:
            transaction.delete(key, db=self._head)
        else:
            transaction.put(key, packed_revision + entry.value, db=self._head)
        transaction.put(key, packed_revision, db=self._history)

    # Reading

    def _last_revision(self, transaction: lmdb.Transaction[bytes]) -> int:
        with transaction.cursor(db=self._log) as cursor:
            return schema.unpack_revision(cursor.key()) if cursor.last() else 0

    def last_revision(self) -> int:
        """The newest entry's revision; 0 for an empty log."""
        with self._reading(self._log) as transaction:
            return self._last_revision(transaction)

    def oldest_revision(self) -> int:
        """The revision of the first entry that is still there; 1 for an empty log."""
        with self._reading(self._log) as transaction, transaction.cursor() as cursor:
            return schema.unpack_revision(cursor.key()) if cursor.first() else 1

    def get(self, key: str) -> Item | None:
        """A key as it is now."""
        with self._reading(self._head) as transaction:
            packed = transaction.get(key.encode())
        return None if packed is None else Item(key, *schema.decode_head(packed))

    def entry(self, revision: int) -> Entry | None:
        """One entry of the log."""
        with self._reading(self._log) as transaction:
            record = transaction.get(schema.pack_revision(revision))
        return None if record is None else schema.decode_entry(revision, record)

    def scan(self, prefix: str, *, after_key: str = "", limit: int = 0) -> tuple[list[Item], int]:
        """Keys that start with `prefix`, in order, those after `after_key`, at most `limit` of
        them where that is not 0; and the newest revision at that moment."""
        start = (after_key + "\0" if after_key else prefix).encode()
        packed_prefix = prefix.encode()
        items: list[Item] = []
        with self._reading(self._head) as transaction:
            revision = self._last_revision(transaction)
            with transaction.cursor(db=self._head) as cursor:
                if not cursor.set_range(start):
                    return items, revision
                for key, packed in cursor:
                    if not key.startswith(packed_prefix):
                        break
                    items.append(Item(key.decode(), *schema.decode_head(packed)))
                    if len(items) == limit:
                        break
        return items, revision

    def count(self, prefix: str, *, after_key: str = "") -> int:
        """How many keys `scan` would answer without a limit."""
        start = (after_key + "\0" if after_key else prefix).encode()
        packed_prefix = prefix.encode()
        total = 0
        with self._reading(self._head) as transaction, transaction.cursor() as cursor:
            if cursor.set_range(start):
                for key in cursor.iternext(keys=True, values=False):
                    if not key.startswith(packed_prefix):
                        break
                    total += 1
        return total

    def entries(
        self, first_revision: int, *, prefix: str = "", last_revision: int = 0, scan_limit: int = 0
    ) -> tuple[list[Entry], int]:
        """Entries from `first_revision` to `last_revision` (0: the newest) whose key starts with
        `prefix`; and the revision of the last entry looked at, matching or not.

        At most `scan_limit` entries are looked at where that is not 0. Raises `Compacted`.
        """
        first_revision = max(first_revision, 1)
        packed_prefix = prefix.encode()
        found: list[Entry] = []
        looked_at = first_revision - 1
        with self._reading(self._log) as transaction, transaction.cursor() as cursor:
            if not cursor.set_range(schema.pack_revision(first_revision)):
                return found, looked_at
            self._require_reach(cursor, first_revision)
            for scanned, (packed, record) in enumerate(cursor, start=1):
                revision = schema.unpack_revision(packed)
                if last_revision and revision > last_revision:
                    break
                looked_at = revision
                if not packed_prefix or schema.key_of_record(record).startswith(packed_prefix):
                    found.append(schema.decode_entry(revision, record))
                if scanned == scan_limit:
                    break
        return found, looked_at

    def _require_reach(self, cursor: lmdb.Cursor[bytes], first_revision: int) -> None:
        """Raise `Compacted` where entries from `first_revision` on are missing at the start."""
        if schema.unpack_revision(cursor.key()) == first_revision:
            return
        raise Compacted(first_revision, schema.unpack_revision(cursor.key()))

    def history(self, key: str) -> list[int]:
        """The revisions of all entries of a key, oldest first."""
        with self._reading(self._history) as transaction, transaction.cursor() as cursor:
            if not cursor.set_key(key.encode()):
                return []
            return [schema.unpack_revision(packed) for packed in cursor.iternext_dup()]


def _reserve_readers_file(directory: Path) -> None:
    """Give LMDB's table of readers its room on disk. LMDB would make a file with a hole and write
    to it through memory, which on a full disk kills the process instead of raising an error."""
    file = os.open(directory / "lock.mdb", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(file, 0, os.fstat(file).st_size or READERS_FILE_BYTES)
    finally:
        os.close(file)
