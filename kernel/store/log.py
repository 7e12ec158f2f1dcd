"""The event log: append writes, read what is now and what was when.

No threads and no waiting here. A `Log` may be read from any thread; what writes is for one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lmdb
import msgspec

from kernel.store import schema, time_travel
from kernel.store.environment import MAP_SIZE_BYTES, Environment
from kernel.store.errors import Compacted, PreconditionFailed
from kernel.store.schema import Entry, Verb


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
    `ACTOR_BYTES_MAX`, the idempotency key `IDEMPOTENCY_KEY_BYTES_MAX`.

    A write with the idempotency key of an earlier one does nothing and is answered that one's
    entries, until they are compacted. A write that changed nothing is not remembered.
    """

    operations: Sequence[Operation]
    actor: str = ""
    cause: int = 0
    idempotency_key: str = ""


class Appended(msgspec.Struct, frozen=True):
    """A write's entries; `repeated` where an earlier write of its idempotency key made them."""

    entries: list[Entry]
    repeated: bool = False


class Item(msgspec.Struct, frozen=True, gc=False):
    """A key with its value, and the revision of the entry that set it."""

    key: str
    revision: int
    value: bytes


class Log:
    """The log and its views in one directory. Raises what `Environment` raises."""

    def __init__(
        self,
        directory: Path,
        *,
        readonly: bool = False,
        sync: bool = True,
        map_size_bytes: int = MAP_SIZE_BYTES,
    ):
        self.environment = Environment(
            directory, readonly=readonly, sync=sync, map_size_bytes=map_size_bytes
        )
        self.directory = directory

    def close(self) -> None:
        """Close the environment; reads and appends raise `StoreClosed` from here on."""
        self.environment.close()

    # Writing

    def append(
        self, writes: Sequence[Write], time_nanoseconds: int
    ) -> list[Appended | PreconditionFailed]:
        """Append all writes in one LMDB transaction, durable on return where `sync` is set.

        Answers, for each write, its entries, or why it did not happen (the others still do).
        Raises `StoreFull` or `StoreError`, and then none of them has happened.
        """
        outcomes: list[Appended | PreconditionFailed] = []
        with self.environment.writing() as transaction:
            newest = newest_entry(self.environment, transaction)
            revision = newest.revision if newest else 0
            if newest:  # a clock that was set back must not reorder the log
                time_nanoseconds = max(time_nanoseconds, newest.time_nanoseconds)
            for write in writes:
                outcome = self._append_one(transaction, write, revision, time_nanoseconds)
                if isinstance(outcome, Appended) and not outcome.repeated:
                    revision += len(outcome.entries)
                outcomes.append(outcome)
        return outcomes

    def _append_one(
        self,
        transaction: lmdb.Transaction[bytes],
        write: Write,
        revision: int,
        time_nanoseconds: int,
    ) -> Appended | PreconditionFailed:
        if write.idempotency_key:
            remembered = self._remembered(transaction, write.idempotency_key)
            if remembered:
                return Appended(remembered, repeated=True)
        head = self.environment.head
        present: dict[bytes, int] = {}  # what earlier operations of this write have made of keys
        entries: list[tuple[bytes, Entry, bytes | None]] = []
        for operation in write.operations:
            key, value, expected = (
                operation.key.encode(),
                operation.value,
                operation.expected_revision,
            )
            previous = present.get(key)
            if previous is None:
                packed = transaction.get(key, db=head)
                previous = schema.unpack_revision(packed) if packed else 0
            if expected is not None and expected != previous:
                return PreconditionFailed(operation.key, expected, previous)
            if value is not None:
                verb, recorded = Verb.UPDATE if previous else Verb.CREATE, value
            elif previous:
                verb, recorded = Verb.DELETE, operation.last_value
            else:
                continue  # deleting what is not there is no change
            revision += 1
            present[key] = 0 if value is None else revision
            entry = Entry.make(
                *(revision, time_nanoseconds, verb, operation.key, recorded, previous),
                *(write.actor, write.cause, write.idempotency_key),
            )
            entries.append((key, entry, value))
        for key, entry, value in entries:
            put(self.environment, transaction, key, entry, value)
        if write.idempotency_key and entries:
            packed = schema.encode_remembered(entries[0][1].revision, len(entries))
            key = write.idempotency_key.encode()
            transaction.put(key, packed, db=self.environment.idempotency)
        return Appended([entry for _, entry, _ in entries])

    def save_projection(self, name: str, revision: int, version: int, state: bytes) -> None:
        """Replace a projection's checkpoint. Raises `StoreFull` or `StoreError`."""
        packed = schema.encode_projection(revision, version, state)
        with self.environment.writing() as transaction:
            transaction.put(name.encode(), packed, db=self.environment.projections)

    # Reading

    def last_revision(self) -> int:
        """The newest entry's revision; 0 for an empty log."""
        with self.environment.reading() as transaction:
            return last_revision(self.environment, transaction)

    def compacted_revision(self) -> int:
        """The compaction point; 0 where nothing was compacted."""
        with self.environment.reading() as transaction:
            return self.environment.revision_in_meta(transaction, schema.META_COMPACTED)

    def get(self, key: str, *, at: int | None = None) -> Item | None:
        """A key as it is now, or was at a revision. Raises `Compacted`, `FutureRevision`."""
        with self.environment.reading() as transaction:
            if at is not None and self._is_past(transaction, at):
                found = time_travel.get(self.environment, transaction, key.encode(), at)
                return None if found is None else Item(key, *found)
            packed = transaction.get(key.encode(), db=self.environment.head)
        return None if packed is None else Item(key, *schema.decode_head(packed))

    def scan(
        self, prefix: str, *, after_key: str = "", limit: int = 0, at: int | None = None
    ) -> tuple[list[Item], int]:
        """Keys that start with `prefix`, in order, those after `after_key`, at most `limit` of
        them where that is not 0; and the revision that this is the state of (`at`, or the newest).

        Raises `Compacted`, `FutureRevision`.
        """
        start = (after_key + "\0" if after_key else prefix).encode()
        packed_prefix = prefix.encode()
        items: list[Item] = []
        with self.environment.reading() as transaction:
            if at is not None and self._is_past(transaction, at):
                found = time_travel.scan(self.environment, transaction, start, packed_prefix, at)
                for key, revision, value in found:
                    items.append(Item(key.decode(), revision, value))
                    if len(items) == limit:
                        break
                return items, at
            revision = last_revision(self.environment, transaction)
            with transaction.cursor(db=self.environment.head) as cursor:
                if not cursor.set_range(start):
                    return items, revision
                for key, packed in cursor:
                    if not key.startswith(packed_prefix):
                        break
                    items.append(Item(key.decode(), *schema.decode_head(packed)))
                    if len(items) == limit:
                        break
        return items, revision

    def count(self, prefix: str, *, after_key: str = "", at: int | None = None) -> int:
        """How many keys `scan` would answer without a limit."""
        start = (after_key + "\0" if after_key else prefix).encode()
        packed_prefix = prefix.encode()
        total = 0
        with self.environment.reading() as transaction:
            if at is not None and self._is_past(transaction, at):
                found = time_travel.scan(self.environment, transaction, start, packed_prefix, at)
                return sum(1 for _ in found)
            with transaction.cursor(db=self.environment.head) as cursor:
                if cursor.set_range(start):
                    for key in cursor.iternext(keys=True, values=False):
                        if not key.startswith(packed_prefix):
                            break
                        total += 1
        return total

    def _is_past(self, transaction: lmdb.Transaction[bytes], at: int) -> bool:
        """Whether the views of the present can't answer. Raises `Compacted`, `FutureRevision`."""
        newest = last_revision(self.environment, transaction)
        time_travel.require_reach(self.environment, transaction, at, newest)
        return at < newest

    def revision_at(self, time_nanoseconds: int) -> int:
        """The newest revision that was written at that time or before; 0 where none was."""
        with self.environment.reading() as transaction:
            return time_travel.revision_at(self.environment, transaction, time_nanoseconds)

    def entry(self, revision: int) -> Entry | None:
        """One entry of the log. Raises `CorruptEntry`."""
        with self.environment.reading() as transaction:
            return time_travel.entry(self.environment, transaction, revision)

    def entries(
        self,
        first_revision: int,
        *,
        prefix: str = "",
        last_revision: int = 0,
        scan_limit: int = 0,
        with_gaps: bool = False,
    ) -> tuple[list[Entry], int]:
        """Entries from `first_revision` to `last_revision` (0: the newest) whose key starts with
        `prefix`; and the revision of the last entry looked at, matching or not.

        At most `scan_limit` entries are looked at where that is not 0. Raises `Compacted`, unless
        `with_gaps` allows for what compaction has taken out.
        """
        first_revision = max(first_revision, 1)
        packed_prefix = prefix.encode()
        found: list[Entry] = []
        looked_at = first_revision - 1
        with self.environment.reading() as transaction:
            oldest = self.environment.revision_in_meta(transaction, schema.META_COMPACTED)
            if first_revision < oldest and not with_gaps:
                raise Compacted(first_revision, oldest)
            with transaction.cursor(db=self.environment.log) as cursor:
                if not cursor.set_range(schema.pack_revision(first_revision)):
                    return found, looked_at
                for scanned, (packed, record) in enumerate(cursor, start=1):
                    revision = int.from_bytes(packed)
                    if last_revision and revision > last_revision:
                        break
                    looked_at = revision
                    if not packed_prefix or schema.key_of_record(record).startswith(packed_prefix):
                        found.append(Entry(revision, record))
                    if scanned == scan_limit:
                        break
        return found, looked_at

    def history(self, key: str) -> list[int]:
        """The revisions of all entries of a key that are in the log, oldest first."""
        with (
            self.environment.reading() as transaction,
            transaction.cursor(db=self.environment.history) as cursor,
        ):
            if not cursor.set_key(key.encode()):
                return []
            return [schema.unpack_revision(packed) for packed in cursor.iternext_dup()]

    def remembered(self, idempotency_key: str) -> list[Entry]:
        """The entries of the write that had this idempotency key; none where there is none."""
        with self.environment.reading() as transaction:
            return self._remembered(transaction, idempotency_key)

    def _remembered(
        self, transaction: lmdb.Transaction[bytes], idempotency_key: str
    ) -> list[Entry]:
        packed = transaction.get(idempotency_key.encode(), db=self.environment.idempotency)
        if packed is None:
            return []
        first, count = schema.decode_remembered(packed)
        if first <= self.environment.revision_in_meta(transaction, schema.META_COMPACTED):
            return []  # the sweep has not come there yet
        found = [
            time_travel.entry(self.environment, transaction, revision)
            for revision in range(first, first + count)
        ]
        return [entry for entry in found if entry is not None]

    def projection(self, name: str) -> tuple[int, int, bytes] | None:
        """Revision, version and state of a projection's checkpoint."""
        with self.environment.reading() as transaction:
            packed = transaction.get(name.encode(), db=self.environment.projections)
        return None if packed is None else schema.decode_projection(packed)


def put(
    environment: Environment,
    transaction: lmdb.Transaction[bytes],
    key: bytes,
    entry: Entry,
    value: bytes | None,
) -> None:
    """Put an entry at the end of the log and into its views; its key and what it sets that to."""
    packed_revision = schema.pack_revision(entry.revision)
    transaction.put(packed_revision, entry.record, db=environment.log, append=True)
    if value is None:
        transaction.delete(key, db=environment.head)
    else:
        transaction.put(key, packed_revision + value, db=environment.head)
    transaction.put(key, packed_revision, db=environment.history)


def newest_entry(environment: Environment, transaction: lmdb.Transaction[bytes]) -> Entry | None:
    """The last entry of the log."""
    with transaction.cursor(db=environment.log) as cursor:
        return Entry(int.from_bytes(cursor.key()), cursor.value()) if cursor.last() else None


def last_revision(environment: Environment, transaction: lmdb.Transaction[bytes]) -> int:
    """The newest entry's revision; 0 for an empty log."""
    with transaction.cursor(db=environment.log) as cursor:
        return int.from_bytes(cursor.key()) if cursor.last() else 0
