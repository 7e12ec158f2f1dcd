"""Compaction: which revision the log may begin at, and taking out what lies behind it, by steps.

1. `begin` moves the compaction point; from then on, no read reaches behind it.
2. `sweep` handles some of the entries up to that point: what an entry has replaced goes, and the
   entry itself where it is a DELETE. So each entry is looked at once in its life, and the cost of
   a compaction is that of the entries since the last one, however long the log.

The entry at the compaction point itself stays, so that the log has no gap from there on.
"""

from __future__ import annotations

import lmdb
import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.store import schema, time_travel
from kernel.store.errors import FutureRevision
from kernel.store.log import Log, last_revision
from kernel.store.schema import Entry, Verb

SWEPT_ENTRIES_MAX = 128  # in one step; writers wait for at most one


class Retention(msgspec.Struct, frozen=True):
    """How much of the past is kept: what is younger than `age_seconds` and among the newest
    `entries_max` entries. What exists now is kept in any case."""

    age_seconds: float = 24 * 3600
    entries_max: int = 1_000_000

    def oldest_nanoseconds(self, now_nanoseconds: int) -> int:
        """The time whose state must be kept."""
        age_nanoseconds = min(self.age_seconds * NANOSECONDS_PER_SECOND, now_nanoseconds)
        return now_nanoseconds - int(age_nanoseconds)

    def compaction_point(self, newest_revision: int, revision_of_age: int) -> int:
        """The revision to compact to; `revision_of_age` was the newest at `oldest_nanoseconds`."""
        return max(revision_of_age, newest_revision - self.entries_max, 0)


def begin(log: Log, revision: int) -> int:
    """Move the compaction point to a revision, or leave it where it is already beyond; answers it.

    It is moved less far where it would come to lie within a write with an idempotency key: such a
    write is remembered as a whole or not at all.

    Raises `FutureRevision`, `StoreFull` or `StoreError`.
    """
    environment = log.environment
    with environment.reading() as transaction:
        compacted = environment.revision_in_meta(transaction, schema.META_COMPACTED)
        newest = last_revision(environment, transaction)
        if revision > newest:
            raise FutureRevision(revision, newest)
        while revision > compacted and _is_within_write(log, transaction, revision):
            revision -= 1
    if revision <= compacted:
        return compacted
    with environment.writing() as transaction:
        transaction.put(schema.META_COMPACTED, str(revision).encode(), db=environment.meta)
    return revision


def _is_within_write(log: Log, transaction: lmdb.Transaction[bytes], revision: int) -> bool:
    here = time_travel.entry(log.environment, transaction, revision)
    following = time_travel.entry(log.environment, transaction, revision + 1)
    if here is None or following is None or not here.idempotency_key:
        return False
    return here.idempotency_key == following.idempotency_key


def sweep(log: Log, up_to: int) -> bool:
    """Take out what the next entries up to a compaction point have made needless; answers
    whether there are more. Raises `CorruptEntry`, and then nothing of the step has happened;
    `StoreFull` or `StoreError`."""
    environment = log.environment
    with environment.reading() as transaction:
        swept = environment.revision_in_meta(transaction, schema.META_SWEPT)
    if swept >= up_to:
        return False
    last = min(up_to, swept + SWEPT_ENTRIES_MAX)
    with environment.writing() as transaction:
        # The entry that the step before ended with has stayed, whatever it is.
        for revision in range(max(swept, 1), last + 1):
            record = transaction.get(schema.pack_revision(revision), db=environment.log)
            if record is None:
                continue  # it was replaced by one that is dealt with
            schema.verify_entry(revision, record)  # a damaged one would name others' entries
            entry = Entry(revision, record)
            if revision > swept:
                _forget_replaced(log, transaction, entry)
            if entry.verb is Verb.DELETE and revision < last:
                _remove(log, transaction, entry.key.encode(), revision)
        transaction.put(schema.META_SWEPT, str(last).encode(), db=environment.meta)
    return last < up_to


def _forget_replaced(log: Log, transaction: lmdb.Transaction[bytes], entry: Entry) -> None:
    if entry.previous_revision:
        _remove(log, transaction, entry.key.encode(), entry.previous_revision)
    if entry.idempotency_key:
        key = entry.idempotency_key.encode()
        packed = transaction.get(key, db=log.environment.idempotency)
        # The key of a compacted write may have been used again before the sweep has come here.
        if packed and schema.decode_remembered(packed)[0] <= entry.revision:
            transaction.delete(key, db=log.environment.idempotency)


def _remove(log: Log, transaction: lmdb.Transaction[bytes], key: bytes, revision: int) -> None:
    packed = schema.pack_revision(revision)
    transaction.delete(packed, db=log.environment.log)
    transaction.delete(key, packed, db=log.environment.history)
