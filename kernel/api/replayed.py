"""An old log lived through again under the API's rules: objects as they were, writes taken down.

The one who replays moves the world on entry by entry and has calls made in it. What a call writes
is seen by this call alone, its later reads included, so that a create that is followed by an
update of the status goes as it would; then it is taken down and never was. The world goes on as it
did in the old log.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio.lowlevel
import msgspec

from kernel.api.admission import AdmissionChain
from kernel.api.changes import CHANGE_VERBS, ChangeLog, ChangeVerb, time_of
from kernel.api.errors import ApiError
from kernel.api.object_api import ObjectApi
from kernel.api.upcasting import Upcasters
from kernel.clock import NANOSECONDS_PER_SECOND, ManualClock
from kernel.objects.field_changes import FieldChange, field_changes
from kernel.objects.kinds import KindTable
from kernel.store.errors import StoreError
from kernel.store.replaying import ReplayedStore, open_replay
from kernel.store.schema import Entry, Verb

# These differ each time something is done, whatever does it.
_INCIDENTAL = ("metadata.uid", "metadata.creationTimestamp", "metadata.managedFields")
_INCIDENTAL_AT_THE_END = ("lastTransitionTime",)


class ReplayClock(ManualClock):
    """Shows the time of the log; its chance comes from a seed, the same in each replay."""

    def __init__(self) -> None:
        super().__init__()
        self.time_nanoseconds = 0

    def now_nanoseconds(self) -> int:
        return self.time_nanoseconds

    def monotonic_seconds(self) -> float:
        return self.time_nanoseconds / NANOSECONDS_PER_SECOND

    async def sleep(self, seconds: float) -> None:
        """Return at once: time goes with the log."""
        await anyio.lowlevel.checkpoint()


class LoggedEntry(msgspec.Struct, frozen=True):
    """An entry of the old log, without its object."""

    revision: int
    time_nanoseconds: int
    verb: ChangeVerb
    key: str
    actor: str

    @property
    def time(self) -> datetime:
        """When it was written."""
        return time_of(self.time_nanoseconds)


class TakenWrite(msgspec.Struct, frozen=True):
    """A write that a replayed call has made, against what the old log has.

    `logged_revision` is the entry that it is compared with: the next one of the same actor and
    key (the second next, where the call wrote this key before); 0 where there is none, and then it
    is compared with the object as it is in the old log at that time. `differences` go from the log
    to what was written now; ids and times that are new each time are left out.
    """

    verb: ChangeVerb
    key: str
    logged_revision: int
    same_verb: bool
    differences: list[FieldChange]


class ReplayedWorld:
    """The old log's objects as of `revision`, and how to move that on. Raises `ApiError`s."""

    def __init__(
        self,
        store: ReplayedStore,
        clock: ReplayClock,
        kinds: KindTable,
        admission: AdmissionChain,
        upcasters: Upcasters,
    ):
        self._store = store
        self._kinds = {kind.info.key_prefix(): kind for kind in kinds}
        self._to_come: dict[tuple[str, str], list[int]] = {}
        self.clock = clock
        self.api = ObjectApi(store, kinds, clock, admission, upcasters)
        self.changes = ChangeLog(store, upcasters)

    @property
    def revision(self) -> int:
        """Up to where the old log has happened."""
        return self._store.published_revision

    @property
    def newest_revision(self) -> int:
        """The end of the old log."""
        return self._store.newest_revision

    def expect(self, actors: Collection[str]) -> None:
        """Look ahead in the old log for what these actors will do, to compare with later."""
        with _store_errors_translated():
            for entry in self._store.entries_to_come():
                actor = entry.actor
                if actor in actors:
                    self._to_come.setdefault((actor, entry.key), []).append(entry.revision)

    def next_entry(self) -> LoggedEntry | None:
        """What will happen next; None at the end."""
        with _store_errors_translated():
            entry = self._store.next_entry()
        return None if entry is None else _logged(entry)

    def advance(self) -> None:
        """Let `next_entry` happen, at its time."""
        entry = self._store.next_entry()
        assert entry is not None
        self.clock.time_nanoseconds = entry.time_nanoseconds
        self._store.advance()

    def take_writes(self, actor: str) -> Sequence[TakenWrite]:
        """What a call on behalf of `actor`, who was expected, has written, and how that
        compares."""
        with _store_errors_translated():
            before: dict[str, int] = {}
            taken = []
            for entry in self._store.take_writes():
                nth = before.get(entry.key, 0)
                before[entry.key] = nth + 1
                taken.append(self._compared(entry, actor, nth))
            return taken

    def _compared(self, entry: Entry, actor: str, nth: int) -> TakenWrite:
        revisions = self._to_come.get((actor, entry.key), [])
        position = bisect_right(revisions, self.revision) + nth
        logged = None
        if position < len(revisions):
            logged = self._store.old_entry(revisions[position])
        if logged is not None:
            value = logged.value
        else:
            item = self._store.get(entry.key)
            value = item.value if item else b"{}"
        return TakenWrite(
            verb=CHANGE_VERBS[entry.verb],
            key=entry.key,
            logged_revision=logged.revision if logged else 0,
            same_verb=logged is not None and logged.verb is entry.verb,
            differences=self._differences(entry.key, value, entry.value)
            if entry.verb is not Verb.DELETE
            else [],
        )

    def _differences(self, key: str, logged: bytes, written: bytes) -> list[FieldChange]:
        _, group, plural, _ = key.split("/", 3)
        changes = field_changes(
            _document(logged), _document(written), self._kinds.get(f"/{group}/{plural}/")
        )
        return [
            change
            for change in changes
            if not change.path.startswith(_INCIDENTAL)
            and not change.path.endswith(_INCIDENTAL_AT_THE_END)
        ]


@contextmanager
def open_world(
    directory: Path,
    *,
    kinds: KindTable,
    admission: AdmissionChain,
    upcasters: Upcasters,
    from_revision: int | None = None,
) -> Iterator[ReplayedWorld]:
    """The world in `directory` as it was before `from_revision` (by default as early as can be).

    Raises `StoreError`.
    """
    clock = ReplayClock()
    with open_replay(directory, clock=clock, from_revision=from_revision) as store:
        yield ReplayedWorld(store, clock, kinds, admission, upcasters)


def _logged(entry: Entry) -> LoggedEntry:
    return LoggedEntry(
        revision=entry.revision,
        time_nanoseconds=entry.time_nanoseconds,
        verb=CHANGE_VERBS[entry.verb],
        key=entry.key,
        actor=entry.actor,
    )


def _document(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data.decode(errors="replace")


@contextmanager
def _store_errors_translated() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise ApiError(f"the old log can't be read on: {error}") from error
