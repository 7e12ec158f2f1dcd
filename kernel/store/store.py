"""The store's contract: commit, read, scan, watch. Keys and bytes, nothing of their meaning."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from kernel.clock import Clock
from kernel.store import compaction
from kernel.store.commit import Committer, GroupCommitter, InlineCommitter
from kernel.store.compaction import Retention
from kernel.store.environment import MAP_SIZE_BYTES, Environment
from kernel.store.errors import DirectoryUnusable
from kernel.store.lock import WriterLock
from kernel.store.log import Item, Log, Write
from kernel.store.schema import (
    ACTOR_BYTES_MAX,
    IDEMPOTENCY_KEY_BYTES_MAX,
    KEY_BYTES_MAX,
    REVISION_MAX,
    Entry,
)
from kernel.store.watch import Observer, Watch, WatchHub

Durability = Literal["disk", "process"]

LOG_DIRECTORY_NAME = "log"


class Projection(msgspec.Struct, frozen=True):
    """The checkpoint of a fold: what it has made of the entries up to a revision.

    `version` is the fold's own, so that it knows a state that an older fold has made (0 to 2³²-1).
    """

    revision: int
    version: int
    state: bytes


class StoreReader:
    """What can be read, also beside the process that writes."""

    def __init__(self, log: Log):
        self._log = log

    @staticmethod
    @contextmanager
    def open(directory: Path) -> "Iterator[StoreReader]":
        """Read the store in `directory`, while another process writes it or none does.

        Raises `DirectoryUnusable` where there is none, `StoreDamaged`, `UnknownFormat`.
        """
        path = directory / LOG_DIRECTORY_NAME
        try:
            if not path.is_dir():
                raise DirectoryUnusable(f"{directory}: there is no event log in it")
        except OSError as error:
            raise DirectoryUnusable(f"{directory}: {error.strerror}") from error
        log = Log(path, readonly=True)
        try:
            yield StoreReader(log)
        finally:
            log.close()

    @property
    def environment(self) -> Environment:
        """What the store is kept in, for those in this package who copy or check it."""
        return self._log.environment

    @property
    def revision(self) -> int:
        """The newest revision that is on disk."""
        return self._log.last_revision()

    @property
    def oldest_revision(self) -> int:
        """The oldest revision whose state and entry can be asked for; 1 where nothing was
        compacted."""
        return max(self._log.compacted_revision(), 1)

    def get(self, key: str, *, at: int | None = None) -> Item | None:
        """A key as it is now, or was at the revision `at`; None where it does not exist.

        Raises `Compacted` for a revision that the log no longer reaches back to, `FutureRevision`
        for one that is not written yet. Revision 0 is the empty store before the first entry.
        """
        return self._log.get(key, at=at)

    def scan(
        self, prefix: str, *, after_key: str = "", limit: int = 0, at: int | None = None
    ) -> tuple[list[Item], int]:
        """Keys that start with `prefix`, in order; and the revision that this is the state of.

        `at` as in `get`.
        """
        return self._log.scan(prefix, after_key=after_key, limit=limit, at=at)

    @property
    def size_bytes(self) -> int:
        """How much room the log takes on disk."""
        return self._log.environment.size_bytes

    def count(self, prefix: str, *, after_key: str = "", at: int | None = None) -> int:
        """How many keys start with `prefix`, those after `after_key`. `at` as in `get`."""
        return self._log.count(prefix, after_key=after_key, at=at)

    def revision_at(self, time_nanoseconds: int) -> int:
        """The newest revision that was written at that wall time or before; 0 where none was.

        It may be behind `oldest_revision`: then a read at it raises `Compacted`.
        """
        return self._log.revision_at(time_nanoseconds)

    def entry(self, revision: int) -> Entry | None:
        """One entry of the log, or None. Raises `CorruptEntry`."""
        return self._log.entry(revision)

    def entries(
        self,
        first_revision: int,
        *,
        prefix: str = "",
        last_revision: int = 0,
        scan_limit: int = 0,
        with_gaps: bool = False,
    ) -> tuple[list[Entry], int]:
        """Entries in order; and the last revision looked at (see `Log.entries`)."""
        return self._log.entries(
            first_revision,
            prefix=prefix,
            last_revision=last_revision,
            scan_limit=scan_limit,
            with_gaps=with_gaps,
        )

    def history(self, key: str) -> list[int]:
        """The revisions at which a key changed and that the log still has, oldest first."""
        return self._log.history(key)

    def remembered(self, idempotency_key: str) -> list[Entry]:
        """The entries of the write with this idempotency key; none where there was none, or its
        entries have been compacted."""
        return self._log.remembered(idempotency_key)

    def projection(self, name: str) -> Projection | None:
        """The checkpoint that was saved last under a name."""
        found = self._log.projection(name)
        return None if found is None else Projection(*found)


class Store(StoreReader):
    """The one writer of a directory. Belongs to the event loop that it was opened on."""

    def __init__(self, log: Log, hub: WatchHub, committer: Committer, clock: Clock):
        super().__init__(log)
        self._clock = clock
        self._hub = hub
        self._committer = committer

    @staticmethod
    @asynccontextmanager
    async def open_writer(
        directory: Path,
        *,
        clock: Clock,
        durability: Durability = "disk",
        map_size_bytes: int = MAP_SIZE_BYTES,
    ) -> "AsyncIterator[Store]":
        """Open a directory for writing, making it where it is missing.

        `map_size_bytes` is address space, and how large the store may grow.

        Raises `DirectoryHeld`, `DirectoryUnusable`, `StoreDamaged` or `UnknownFormat`.
        """
        path = directory / LOG_DIRECTORY_NAME
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise DirectoryUnusable(f"{directory}: {error.strerror}") from error
        lock = WriterLock(directory)
        try:
            log = Log(path, sync=durability == "disk", map_size_bytes=map_size_bytes)
            try:
                async with _committing(log, clock, durability) as store:
                    yield store
            finally:
                log.close()
        finally:
            lock.release()

    @property
    def published_revision(self) -> int:
        """The newest revision that every watcher of this process has been shown."""
        return self._hub.published_revision

    async def commit(self, write: Write) -> list[Entry]:
        """Append a write; returns once it is durable and published to this process.

        Raises `PreconditionFailed`, `StoreFull`, `StoreClosed`, or ValueError for a write that
        can't be recorded (see `Write`). Where the calling task is cancelled meanwhile, the write
        may happen or not.
        """
        _require_recordable(write)
        return await self._committer.commit(write)

    async def compact(self, revision: int) -> None:
        """Let go of all states before a revision; returns once the room can be used again.

        What exists now is kept, and so is all from that revision on. Watches that have not read
        up to it end in `Compacted`. Writers go on in between, each held up by one small step at
        most. Idempotency keys of compacted writes are forgotten. What a compaction that was
        cancelled or killed has left, the next one takes up, to whatever revision.

        Raises `FutureRevision`, `StoreFull`, `StoreClosed`.
        """
        perform = self._committer.perform
        point = await perform(lambda: compaction.begin(self._log, revision))
        # Watches hear of it before anything is gone, and nothing goes that they have not heard of.
        self._hub.compacted_revision = max(self._hub.compacted_revision, point)
        while await perform(lambda: compaction.sweep(self._log, point)):
            pass

    async def retain(self, retention: Retention) -> int:
        """Compact to where a retention says, by the store's clock; answers the compaction point."""
        then = self.revision_at(retention.oldest_nanoseconds(self._clock.now_nanoseconds()))
        await self.compact(retention.compaction_point(self.revision, then))
        return self._hub.compacted_revision

    async def save_projection(self, name: str, projection: Projection) -> None:
        """Replace the checkpoint under a name (1 to `KEY_BYTES_MAX` bytes), whole or not at all.

        Raises `StoreFull`, `StoreClosed`.
        """
        if not 0 < len(name.encode()) <= KEY_BYTES_MAX:
            raise ValueError(f"the name {name!r} does not have 1 to {KEY_BYTES_MAX} bytes")
        await self._committer.perform(
            lambda: self._log.save_projection(
                name, projection.revision, projection.version, projection.state
            )
        )

    @contextmanager
    def watch(self, prefix: str = "/", *, after_revision: int) -> Iterator[Watch]:
        """Entries after `after_revision`, of keys that start with `prefix` (which ends with a
        slash, or is one whole key). Raises `Compacted`."""
        watch = self._hub.open_watch(prefix, after_revision)
        try:
            yield watch
        finally:
            self._hub.close_watch(prefix)

    def observe(self, prefix: str, observer: Observer) -> Callable[[], None]:
        """Call `observer(entry)` for each matching entry before its writer resumes; answers the
        function that ends it. The observer must not block and must not raise."""
        return self._hub.observe(prefix, observer)


def _require_recordable(write: Write) -> None:
    """Raise ValueError here, so that a bad write can't spoil the group that it would be in."""
    for operation in write.operations:
        key = operation.key
        if not key.startswith("/") or key.endswith("/"):
            raise ValueError(f"the key {key!r} does not start with a slash, or ends with one")
        if len(key.encode()) > KEY_BYTES_MAX:
            raise ValueError(f"the key {key} is over {KEY_BYTES_MAX} bytes long")
    if len(write.actor.encode()) > ACTOR_BYTES_MAX:
        raise ValueError(f"the actor's name is over {ACTOR_BYTES_MAX} bytes long")
    if len(write.idempotency_key.encode()) > IDEMPOTENCY_KEY_BYTES_MAX:
        raise ValueError(f"the idempotency key is over {IDEMPOTENCY_KEY_BYTES_MAX} bytes long")
    if not 0 <= write.cause <= REVISION_MAX:
        raise ValueError(f"the cause {write.cause} is no revision")


@asynccontextmanager
async def _committing(log: Log, clock: Clock, durability: Durability) -> AsyncIterator[Store]:
    hub = WatchHub(log)
    make_committer = GroupCommitter if durability == "disk" else InlineCommitter
    committer = make_committer(log, clock, hub.publish)
    try:
        yield Store(log, hub, committer, clock)
    finally:
        await committer.close()
        hub.close()
