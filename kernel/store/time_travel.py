"""Reads of the past, within one transaction: what a key was at a revision, and when that was.

`history` has the revisions of each key in order, so the state of a key at a revision is the last
of them that is not beyond it: one seek, and one more into the log for the value.
"""

from __future__ import annotations

from collections.abc import Iterator

import lmdb

from kernel.store import schema
from kernel.store.environment import Environment
from kernel.store.errors import Compacted, FutureRevision
from kernel.store.schema import Entry, Verb


def require_reach(
    environment: Environment, transaction: lmdb.Transaction[bytes], at: int, newest: int
) -> None:
    """Raise `Compacted` or `FutureRevision` unless the log knows the state at a revision."""
    oldest = environment.revision_in_meta(transaction, schema.META_COMPACTED)
    if at < oldest:
        raise Compacted(at, oldest)
    if at > newest:
        raise FutureRevision(at, newest)


def entry(
    environment: Environment, transaction: lmdb.Transaction[bytes], revision: int
) -> Entry | None:
    """One entry of the log. Raises `CorruptEntry`."""
    record = transaction.get(schema.pack_revision(revision), db=environment.log)
    if record is None:
        return None
    schema.verify_entry(revision, record)
    return Entry(revision, record)


def get(
    environment: Environment, transaction: lmdb.Transaction[bytes], key: bytes, at: int
) -> tuple[int, bytes] | None:
    """Revision and value of a key at a revision, or None where it did not exist."""
    with transaction.cursor(db=environment.history) as cursor:
        if not cursor.set_key(key) or not _seek(cursor, key, at):
            return None
        return _state(environment, transaction, int.from_bytes(cursor.value()))


def scan(
    environment: Environment,
    transaction: lmdb.Transaction[bytes],
    start: bytes,
    prefix: bytes,
    at: int,
) -> Iterator[tuple[bytes, int, bytes]]:
    """Key, revision and value of what existed at a revision, from the key `start` on."""
    with transaction.cursor(db=environment.history) as cursor:
        more = cursor.set_range(start)
        while more and cursor.key().startswith(prefix):
            key = cursor.key()
            if _seek(cursor, key, at):
                found = _state(environment, transaction, int.from_bytes(cursor.value()))
                if found is not None:
                    yield key, *found
            more = cursor.next_nodup()


def _seek(cursor: lmdb.Cursor[bytes], key: bytes, at: int) -> bool:
    """Move the cursor, which is at some entry of `key`, to the last one that is not beyond `at`."""
    cursor.last_dup()
    if int.from_bytes(cursor.value()) <= at:
        return True
    cursor.set_range_dup(key, schema.pack_revision(at + 1))
    if cursor.prev_dup():
        return True
    cursor.set_key(key)  # an unsuccessful move leaves it nowhere
    return False


def _state(
    environment: Environment, transaction: lmdb.Transaction[bytes], revision: int
) -> tuple[int, bytes] | None:
    found = entry(environment, transaction, revision)
    if found is None or found.verb is Verb.DELETE:
        return None
    return revision, found.value


def revision_at(
    environment: Environment, transaction: lmdb.Transaction[bytes], time_nanoseconds: int
) -> int:
    """The newest revision of that time or before, by halves: times never decrease."""
    with transaction.cursor(db=environment.log) as cursor:
        if not cursor.first():
            return 0
        low = int.from_bytes(cursor.key())  # the first that may be younger
        cursor.last()
        high = int.from_bytes(cursor.key()) + 1  # all from here on are younger
        found = 0
        while low < high:
            cursor.set_range(schema.pack_revision((low + high) // 2))
            revision = int.from_bytes(cursor.key())
            if revision >= high:  # compaction has left nothing in the upper half
                high = (low + high) // 2
            elif Entry(revision, cursor.value()).time_nanoseconds <= time_nanoseconds:
                found, low = revision, revision + 1
            else:
                high = (low + high) // 2
        return found
