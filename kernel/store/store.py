"""The store's contract: commit, read, scan, watch. Keys and bytes, nothing of their meaning."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

from kernel.clock import Clock
from kernel.store.commit import Committer, GroupCommitter, InlineCommitter
from kernel.store.errors import Compacted, DirectoryUnusable
from kernel.store.lock import WriterLock
from kernel.store.log import Item, Log, Write
from kernel.store.schema import ACTOR_BYTES_MAX, KEY_BYTES_MAX, REVISION_MAX, Entry
from kernel.store.watch import Observer, Watch, WatchHub

Durability = Literal["disk", "process"]

LOG_DIRECTORY_NAME = "log"


class StoreReader:
    """What can be read, also beside the process that writes."""

    def __init__(self, log: Log):
        self._log = log

    @staticmethod
    @contextmanager
    def open(directory: Path) -> "Iterator[StoreReader]":
        """Read the store in `directory`, while another process writes it or none does.

        Raises `DirectoryUnusable` where there is none.
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
    def revision(self) -> int:
        """The newest revision that is on disk."""
        return self._log.last_revision()

    @property
    def oldest_revision(self) -> int:
        """The oldest revision that the log reaches back to."""
        return self._log.oldest_revision()

    def get(self, key: str) -> Item | None:
        """A key as it is now, or None."""
        return self._log.get(key)

    def scan(self, prefix: str, *, after_key: str = "", limit: int = 0) -> tuple[list[Item], int]:
        """Keys that start with `prefix`, in order; and the revision that this is the state of."""
        return self._log.scan(prefix, after_key=after_key, limit=limit)

    def count(self, prefix: str, *, after_key: str = "") -> int:
        """How many keys start with `prefix`, those after `after_key`."""
        return self._log.count(prefix, after_key=after_key)

    def entry(self, revision: int) -> Entry | None:
        """One entry of the log, or None."""
        return self._log.entry(revision)

    def entries(
        self, first_revision: int, *, prefix: str = "", last_revision: int = 0, scan_limit: int = 0
    ) -> tuple[list[Entry], int]:
        """Entries in order; and the last revision looked at (see `Log.entries`)."""
        return self._log.entries(
            first_revision, prefix=prefix, last_revision=last_revision, scan_limit=scan_limit
        )

    def history(self, key: str) -> list[int]:
        """The revisions at which a key changed, oldest first."""
        return self._log.history(key)


class Store(StoreReader):
    """The one writer of a directory. Belongs to the event loop that it was opened on."""

    def __init__(self, log: Log, hub: WatchHub, committer: Committer):
        super().__init__(log)
        self._hub = hub
        self._committer = committer

    @staticmethod
    @asynccontextmanager
    async def open_writer(
        directory: Path, *, clock: Clock, durability: Durability = "disk"
    ) -> "AsyncIterator[Store]":
        """Open a directory for writing, making it where it is missing.

        Raises `DirectoryHeld`, `DirectoryUnusable` or `UnknownFormat`.
        """
        path = directory / LOG_DIRECTORY_NAME
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise DirectoryUnusable(f"{directory}: {error.strerror}") from error
        lock = WriterLock(directory)
        try:
            log = Log(path, sync=durability == "disk")
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

    @contextmanager
    def watch(self, prefix: str = "/", *, after_revision: int) -> Iterator[Watch]:
        """Entries after `after_revision`, of keys that start with `prefix` (which ends with a
        slash, or is one whole key). Raises `Compacted`."""
        if after_revision + 1 < self.oldest_revision:
            raise Compacted(after_revision, self.oldest_revision)
        watch = self._hub.open_watch(prefix, after_revision)
        try:
            yield watch
        finally:
            self._hub.close_watch(watch, prefix)

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
    if not 0 <= write.cause <= REVISION_MAX:
        raise ValueError(f"the cause {write.cause} is no revision")


@asynccontextmanager
async def _committing(log: Log, clock: Clock, durability: Durability) -> AsyncIterator[Store]:
    hub = WatchHub(log)
    make_committer = GroupCommitter if durability == "disk" else InlineCommitter
    committer = make_committer(log, clock, hub.publish)
    try:
        yield Store(log, hub, committer)
    finally:
        await committer.close()
        hub.close()
