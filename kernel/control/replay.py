"""Replay: what reconcilers would have written, had they been there when an old log was written.

For each entry of the log, in order, at its time:

1. The entry happens: it can be read, and projections fold it.
2. Each reconciler is given the keys that the entry leads to, as a controller would, one call after
   the other, each until it returns.
3. What a call writes is seen by that call alone. It is taken down, compared with what the log has,
   and never was: the world goes on as it did.

A requested requeue is called when the log's time has come there, before the entry that follows;
what is left at the end of the log is not called. What raises an error is taken down and not tried
again before the next change. Nothing depends on how fast the machine is, so two replays of the
same log by the same reconcilers give the same report.

What makes it different from a live run: nothing is coalesced (a live controller that is busy makes
one call of several changes), objects that were there at the start are not looked at by
themselves, and sources of reconcilers (files, runtimes) are not started.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import anyio
import msgspec

from kernel.api.changes import ChangeVerb, ProjectedEntry
from kernel.api.context import acting
from kernel.api.errors import ApiError, NotFound
from kernel.api.local import LocalClient
from kernel.api.replayed import LoggedEntry, ReplayedWorld
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.control.owners import owner_requests
from kernel.control.projection import Projection
from kernel.control.projection_run import Projections
from kernel.control.reconciler import Reconciler, Request, Result, RetryAfter
from kernel.objects.field_changes import FieldChange

CALL_SECONDS_MAX = 30.0  # real ones: a call that waits for what will not happen must end

ReplayProgress = Callable[[int, int], None]
"""Called with the revision that has been reached, and the one to reach."""


class ReplayedWrite(msgspec.Struct, frozen=True):
    """What a reconciler would have written at `revision`, when it was called for `request`.

    It is compared with the entry `logged_revision`: the next one of this reconciler for this key.
    Where it never wrote that (0), it is compared with the object as it was at `revision`.
    `differences` go from the log (`before`) to the write (`after`).
    """

    revision: int
    reconciler: str
    request: Request
    verb: ChangeVerb
    key: str
    logged_revision: int
    same_verb: bool
    differences: list[FieldChange]

    @property
    def agrees(self) -> bool:
        """Whether the log has just that."""
        return bool(self.logged_revision) and self.same_verb and not self.differences


class ReplayedFailure(msgspec.Struct, frozen=True):
    """What a reconciler raised at `revision`."""

    revision: int
    reconciler: str
    request: Request
    error: str


class MissingWrite(msgspec.Struct, frozen=True):
    """An entry of the log by one of the reconcilers that nothing in the replay compares with."""

    revision: int
    reconciler: str
    verb: ChangeVerb
    key: str


class ReplayReport(msgspec.Struct, frozen=True):
    """What came of a replay of the entries from `first_revision` to `last_revision`."""

    first_revision: int
    last_revision: int
    entries: int
    calls: int
    writes: list[ReplayedWrite]
    failures: list[ReplayedFailure]
    missing: list[MissingWrite]

    @property
    def differing(self) -> list[ReplayedWrite]:
        """The writes that the log does not have just so."""
        return [write for write in self.writes if not write.agrees]

    @property
    def agrees(self) -> bool:
        """Whether the reconcilers would have done what the log says that they did."""
        return not (self.differing or self.failures or self.missing)


class Replay:
    """One replay of a world, from where it is to its end."""

    def __init__(
        self,
        world: ReplayedWorld,
        reconcilers: Sequence[Reconciler],
        projections: Iterable[Projection[Any]] = (),
    ):
        self._world = world
        self._reconcilers = reconcilers
        self._projections = Projections(projections, world.changes, world.clock)
        self._client = LocalClient(world.api, self._projections.view)
        self._happened: list[ProjectedEntry[Any]] = []
        self._due: list[tuple[int, int, int, Request]] = []  # ns, order, reconciler, request
        self._damage: ApiError | None = None
        self._order = 0
        self._calls = 0
        self._writes: list[ReplayedWrite] = []
        self._failures: list[ReplayedFailure] = []

    async def run(self, progress: ReplayProgress) -> ReplayReport:
        """Replay, and report. Raises `ApiError` where the old log can't be read."""
        start, newest = self._world.revision, self._world.newest_revision
        by_reconcilers: list[LoggedEntry] = []
        names = {one.name for one in self._reconcilers}
        entries = 0
        self._world.expect(names)
        async with self._projections.following():
            unfollow = self._world.changes.observe(
                _kinds_of(self._reconcilers), self._happen, self._damaged
            )
            while (entry := self._next_entry(newest)) is not None:
                await self._call_due(entry.time_nanoseconds)
                self._world.advance()
                entries += 1
                if entry.actor in names:
                    by_reconcilers.append(entry)
                if self._damage is not None:
                    raise self._damage
                for happened in self._take_happened():
                    await self._react(happened)
                progress(entry.revision, newest)
            unfollow()
        compared = {write.logged_revision for write in self._writes}
        return ReplayReport(
            first_revision=start + 1,
            last_revision=self._world.revision,
            entries=entries,
            calls=self._calls,
            writes=self._writes,
            failures=self._failures,
            missing=[
                MissingWrite(one.revision, one.actor, one.verb, one.key)
                for one in by_reconcilers
                if one.revision not in compared
            ],
        )

    def _next_entry(self, newest: int) -> LoggedEntry | None:
        """Up to where the log ended at the start: someone may go on writing it."""
        entry = self._world.next_entry()
        return entry if entry is not None and entry.revision <= newest else None

    def _happen(self, entry: ProjectedEntry[Any]) -> None:
        self._happened.append(entry)

    def _damaged(self, revision: int, error: ApiError) -> None:
        self._damage = error

    def _take_happened(self) -> list[ProjectedEntry[Any]]:
        happened, self._happened = self._happened, []
        return happened

    async def _react(self, entry: ProjectedEntry[Any]) -> None:
        for number, reconciler in enumerate(self._reconcilers):
            try:
                requests = dict.fromkeys(_requests(reconciler, entry))
            except Exception as error:  # `when` or a map of a plugin
                metadata = entry.object.metadata
                self._failed(reconciler, Request(metadata.name, metadata.namespace), error)
                continue
            for request in requests:
                await self._call(number, request, entry.revision)

    async def _call_due(self, until_nanoseconds: int) -> None:
        while self._due and self._due[0][0] <= until_nanoseconds:
            due, _, number, request = heapq.heappop(self._due)
            self._world.clock.time_nanoseconds = max(due, self._world.clock.time_nanoseconds)
            await self._call(number, request, self._world.revision)

    async def _call(self, number: int, request: Request, cause: int) -> None:
        reconciler = self._reconcilers[number]
        self._calls += 1
        self._due = [one for one in self._due if one[2:] != (number, request)]
        heapq.heapify(self._due)
        try:
            with acting(reconciler.name, cause=cause), anyio.fail_after(CALL_SECONDS_MAX):
                result = await reconciler.reconcile(request, self._client)
            self._requeue(number, request, result)
        except RetryAfter as error:
            self._failed(reconciler, request, error)
            self._requeue(number, request, Result(error.seconds))
        except NotFound as error:
            if await self._exists(reconciler, request):
                self._failed(reconciler, request, error)
        except Exception as error:
            self._failed(reconciler, request, error)
        for taken in self._world.take_writes(reconciler.name):
            self._writes.append(
                ReplayedWrite(
                    revision=self._world.revision,
                    reconciler=reconciler.name,
                    request=request,
                    verb=taken.verb,
                    key=taken.key,
                    logged_revision=taken.logged_revision,
                    same_verb=taken.same_verb,
                    differences=taken.differences,
                )
            )

    def _requeue(self, number: int, request: Request, result: Result | None) -> None:
        if result is None or result.requeue_after_seconds is None:
            return
        delay = round(result.requeue_after_seconds * NANOSECONDS_PER_SECOND)
        self._order += 1
        heapq.heappush(
            self._due, (self._world.clock.time_nanoseconds + delay, self._order, number, request)
        )

    async def _exists(self, reconciler: Reconciler, request: Request) -> bool:
        try:
            self._world.api.get(reconciler.kind, request.namespace, request.name)
        except NotFound:
            return False
        return True

    def _failed(self, reconciler: Reconciler, request: Request, error: Exception) -> None:
        self._failures.append(
            ReplayedFailure(
                revision=self._world.revision,
                reconciler=reconciler.name,
                request=request,
                error=f"{type(error).__name__}: {error}".removesuffix(": "),
            )
        )


def _kinds_of(reconcilers: Iterable[Reconciler]) -> list[Any]:
    """All kinds that any of them reacts to, each once."""
    return list(
        dict.fromkeys(
            kind
            for one in reconcilers
            for kind in (one.kind, *one.owns, *(watch.kind for watch in one.watches))
        )
    )


def _requests(reconciler: Reconciler, entry: ProjectedEntry[Any]) -> Iterator[Request]:
    """The keys that a controller would put into the reconciler's queue."""
    kind = type(entry.object)
    states = [state for state in (entry.previous, entry.object) if state is not None]
    if kind is reconciler.kind and (
        entry.verb == "delete" or reconciler.when is None or reconciler.when(entry.object)
    ):
        yield Request(entry.object.metadata.name, entry.object.metadata.namespace)
    for state in states:
        if kind in reconciler.owns:
            yield from owner_requests(reconciler.kind, state)
        for watch in reconciler.watches:
            if kind is watch.kind:
                yield from watch.requests(state)
