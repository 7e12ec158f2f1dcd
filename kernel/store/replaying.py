"""An old log lived through again: a store that ends at a revision which moves on, entry by entry.

    old log   1 2 3 4 5 6 7 8        read only, whoever else reads or writes it
    replayed  1 2 3 4                 ─ advance() → 5 is shown to observers and watches

What is written to the replayed store stays in memory. Reads show it until `take_writes` answers
it and forgets it: the next entries of the world are those of the old log, whatever was written.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import anyio.lowlevel

from kernel.clock import Clock
from kernel.store.environment import Environment
from kernel.store.errors import Compacted, FutureRevision, PreconditionFailed
from kernel.store.log import Item, Log, Write
from kernel.store.schema import Entry, Verb
from kernel.store.store import Projection, Store, StoreReader
from kernel.store.watch import WatchHub

READ_AHEAD_ENTRIES = 512

Result = TypeVar("Result")


class _EndingLog(Log):
    """The log up to and with revision `end`, and what was written since in memory."""

    def __init__(self, environment: Environment, end: int):
        self.environment = environment
        self.directory = environment.directory
        self.end = end
        self._unkept: dict[str, Item | None] = {}  # None: deleted

    def last_revision(self) -> int:
        return self.end

    def get(self, key: str, *, at: int | None = None) -> Item | None:
        if at is None and key in self._unkept:
            return self._unkept[key]
        return super().get(key, at=self._reached(at))

    def scan(
        self, prefix: str, *, after_key: str = "", limit: int = 0, at: int | None = None
    ) -> tuple[list[Item], int]:
        revision = self._reached(at)
        unkept = self._unkept_after(prefix, after_key) if at is None else {}
        if not unkept:
            return super().scan(prefix, after_key=after_key, limit=limit, at=revision)
        kept, _ = super().scan(prefix, after_key=after_key, at=revision)
        merged = {item.key: item for item in kept} | unkept
        items = [item for _, item in sorted(merged.items()) if item is not None]
        return items[: limit or None], revision

    def count(self, prefix: str, *, after_key: str = "", at: int | None = None) -> int:
        if at is None and self._unkept_after(prefix, after_key):
            return len(self.scan(prefix, after_key=after_key)[0])
        return super().count(prefix, after_key=after_key, at=self._reached(at))

    def revision_at(self, time_nanoseconds: int) -> int:
        return min(super().revision_at(time_nanoseconds), self.end)

    def entry(self, revision: int) -> Entry | None:
        return super().entry(revision) if revision <= self.end else None

    def entries(
        self,
        first_revision: int,
        *,
        prefix: str = "",
        last_revision: int = 0,
        scan_limit: int = 0,
        with_gaps: bool = False,
    ) -> tuple[list[Entry], int]:
        last = min(last_revision or self.end, self.end)
        if first_revision > last:
            return [], first_revision - 1
        return super().entries(
            first_revision,
            prefix=prefix,
            last_revision=last,
            scan_limit=scan_limit,
            with_gaps=with_gaps,
        )

    def history(self, key: str) -> list[int]:
        return [revision for revision in super().history(key) if revision <= self.end]

    def remembered(self, idempotency_key: str) -> list[Entry]:
        return []  # a replay is to write once more what was written

    def projection(self, name: str) -> tuple[int, int, bytes] | None:
        return None  # it may have seen what is still to come

    def write(self, write: Write, time_nanoseconds: int, number: int) -> list[Entry]:
        """Keep a write in memory; `number` entries were written before. Their revisions are
        beyond the end, where no one else's are. Raises `PreconditionFailed`."""
        changed: dict[str, Item | None] = {}
        entries: list[Entry] = []
        for operation in write.operations:
            key = operation.key
            present = changed[key] if key in changed else self.get(key)
            previous = present.revision if present else 0
            if operation.expected_revision not in (None, previous):
                raise PreconditionFailed(key, operation.expected_revision or 0, previous)
            if operation.value is None and not previous:
                continue
            revision = self.end + number + len(entries) + 1
            if operation.value is None:
                verb, value, changed[key] = Verb.DELETE, operation.last_value, None
            else:
                verb, value = Verb.UPDATE if previous else Verb.CREATE, operation.value
                changed[key] = Item(key, revision, value)
            entries.append(
                Entry.make(
                    *(revision, time_nanoseconds, verb, key, value, previous),
                    *(write.actor, write.cause),
                )
            )
        self._unkept |= changed
        return entries

    def forget_writes(self) -> None:
        """Be the old log again."""
        self._unkept.clear()

    def _reached(self, at: int | None) -> int:
        if at is not None and at > self.end:
            raise FutureRevision(at, self.end)
        return self.end if at is None else at

    def _unkept_after(self, prefix: str, after_key: str) -> dict[str, Item | None]:
        return {
            key: item
            for key, item in self._unkept.items()
            if key.startswith(prefix) and key > after_key
        }


class _MemoryCommitter:
    """Takes writes down."""

    def __init__(self, log: _EndingLog, clock: Clock):
        self._log = log
        self._clock = clock
        self.written: list[Entry] = []

    async def commit(self, write: Write) -> list[Entry]:
        await anyio.lowlevel.checkpoint()
        time_nanoseconds = self._clock.now_nanoseconds()
        entries = self._log.write(write, time_nanoseconds, len(self.written))
        self.written += entries
        return entries

    async def perform(self, task: Callable[[], Result]) -> Result:
        await anyio.lowlevel.checkpoint()
        return task()

    async def close(self) -> None:
        return


class ReplayedStore(Store):
    """A store over an old log that ends at `revision` until `advance` moves that on."""

    def __init__(self, old: StoreReader, log: _EndingLog, clock: Clock):
        self._old = old
        self._ending = log
        self._memory = _MemoryCommitter(log, clock)
        self._ahead: list[Entry] = []  # the next one last
        super().__init__(log, WatchHub(log), self._memory, clock)

    @property
    def newest_revision(self) -> int:
        """The end of the old log."""
        return self._old.revision

    def next_entry(self) -> Entry | None:
        """The entry that `advance` will show; None at the end of the old log."""
        if not self._ahead:
            ahead, _ = self._old.entries(self._ending.end + 1, scan_limit=READ_AHEAD_ENTRIES)
            self._ahead = ahead[::-1]
        return self._ahead[-1] if self._ahead else None

    def advance(self) -> None:
        """Let `next_entry` happen: it is there, and observers and watches are shown it."""
        entry = self._ahead.pop()
        self._ending.end = entry.revision
        self._hub.publish([entry])

    def take_writes(self) -> Sequence[Entry]:
        """What was written since the last call; from here on it never was."""
        written, self._memory.written = self._memory.written, []
        self._ending.forget_writes()
        return written

    def entries_to_come(self) -> Iterator[Entry]:
        """All entries of the old log that have not happened yet, in order."""
        revision = self._ending.end + 1
        while True:
            entries, looked_at = self._old.entries(revision, scan_limit=READ_AHEAD_ENTRIES)
            if looked_at < revision:
                return
            yield from entries
            revision = looked_at + 1

    def old_entry(self, revision: int) -> Entry | None:
        """An entry of the old log, whether it has happened yet or not. Raises `CorruptEntry`."""
        return self._old.entry(revision)

    async def save_projection(self, name: str, projection: Projection) -> None:
        """Nothing is saved: the old log stays as it is."""


@contextmanager
def open_replay(
    directory: Path, *, clock: Clock, from_revision: int | None = None
) -> Iterator[ReplayedStore]:
    """The store in `directory` as it was before `from_revision` (by default, before the oldest
    entry since which nothing is missing). Nothing is written to it.

    Raises `DirectoryUnusable`, `StoreDamaged`, `UnknownFormat`; `Compacted` or `FutureRevision`
    where the log does not have `from_revision`.
    """
    with StoreReader.open(directory) as old:
        first = old.oldest_revision + 1 if old.oldest_revision > 1 else 1
        wanted = first if from_revision is None else from_revision
        if wanted < first:
            raise Compacted(wanted, first)
        if wanted > old.revision + 1:
            raise FutureRevision(wanted, old.revision)
        yield ReplayedStore(old, _EndingLog(old.environment, wanted - 1), clock)
