"""Watch streams over the store's cursors, with the selectors of the API.

With a selector, what matters to a watcher is whether the object matched before and whether it
matches now: a change into the selection is ADDED, out of it DELETED. The state before is the
previous entry of the same key, which the log has.
"""

from collections.abc import Callable

from kernel.api.client import WatchEventType
from kernel.api.errors import Expired, UnreadableObject
from kernel.api.stored import Stored, StoredEvent
from kernel.api.upcasting import Upcasters
from kernel.objects.kind import Kind
from kernel.store.errors import Compacted
from kernel.store.schema import Entry, Verb
from kernel.store.store import StoreReader
from kernel.store.watch import Watch

Matches = Callable[[Kind], bool]

CACHED_EVENTS_MAX = 4096


class EventCache:
    """The watch events of the newest entries, so that watchers share them and their forms."""

    def __init__(self, upcasters: Upcasters) -> None:
        self._events: dict[int, StoredEvent] = {}
        self._upcasters = upcasters

    def event_of(self, kind: type[Kind], entry: Entry) -> StoredEvent | None:
        """The event of an entry, made once while it is among the newest; None where its object
        can't be read, of which a warning is logged."""
        event = self._events.get(entry.revision)
        if event is None or event.stored.kind is not kind:  # it may be served in several versions
            try:
                event = self._upcasters.event(kind, entry)
            except UnreadableObject as error:
                self._upcasters.warn(error)
                return None
            self._events[entry.revision] = event
            if len(self._events) > CACHED_EVENTS_MAX:
                for revision in list(self._events)[: CACHED_EVENTS_MAX // 2]:
                    del self._events[revision]
        return event

    def event_at(self, kind: type[Kind], revision: int, store: StoreReader) -> StoredEvent | None:
        """The event of the entry at a revision, or None where it is not in the log."""
        event = self._events.get(revision)
        if event is not None and event.stored.kind is kind:
            return event
        entry = store.entry(revision)
        return None if entry is None else self.event_of(kind, entry)

    def matches(self, event: StoredEvent, matches: Matches) -> bool:
        """Whether an event's object matches; one that can't be read does not."""
        try:
            return matches(event.shared_object())
        except UnreadableObject as error:
            self._upcasters.warn(error)
            return False


class StoredWatch:
    """An asynchronous iterator of batches of watch events.

    `initial` are ADDED events for what was there at the start, answered as the first batch.
    """

    def __init__(
        self,
        kind: type[Kind],
        watch: Watch,
        store: StoreReader,
        cache: EventCache,
        matches: Matches | None,
        initial: list[StoredEvent],
        start_revision: int,
    ):
        self._kind = kind
        self._watch = watch
        self._store = store
        self._cache = cache
        self._matches = matches
        self._initial: list[StoredEvent] | None = initial or None
        self._start_revision = start_revision

    @property
    def revision(self) -> int:
        """The revision up to which everything has been answered."""
        return max(self._watch.position, self._start_revision)

    def end(self) -> None:
        """Answer what has been published, and then be over."""
        self._watch.end()

    def __aiter__(self) -> "StoredWatch":
        return self

    async def __anext__(self) -> list[StoredEvent]:
        if self._initial is not None:
            initial, self._initial = self._initial, None
            return initial
        while True:
            try:
                entries = await self._watch.__anext__()
            except Compacted as error:
                raise Expired(str(error)) from error
            selected = [event for entry in entries if (event := self._select(entry, self._matches))]
            if selected:
                return selected

    def _select(self, entry: Entry, matches: Matches | None) -> StoredEvent | None:
        event = self._cache.event_of(self._kind, entry)
        if event is None or matches is None:
            return event
        matches_now = self._cache.matches(event, matches)
        if entry.verb is Verb.CREATE:
            return event if matches_now else None
        if entry.verb is Verb.DELETE:
            return event if self._matched_before(entry, matches) else None
        matched_before = self._matched_before(entry, matches)
        if matches_now and matched_before:
            return event
        if matches_now:
            return StoredEvent(WatchEventType.ADDED, event.stored)
        if matched_before is not None:  # what leaves is shown as it last was in the selection
            left = Stored(self._kind, entry.key, entry.revision, matched_before.stored.data)
            return StoredEvent(WatchEventType.DELETED, left)
        return None

    def _matched_before(self, entry: Entry, matches: Matches) -> StoredEvent | None:
        """The state before, if it was in the selection."""
        previous = self._cache.event_at(self._kind, entry.previous_revision, self._store)
        if previous is None:  # compacted: the watcher can't have seen it either
            return None
        return previous if self._cache.matches(previous, matches) else None
