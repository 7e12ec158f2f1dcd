"""Cursors over the log, and the index that finds who waits for a key.

The log is the buffer. A watch is a position and a prefix; while its reader is away it holds one
number (the revision up to which it has read), however much is written.

Watches of the same prefix share a channel: the newest entries that match, and the event that
wakes whoever waits. Publishing an entry looks up the channels of its key's prefixes (`/`,
`/core/`, `/core/pods/`, …, the key itself), so it costs the watches that match and not the
watches that exist; each of them then takes its own slice of what the channel has, or reads the
log where it is further behind.

    entries   … 41 /core/pods/default/web   42 /core/nodes//n   43 /core/pods/default/web
    channels  /core/pods/   41 43     ← position 40: gets 41 43    ← position 41: gets 43
              /core/nodes/     42
"""

import logging
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

import anyio
import anyio.lowlevel

from kernel.store.errors import Compacted, StoreClosed
from kernel.store.log import Log
from kernel.store.schema import Entry

logger = logging.getLogger("podkernel.store")

CATCH_UP_SCAN_MAX = 1024  # entries looked at between two chances for other tasks to run
RECENT_MAX = 2048  # newest entries kept in memory, shared by all readers

Observer = Callable[[Entry], None]
_revision_of = attrgetter("revision")


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


class Channel:
    """What the watches of one prefix share."""

    __slots__ = ("complete_after", "event", "newest", "prefix", "recent", "watches")

    def __init__(self, prefix: str, published_revision: int):
        self.prefix = prefix
        self.watches = 0
        self.event: anyio.Event | None = None  # set, and made anew, for each publication
        self.recent: list[Entry] = []
        self.complete_after = published_revision  # `recent` has all that matches from here on
        self.newest = published_revision  # nothing beyond it matches

    def add(self, entry: Entry) -> None:
        self.recent.append(entry)
        self.newest = entry.revision

    def wake(self) -> None:
        """Have all who wait look again."""
        if self.event is not None:
            self.event.set()
            self.event = None

    async def wait(self) -> None:
        """Return after the next publication."""
        if self.event is None:
            self.event = anyio.Event()
        await self.event.wait()

    def after(self, revision: int) -> list[Entry]:
        """The next matching entries after a revision that is not before `complete_after`."""
        start = bisect_right(self.recent, revision, key=_revision_of)
        return self.recent[start : start + CATCH_UP_SCAN_MAX]

    def forget_before(self, revision: int) -> None:
        """Keep only entries from a revision on."""
        start = bisect_right(self.recent, revision - 1, key=_revision_of)
        if start:
            self.complete_after = self.recent[start - 1].revision
            del self.recent[:start]


class Watch:
    """An asynchronous iterator of batches of entries, in revision order, no gap, no duplicate.

    One task reads it. Raises `Compacted` where the log no longer reaches back to its position, and
    `StoreClosed` when the store closes; a read that is cancelled can be tried again.
    """

    def __init__(self, hub: "WatchHub", channel: Channel, position: int):
        self._hub = hub
        self._channel = channel
        self._position = position  # the last revision that is dealt with
        self._is_ending = False

    @property
    def position(self) -> int:
        """The revision up to which everything that matches has been read."""
        if self._position < self._channel.newest:
            return self._position
        return max(self._position, self._hub.published_revision)

    def end(self) -> None:
        """Answer what has been published, and then be over."""
        self._is_ending = True
        self._channel.wake()

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> list[Entry]:
        has_waited = False
        while True:
            if self._position < self._channel.newest:
                if not has_waited:  # a reader that is always behind must not keep others waiting
                    await anyio.lowlevel.checkpoint()
                batch = self._read()
                if batch:
                    return batch
                has_waited = False
            elif self._hub.closed:
                raise StoreClosed("the store has been closed")
            elif self._is_ending:
                raise StopAsyncIteration
            else:
                await self._channel.wait()
                has_waited = True

    def _read(self) -> list[Entry]:
        compacted = self._hub.compacted_revision
        if self._position >= self._channel.complete_after:
            batch = self._channel.after(self._position)
            if batch[0].revision <= compacted:
                raise Compacted(self._position, compacted)
            self._position = batch[-1].revision
            return batch
        if self._position < compacted:
            raise Compacted(self._position, compacted)
        batch, self._position = self._hub.read(
            self._position + 1, self._channel.prefix, self._channel.newest
        )
        return batch


class WatchHub:
    """Publishes entries to observers and watches. Lives on the event loop; not thread-safe."""

    def __init__(self, log: Log):
        self._log = log
        self._channels: dict[str, Channel] = {}
        self._filled: set[Channel] = set()  # those that have recent entries
        self._observers: dict[str, tuple[Observer, ...]] = {}
        self._recent: list[Entry] = []
        self.published_revision = log.last_revision()
        self.compacted_revision = log.compacted_revision()
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
        """A watch of the entries after `after_revision` whose key is or starts with `prefix`.

        Raises `Compacted`.
        """
        if after_revision < self.compacted_revision:
            raise Compacted(after_revision, self.compacted_revision)
        channel = self._channels.get(prefix)
        if channel is None:
            channel = self._channels[prefix] = Channel(prefix, self.published_revision)
        channel.watches += 1
        return Watch(self, channel, after_revision)

    def close_watch(self, prefix: str) -> None:
        """Forget a watch."""
        channel = self._channels[prefix]
        channel.watches -= 1
        if not channel.watches:
            del self._channels[prefix]
            self._filled.discard(channel)

    def publish(self, entries: Sequence[Entry]) -> None:
        """Show entries to everyone: first to all observers, then to the watches."""
        self._recent.extend(entries)
        self.published_revision = entries[-1].revision
        woken: dict[Channel, None] = {}
        for entry in entries:
            for prefix in prefixes(entry.key):
                for observer in self._observers.get(prefix, ()):
                    self._show(observer, entry)
                channel = self._channels.get(prefix)
                if channel is not None:
                    channel.add(entry)
                    woken[channel] = None
        self._filled.update(woken)
        if len(self._recent) > RECENT_MAX:
            self._forget()
        for channel in woken:
            channel.wake()

    def _forget(self) -> None:
        """Let go of the older half of what is kept in memory."""
        del self._recent[: -RECENT_MAX // 2]
        oldest = self._recent[0].revision
        for channel in self._filled:
            channel.forget_before(oldest)
        self._filled = {channel for channel in self._filled if channel.recent}

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
            found = [entry for entry in looked_at if matches(prefix, entry.key)]
            return found, looked_at[-1].revision
        found, last_looked_at = self._log.entries(
            first_revision,
            prefix="" if prefix == "/" else prefix,  # that is all of them
            last_revision=last_revision,
            scan_limit=CATCH_UP_SCAN_MAX,
        )
        if not prefix.endswith("/"):
            found = [entry for entry in found if entry.key == prefix]
        return found, last_looked_at

    def close(self) -> None:
        """End all watches."""
        self.closed = True
        for channel in self._channels.values():
            channel.wake()
