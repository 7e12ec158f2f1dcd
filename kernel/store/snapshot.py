"""One state of a store's log, entry by entry, while the store may go on being written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import lmdb
import msgspec

from kernel.store import schema, time_travel
from kernel.store.environment import Environment
from kernel.store.log import last_revision
from kernel.store.schema import Entry


class Progress(msgspec.Struct, frozen=True):
    """How many entries of how many are done."""

    done: int
    total: int


PROGRESS_ENTRIES = 4096  # between two reports


class Extent(msgspec.Struct, frozen=True):
    """What a copy of a log holds: its newest revision, its compaction point, how far that has been
    carried out, and the number of its entries."""

    revision: int
    compacted: int
    swept: int
    entries: int


class Snapshot:
    """What the log was at a revision. As long as it is open, the room of what is replaced or
    compacted meanwhile can't be used again."""

    def __init__(
        self, environment: Environment, transaction: lmdb.Transaction[bytes], at: int | None
    ):
        self._environment = environment
        self._transaction = transaction
        newest = last_revision(environment, transaction)
        revision = newest if at is None else at
        time_travel.require_reach(environment, transaction, revision, newest)
        total = transaction.stat(environment.log)["entries"]
        self.extent = Extent(
            revision,
            environment.revision_in_meta(transaction, schema.META_COMPACTED),
            environment.revision_in_meta(transaction, schema.META_SWEPT),
            total - (newest - revision),  # beyond a readable revision, there is no gap
        )

    def entries(self) -> Iterator[Entry]:
        """All entries in order. Raises `CorruptEntry`."""
        with self._transaction.cursor(db=self._environment.log) as cursor:
            for packed, record in cursor:
                revision = int.from_bytes(packed)
                if revision > self.extent.revision:
                    return
                schema.verify_entry(revision, record)
                yield Entry(revision, record)

    def projections(self) -> Iterator[tuple[bytes, bytes]]:
        """Name and checkpoint, packed, of those that have not seen what is beyond this state."""
        with self._transaction.cursor(db=self._environment.projections) as cursor:
            for name, packed in cursor:
                if schema.decode_projection(packed)[0] <= self.extent.revision:
                    yield name, packed


@contextmanager
def open_snapshot(environment: Environment, *, at: int | None = None) -> Iterator[Snapshot]:
    """The newest state, or that at a revision. Raises `Compacted`, `FutureRevision`."""
    with environment.reading() as transaction:
        yield Snapshot(environment, transaction, at)
