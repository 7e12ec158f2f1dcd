"""Projections at work: brought up to date, following the log, saved now and then.

saved state ──► read the log in batches ──► follow it (an observer) ──► saved state
     │               ▲                             │ every N entries,
     │ of another    │                             │ every T seconds,
     └─ version ─────┘ from the beginning          └ at the stop
"""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import msgspec

from kernel.api.changes import ChangeLog, Checkpoint, ProjectedEntry
from kernel.api.client import ProjectionView
from kernel.api.errors import ApiError, Expired, NotFound
from kernel.clock import Clock
from kernel.control.projection import Projection

logger = logging.getLogger("podkernel.control")

PROGRESS_SECONDS = 1.0
QUIET_PAUSES_MAX = 60  # between two looks at whether the position alone is to be saved

Progress = Callable[[int, int], None]
"""Called with the revision that has been reached, and the one to reach."""


class ProjectionFailed(ApiError):
    """The fold raised an error: it stands still until it is mended and the kernel opened anew."""

    def __init__(self, name: str, revision: int, error: Exception):
        super().__init__(
            f"projection {name} failed at revision {revision}: {type(error).__name__}: {error}"
        )


class SavedState(msgspec.Struct):
    """What stands in a checkpoint."""

    since_revision: int
    state: msgspec.Raw


class _Folding:
    """A state, with the revision up to which it is folded, and since when nothing is missing."""

    def __init__(self, projection: Projection[Any], changes: ChangeLog):
        self._projection = projection
        self._changes = changes
        self.restart()

    def restart(self) -> None:
        """Begin before the first entry."""
        self.state = self._projection.initial()
        self.revision = 0
        self.since_revision = 0
        self.failure: ProjectionFailed | None = None

    def resume(self, checkpoint: Checkpoint) -> None:
        """Begin from a saved state, unless it is not of use."""
        projection = self._projection
        if checkpoint.version != projection.version:
            logger.info("projection %s has another version: it is built anew", projection.name)
            return
        if checkpoint.revision > self._changes.revision:
            logger.warning(
                "projection %s was saved at revision %d, beyond the log's end: it is built anew",
                *(projection.name, checkpoint.revision),
            )
            return
        try:
            saved = msgspec.json.decode(checkpoint.state, type=SavedState)
            state = msgspec.json.decode(saved.state, type=projection.state_type)
        except msgspec.DecodeError as error:
            logger.warning(
                "projection %s: its saved state can't be read (%s): it is built anew",
                *(projection.name, error),
            )
            return
        self.state, self.since_revision = state, saved.since_revision
        self.revision = checkpoint.revision

    def apply(self, entry: ProjectedEntry[Any]) -> None:
        """Fold one entry, unless an earlier one failed."""
        if self.failure is not None:
            return
        try:
            self.state = self._projection.fold(self.state, entry)
        except Exception as error:  # a plugin's code; the state may be half changed
            self.fail(entry.revision, error)

    def fail(self, revision: int, error: Exception) -> None:
        """Stand still from here on: the entry at `revision` could not be folded."""
        name = self._projection.name
        self.failure = ProjectionFailed(name, revision, error)
        logger.error("projection %s failed at revision %d", name, revision, exc_info=error)

    async def catch_up(self, progress: Progress) -> None:
        """Fold all that has been published. There is no pause between the last look and the
        return: who follows from then on misses nothing."""
        while self.failure is None and self.revision < self._changes.revision:
            newest = self._changes.revision
            try:
                await self._step(newest)
            except ApiError as error:  # damaged entries; other projections may not need them
                self.fail(self.revision + 1, error)
            progress(self.revision, newest)
            await anyio.lowlevel.checkpoint()

    async def _step(self, newest: int) -> None:
        try:
            entries, looked_at = self._changes.read(
                self._projection.kinds, self.revision + 1, newest
            )
        except Expired:
            await self._start_from_living()
            return
        for entry in entries:
            self.apply(entry)
        self.revision = looked_at

    async def _start_from_living(self) -> None:
        oldest = self._changes.oldest_revision
        logger.warning(
            "projection %s starts from what existed at revision %d: the log does not reach back "
            "to %d",
            *(self._projection.name, oldest, self.revision + 1),
        )
        self.restart()
        try:
            for batch in self._changes.living(self._projection.kinds, oldest):
                for entry in batch:
                    self.apply(entry)
                await anyio.lowlevel.checkpoint()
        except Expired:  # compacted further meanwhile: the next attempt starts from there
            self.restart()
            return
        self.revision = self.since_revision = oldest

    def encoded(self) -> bytes:
        """What to save."""
        return msgspec.json.encode(
            SavedState(self.since_revision, msgspec.Raw(msgspec.json.encode(self.state)))
        )


class RunningProjection:
    """One projection at work."""

    def __init__(self, projection: Projection[Any], changes: ChangeLog, clock: Clock):
        self.projection = projection
        self._changes = changes
        self._clock = clock
        self._folding = _Folding(projection, changes)
        self._unsaved = 0
        self._saved_revision = -1
        self._pause = anyio.CancelScope()
        self._unfollow: Callable[[], None] | None = None

    async def start(self) -> None:
        """Bring the state up to date, and follow the log from there."""
        checkpoint = self._changes.checkpoint(self.projection.name)
        if checkpoint is not None:
            self._folding.resume(checkpoint)
            self._saved_revision = self._folding.revision or -1
        await self._folding.catch_up(self._logged_progress())
        self._unfollow = self._changes.observe(self.projection.kinds, self._apply, self._fail)

    def stop(self) -> None:
        """Follow no more."""
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    async def rebuild(self, progress: Progress) -> None:
        """Build the state anew from the log; until that is done, the old one is shown. Raises
        `ProjectionFailed`, and then that is as it was."""
        folding = _Folding(self.projection, self._changes)
        await folding.catch_up(progress)
        if folding.failure is not None:
            raise folding.failure
        self._folding = folding
        self._saved_revision = -1
        await self.save()

    def view(self) -> ProjectionView:
        """The state as it is now. Raises `ProjectionFailed`."""
        folding = self._folding
        if folding.failure is not None:
            raise folding.failure
        return ProjectionView(
            name=self.projection.name,
            revision=max(folding.revision, self._changes.revision),
            since_revision=folding.since_revision,
            state=folding.state,
        )

    async def save(self) -> None:
        """Save the state, if there is anything new. Raises `ApiError`."""
        folding, revision = self._folding, self._changes.revision
        if folding.failure is not None or revision == self._saved_revision:
            return
        # Without a pause since the look at the revision, the state is of just that.
        checkpoint = Checkpoint(revision, self.projection.version, folding.encoded())
        unsaved, self._unsaved = self._unsaved, 0
        try:
            await self._changes.save_checkpoint(self.projection.name, checkpoint)
        except ApiError:
            self._unsaved += unsaved
            raise
        self._saved_revision = revision

    async def keep_saving(self) -> None:
        """Save every so many entries or seconds; never returns.

        Where the log has only moved on, with nothing to fold, the position is saved now and then:
        else compaction would pass it.
        """
        quiet_pauses = 0
        while True:
            with anyio.CancelScope() as self._pause:
                await self._clock.sleep(self.projection.checkpoint_seconds)
            quiet_pauses += 1
            behind = self._changes.revision - max(self._saved_revision, 0)
            if (
                self._unsaved
                or behind >= self.projection.checkpoint_entries
                or quiet_pauses >= QUIET_PAUSES_MAX
            ):
                quiet_pauses = 0
                await self._try_to_save()

    async def _try_to_save(self) -> None:
        try:
            await self.save()
        except ApiError as error:
            logger.warning("projection %s could not be saved: %s", self.projection.name, error)

    async def finish(self) -> None:
        """Stop following, and save what is not saved. Where it has not come to follow, its state
        is not that of the log's end, and what was saved before stays."""
        if self._unfollow is None:
            return
        self.stop()
        with anyio.CancelScope(shield=True):
            await self._try_to_save()

    def _apply(self, entry: ProjectedEntry[Any]) -> None:
        self._folding.apply(entry)
        self._unsaved += 1
        if self._unsaved >= self.projection.checkpoint_entries:
            self._pause.cancel()

    def _fail(self, revision: int, error: Exception) -> None:
        self._folding.fail(revision, error)

    def _logged_progress(self) -> Progress:
        """Say how far it is once a second: a start that takes long should say why."""
        said = self._clock.monotonic_seconds()

        def progress(revision: int, newest: int) -> None:
            nonlocal said
            now = self._clock.monotonic_seconds()
            if now - said >= PROGRESS_SECONDS:
                said = now
                logger.warning(
                    "projection %s is being brought up to date: revision %d of %d",
                    *(self.projection.name, revision, newest),
                )

        return progress


class Projections:
    """All projections of one kernel, by name."""

    def __init__(self, projections: Iterable[Projection[Any]], changes: ChangeLog, clock: Clock):
        self._running = {one.name: RunningProjection(one, changes, clock) for one in projections}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Up to date on entering, saved on leaving."""
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            try:
                for one in self._running.values():
                    await one.start()
                    tasks.start_soon(one.keep_saving)
                yield
            except Exception as error:  # raised in here, it would come out in a group
                failure = error
            finally:
                tasks.cancel_scope.cancel()
                for one in self._running.values():
                    await one.finish()
        if failure is not None:
            raise failure

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Up to date while the context lasts, and never saved."""
        for one in self._running.values():
            await one.start()
        try:
            yield
        finally:
            for one in self._running.values():
                one.stop()

    def view(self, name: str) -> ProjectionView:
        """What a projection has made of the log. Raises `NotFound`, `ProjectionFailed`."""
        return self._of(name).view()

    async def rebuild(self, name: str, progress: Progress) -> None:
        """Build the state of a projection anew from the log. Raises `NotFound`, `ApiError`."""
        await self._of(name).rebuild(progress)

    def _of(self, name: str) -> RunningProjection:
        found = self._running.get(name)
        if found is None:
            raise NotFound.of("projections", name)
        return found
