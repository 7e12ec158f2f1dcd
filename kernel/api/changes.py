"""The event log as typed changes, for folds and replays: who made what of which object, and when.

`ChangeLog` is the one door of what lies above to the log as a whole; `ObjectApi` shows objects.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, Literal

import msgspec

from kernel.api.client import KindType
from kernel.api.errors import ApiError, Expired, InsufficientStorage, UnreadableObject
from kernel.api.upcasting import Upcasters
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.kind import Kind
from kernel.store.errors import Compacted, StoreError, StoreFull
from kernel.store.schema import Entry, Verb, verify_entry
from kernel.store.store import Projection, Store

Checkpoint = Projection  # what the store calls so is no more than that
ChangeVerb = Literal["create", "update", "delete"]

BATCH_ENTRIES_MAX = 128  # between two chances for other tasks to run
REMEMBERED_OBJECTS_MAX = 4096

CHANGE_VERBS: dict[Verb, ChangeVerb] = {
    Verb.CREATE: "create",
    Verb.UPDATE: "update",
    Verb.DELETE: "delete",
}


class ProjectedEntry(msgspec.Struct, Generic[KindType], frozen=True):
    """One entry of the log. For a delete, `object` is the last state; `previous` is the state
    before an update or a delete, where the log still has it. Both are shared and not to be changed.
    `cause` is the revision that `actor` reacted to (0: none)."""

    revision: int
    time: datetime
    verb: ChangeVerb
    object: KindType
    previous: KindType | None = None
    actor: str = ""
    cause: int = 0


class ChangeLog:
    """Reads a store's entries of some kinds in order, follows it, and keeps checkpoints in it.

    What can't be read as an object of its kind is left out, with a warning.
    """

    def __init__(self, store: Store, upcasters: Upcasters):
        self._store = store
        self._upcasters = upcasters
        self._recent: dict[int, Any] = {}  # objects by revision: most are soon someone's `previous`

    @property
    def revision(self) -> int:
        """The newest revision that everyone in this process has been shown."""
        return self._store.published_revision

    @property
    def oldest_revision(self) -> int:
        """From here on nothing is missing; 1 where nothing was compacted."""
        return self._store.oldest_revision

    def read(
        self, kinds: Sequence[type[Kind]], first_revision: int, last_revision: int
    ) -> tuple[list[ProjectedEntry[Any]], int]:
        """The next entries of some kinds, at most `BATCH_ENTRIES_MAX`, and the revision up to which
        this is all. Raises `Expired` where the log does not reach back to `first_revision`, and
        `ApiError` for a damaged entry."""
        prefix = kinds[0].info.key_prefix() if len(kinds) == 1 else ""
        with _store_errors_translated():
            entries, looked_at = self._store.entries(
                first_revision,
                prefix=prefix,
                last_revision=last_revision,
                scan_limit=BATCH_ENTRIES_MAX,
            )
        prefixes = {kind.info.key_prefix(): kind for kind in kinds}
        found = []
        for entry in entries:
            kind = prefixes.get(_prefix_of(entry.key))
            if kind is not None:
                with _store_errors_translated():
                    verify_entry(entry.revision, entry.record)
                change = self._change(kind, entry)
                if change is not None:
                    found.append(change)
        return found, looked_at

    def living(self, kinds: Sequence[type[Kind]], at: int) -> Iterator[list[ProjectedEntry[Any]]]:
        """What existed at a revision, in batches: each object as if it had been created as it was,
        at the time and by the actor of its last change until then. Raises `Expired`."""
        for kind in kinds:
            after_key = ""
            while True:
                with _store_errors_translated():
                    items, _ = self._store.scan(
                        kind.info.key_prefix(), after_key=after_key, limit=BATCH_ENTRIES_MAX, at=at
                    )
                    entries = [self._store.entry(item.revision) for item in items]
                changes = [self._change(kind, entry, as_created=True) for entry in entries if entry]
                yield [change for change in changes if change is not None]
                if len(items) < BATCH_ENTRIES_MAX:
                    break
                after_key = items[-1].key

    def observe(
        self,
        kinds: Sequence[type[Kind]],
        observer: Callable[[ProjectedEntry[Any]], None],
        failed: Callable[[int, ApiError], None],
    ) -> Callable[[], None]:
        """Call `observer` with each new entry of some kinds before its writer resumes; answers how
        to end that. Where the state before an entry is damaged in the log, `failed` is called with
        the entry's revision instead."""

        def show(kind: type[Kind], entry: Entry) -> None:
            try:
                change = self._change(kind, entry)
            except ApiError as error:
                failed(entry.revision, error)
                return
            if change is not None:
                observer(change)

        ends = [self._store.observe(kind.info.key_prefix(), partial(show, kind)) for kind in kinds]

        def end() -> None:
            for one in ends:
                one()

        return end

    def checkpoint(self, name: str) -> Checkpoint | None:
        """What was saved last under a name."""
        return self._store.projection(name)

    async def save_checkpoint(self, name: str, checkpoint: Checkpoint) -> None:
        """Replace what is saved under a name, whole or not at all. Raises `ApiError`."""
        with _store_errors_translated():
            await self._store.save_projection(name, checkpoint)

    def _change(
        self, kind: type[Kind], entry: Entry, *, as_created: bool = False
    ) -> ProjectedEntry[Any] | None:
        obj = self._object(kind, entry)
        if obj is None:
            return None
        return ProjectedEntry(
            revision=entry.revision,
            time=time_of(entry.time_nanoseconds),
            verb="create" if as_created else CHANGE_VERBS[entry.verb],
            object=obj,
            previous=None if as_created else self._previous(kind, entry),
            actor=entry.actor,
            cause=entry.cause,
        )

    def _object(self, kind: type[Kind], entry: Entry) -> Any | None:
        found = self._recent.pop(entry.revision, None)
        if found is None:
            try:
                found = self._upcasters.event(kind, entry).stored.decode()
            except UnreadableObject as error:
                self._upcasters.warn(error)
                return None
        self._recent[entry.revision] = found
        if len(self._recent) > REMEMBERED_OBJECTS_MAX:
            del self._recent[next(iter(self._recent))]
        return found

    def _previous(self, kind: type[Kind], entry: Entry) -> Any | None:
        if not entry.previous_revision:
            return None
        found = self._recent.pop(entry.previous_revision, None)
        if found is not None:
            return found
        with _store_errors_translated():
            previous = self._store.entry(entry.previous_revision)
        return None if previous is None else self._object(kind, previous)


def time_of(time_nanoseconds: int) -> datetime:
    """A time of the log, in UTC."""
    seconds, nanoseconds = divmod(time_nanoseconds, NANOSECONDS_PER_SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)


def _prefix_of(key: str) -> str:
    _, group, plural, _ = key.split("/", 3)
    return f"/{group}/{plural}/"


@contextmanager
def _store_errors_translated() -> Iterator[None]:
    try:
        yield
    except Compacted as error:
        raise Expired(str(error)) from error
    except StoreFull as error:
        raise InsufficientStorage(str(error)) from error
    except StoreError as error:
        raise ApiError(str(error)) from error
