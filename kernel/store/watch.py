"""Cursors over the log, and the index that finds who waits for a key.

The log is the buffer. A watch is a position and a prefix; while its reader is away it holds one
number (the next revision that it has to read), however much is written. While its reader waits,
it is handed entries directly, without reading the disk.

Publishing an entry looks up the prefixes of its key (`/`, `/core/`, `/core/pods/`, …, the key
itself), so it costs the watchers that match and not the watchers that exist.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

import anyio
import anyio.lowlevel

from kernel.store.errors import StoreClosed
from kernel.store.log import Log
from kernel.store.schema import Entry

logger = logging.getLogger("podkernel.store")

HANDED_OVER_MAX = 256  # entries that a waiting reader is handed before it must read by itself
CATCH_UP_SCAN_MAX = 1024  # entries looked at between two chances for other tasks to run
RECENT_MAX = 2048  # newest entries kept in memory, shared by all readers

Observer = Callable[[Entry], None]


def prefixes(key: str) -> Iterator[str]:
    """All prefixes of a key that end with a slash, the shortest first, and the key itself."""
    position = key.find("/")
    while position != -1:
        yield key[: position + 1]
        position = key.find("/", position + 1)
    yield key


def matches(prefix: str, key: str) -> bool:
    """Whether `prefixes(key)` holds `prefix`; one without a slash at its end is a whole key."""
    return key.startswith(prefix) if prefix.endswith("/") else key == prefix


class Watch:
    """An asynchronous iterator of batches of entries, in revision order, no gap, no duplicate.

    One task reads it. Raises `Compacted` where the log no longer reaches back to its position, and
    `StoreClosed` when the store closes; a read that is cancelled can be tried again.
    """

    def __init__(self, hub: "WatchHub", prefix: str, position: int):
        self._hub = hub
        self._prefix = prefix
        self._position = position  # the last revision that is dealt with
        self._handed_over: list[Entry] = []
        self._next_revision = position + 1 if position < hub.published_revision else 0
        self._wake: anyio.Event | None = None

    def notify(self, entry: Entry) -> None:
        """Called by the hub for each matching entry, in order."""
        if self._next_revision or entry.revision <= self._position:
            return
        if self._wake is not None and len(self._handed_over) < HANDED_OVER_MAX:
            self._handed_over.append(entry)
            if len(self._handed_over) == 1:
                self._wake.set()
        else:
            self._next_revision = entry.revision

    def wake(self) -> None:
        """Have the reader look again: the store is closing."""
        if self._wake is not None:
            self._wake.set()

    @property
    def position(self) -> int:
        """The revision up to which everything that matches has been read."""
        if self._next_revision or self._handed_over:
            return self._position
        return max(self._position, self._hub.published_revision)

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> list[Entry]:
        while True:
            if self._handed_over:
                batch, self._handed_over = self._handed_over, []
                self._wake = None
                self._position = batch[-1].revision
                return batch
            if self._next_revision:
                await anyio.lowlevel.checkpoint()
                batch = self._catch_up()
                if batch:
                    return batch
                continue
            if self._hub.closed:
                raise StoreClosed("the store has been closed")
            self._wake = anyio.Event()
            await self._wake.wait()
            if not self._handed_over:
                self._wake = None

    def _catch_up(self) -> list[Entry]:
        published = self._hub.published_revision
        batch, looked_at = self._hub.read(self._next_revision, self._prefix, published)
        self._position = looked_at
        self._next_revision = looked_at + 1 if looked_at < published else 0
        return batch


class WatchHub:
    """Publishes entries to observers and watches. Lives on the event loop; not thread-safe."""

    def __init__(self, log: Log):
        self._log = log
        self._watches: dict[str, set[Watch]] = {}
        self._observers: dict[str, tuple[Observer, ...]] = {}
        self._recent: list[Entry] = []
        self.published_revision = log.last_revision()
        self.closed = False

    def observe(self, prefix: str, observer: Observer) -> Callable[[], None]:
        """Call `observer` for each matching entry as it is published; answers how to end that."""
        self._observers[prefix] = (*self._observers.get(prefix, ()), observer)

        def end() -> None:
            others = tuple(one for one in self._observers.get(prefix, ()) if one is not observer)
            if others:
                self._observers[prefix] = others
            else:
                self._observers.pop(prefix, None)

        return end

    def open_watch(self, prefix: str, after_revision: int) -> Watch:
        """A watch of the entries after `after_revision` whose key is or starts with `prefix`."""
        watch = Watch(self, prefix, after_revision)
        self._watches.setdefault(prefix, set()).add(watch)
        return watch

    def close_watch(self, watch: Watch, prefix: str) -> None:
        """Forget a watch."""
        same_prefix = self._watches.get(prefix)
        if same_prefix is not None:
            same_prefix.discard(watch)
            if not same_prefix:
                del self._watches[prefix]

    def publish(self, entries: Sequence[Entry]) -> None:
        """Show entries to everyone: first to all observers, then to the watches."""
        self._recent.extend(entries)
        if len(self._recent) > RECENT_MAX:
            del self._recent[: -RECENT_MAX // 2]
        self.published_revision = entries[-1].revision
        routes = [tuple(prefixes(entry.key)) for entry in entries]
        for entry, route in zip(entries, routes, strict=True):
            for prefix in route:
                for observer in self._observers.get(prefix, ()):
                    self._show(observer, entry)
        for entry, route in zip(entries, routes, strict=True):
            for prefix in route:
                for watch in self._watches.get(prefix, ()):
                    watch.notify(entry)

    @staticmethod
    def _show(observer: Observer, entry: Entry) -> None:
        """The entry is written: an observer that fails must not keep it from the others."""
        try:
            observer(entry)
        except Exception:
            logger.exception("an observer failed on revision %d of %s", entry.revision, entry.key)

    def read(self, first_revision: int, prefix: str, last_revision: int) -> tuple[list[Entry], int]:
        """Matching entries from `first_revision` on, and the last revision looked at."""
        if self._recent and self._recent[0].revision <= first_revision:
            start = first_revision - self._recent[0].revision
            looked_at = self._recent[start : start + CATCH_UP_SCAN_MAX]
            last_looked_at = looked_at[-1].revision
        else:
            looked_at, last_looked_at = self._log.entries(
                first_revision,
                prefix=prefix,
                last_revision=last_revision,
                scan_limit=CATCH_UP_SCAN_MAX,
            )
        return [entry for entry in looked_at if matches(prefix, entry.key)], last_looked_at

    def close(self) -> None:
        """End all watches."""
        self.closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.wake()
