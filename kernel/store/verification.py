"""Whether a store is what was written: its log in itself, and its views against the log.

One walk over the log, with a few look-ups for each entry and no memory of those before:

1. Revisions grow, without a gap from the compaction point on; times do not decrease; the record
   has its checksum.
2. `history` has the entry. Its neighbour there, the entry of the same key before it, must be what
   the entry says of it.
3. Where the entry is the newest of its key, `head` has exactly its state, or none for a DELETE.
4. Where it is of a write with an idempotency key, that leads to it.

Then the views have as many items as entries have been met for them: so they have no others.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import lmdb

from kernel.store import schema
from kernel.store.environment import Environment
from kernel.store.errors import StoreDamaged
from kernel.store.schema import Entry, Verb
from kernel.store.snapshot import PROGRESS_ENTRIES, Progress
from kernel.store.store import StoreReader


def verify(reader: StoreReader) -> Iterator[Progress]:
    """Check a store, also while it is written; an iterator that reports progress.

    Raises `StoreDamaged`, whose message names the first entry, or key of a view, that is wrong.
    """
    with reader.environment.reading() as transaction:
        yield from _Verification(reader.environment, transaction).run()


class _Verification:
    def __init__(self, environment: Environment, transaction: lmdb.Transaction[bytes]):
        self._environment = environment
        self._transaction = transaction
        self._compacted = environment.revision_in_meta(transaction, schema.META_COMPACTED)
        self._swept = environment.revision_in_meta(transaction, schema.META_SWEPT)
        self._living = 0
        self._remembered = 0

    def run(self) -> Iterator[Progress]:
        total = self._transaction.stat(self._environment.log)["entries"]
        before: Entry | None = None
        done = 0
        yield Progress(done, total)
        with self._transaction.cursor(db=self._environment.log) as cursor:
            for packed, record in cursor:
                entry = Entry(int.from_bytes(packed), record)
                schema.verify_entry(entry.revision, record)
                self._check_order(before, entry)
                self._check_views_of(entry)
                before = entry
                done += 1
                if done % PROGRESS_ENTRIES == 0:
                    yield Progress(done, total)
        self._check_end(before)
        self._check_that_views_have_no_more(done)
        yield Progress(total, total)

    def _check_order(self, before: Entry | None, entry: Entry) -> None:
        expected = before.revision + 1 if before else 1
        if entry.revision > max(expected, self._compacted):
            raise StoreDamaged(f"entry {expected} is missing; the next is {entry.revision}")
        if before and entry.time_nanoseconds < before.time_nanoseconds:
            raise StoreDamaged(f"entry {entry.revision} is older than the entry before it")

    def _check_end(self, newest: Entry | None) -> None:
        reached = newest.revision if newest else 0
        if reached < self._compacted:
            raise StoreDamaged(
                f"the log ends at {reached}, before its compaction point {self._compacted}"
            )
        if self._swept > self._compacted:
            raise StoreDamaged(f"more is compacted than {self._compacted}: {self._swept}")

    def _check_views_of(self, entry: Entry) -> None:
        try:
            self._check_views(entry)
        except (struct.error, ValueError, OverflowError) as error:
            raise StoreDamaged(
                f"what the views have for entry {entry.revision} can't be read"
            ) from error

    def _check_views(self, entry: Entry) -> None:
        key = entry.key.encode()
        with self._transaction.cursor(db=self._environment.history) as cursor:
            if not cursor.set_key_dup(key, schema.pack_revision(entry.revision)):
                raise StoreDamaged(f"entry {entry.revision} is not in the history of {entry.key}")
            newest = not cursor.next_dup()
            cursor.set_key_dup(key, schema.pack_revision(entry.revision))
            older = int.from_bytes(cursor.value()) if cursor.prev_dup() else 0
        self._check_previous(entry, older)
        if newest:
            self._check_head(entry, key)
        if entry.idempotency_key and entry.revision > self._compacted:
            self._check_remembered(entry)

    def _check_previous(self, entry: Entry, older: int) -> None:
        previous = entry.previous_revision
        if (entry.verb is Verb.CREATE) != (previous == 0) or previous >= entry.revision:
            raise StoreDamaged(
                f"entry {entry.revision}, {entry.verb.name}, can't follow entry {previous}"
            )
        if previous and older != previous and (older or entry.revision > self._swept):
            raise StoreDamaged(
                f"entry {entry.revision} follows {previous}, "
                f"but the history of {entry.key} has {older or 'nothing'} before it"
            )
        if not previous and older:
            record = self._transaction.get(schema.pack_revision(older), db=self._environment.log)
            if record is None or Entry(older, record).verb is not Verb.DELETE:
                raise StoreDamaged(
                    f"entry {entry.revision} creates {entry.key}, which exists since {older}"
                )

    def _check_head(self, entry: Entry, key: bytes) -> None:
        packed = self._transaction.get(key, db=self._environment.head)
        if entry.verb is Verb.DELETE:
            if packed is not None:
                raise StoreDamaged(f"{entry.key} still exists after entry {entry.revision}")
            return
        self._living += 1
        if packed != schema.pack_revision(entry.revision) + entry.value:
            raise StoreDamaged(f"{entry.key} is not what entry {entry.revision} has made it")

    def _check_remembered(self, entry: Entry) -> None:
        packed = self._transaction.get(
            entry.idempotency_key.encode(), db=self._environment.idempotency
        )
        first, count = schema.decode_remembered(packed) if packed else (0, 0)
        if not first <= entry.revision < first + count:
            raise StoreDamaged(f"the idempotency key of entry {entry.revision} leads elsewhere")
        self._remembered += first == entry.revision

    def _check_that_views_have_no_more(self, entries: int) -> None:
        for view, found, expected in (
            ("history", self._count(self._environment.history), entries),
            ("head", self._count(self._environment.head), self._living),
            ("idempotency", self._count_remembered(), self._remembered),
        ):
            if found != expected:
                raise StoreDamaged(
                    f"{view} has {found} items, and the log has entries for {expected}"
                )

    def _count(self, database: lmdb._Database) -> int:
        return int(self._transaction.stat(database)["entries"])

    def _count_remembered(self) -> int:
        """Those of compacted writes are there until the sweep has come to them."""
        with self._transaction.cursor(db=self._environment.idempotency) as cursor:
            return sum(
                schema.decode_remembered(packed)[0] > self._compacted for _, packed in cursor
            )
