"""`podkernel compact`: let go of the past, and give the room back to the disk."""

import argparse
from pathlib import Path

import anyio

from kernel.cli.failure import CommandFailure
from kernel.cli.moments import revision_at
from kernel.cli.progress import show_progress, showing_progress
from kernel.clock import Clock, SystemClock
from kernel.store.compaction import Retention
from kernel.store.copying import shrink
from kernel.store.environment import DATA_FILE_NAME
from kernel.store.snapshot import Progress
from kernel.store.store import LOG_DIRECTORY_NAME, Store

STEP_REVISIONS = 4096  # compacted between two reports


def run(arguments: argparse.Namespace) -> int:
    """Compact to a moment, or to where the default retention says; then shrink, if asked to."""
    directory: Path = arguments.data_dir
    if not (directory / LOG_DIRECTORY_NAME).is_dir():  # a writer would make it
        raise CommandFailure(f"{directory}: there is no event log in it")
    before, oldest = anyio.run(_compact, directory, arguments.at, SystemClock())
    if oldest > before:
        print(f"{directory} begins with revision {oldest} now")
    else:
        print(f"{directory} begins with revision {oldest}, as before")
    if arguments.shrink:
        file = directory / LOG_DIRECTORY_NAME / DATA_FILE_NAME
        before_bytes = file.stat().st_size
        show_progress(shrink(directory), "shrinking")
        print(f"{file} has {file.stat().st_size} bytes now, instead of {before_bytes}")
    return 0


async def _compact(directory: Path, moment: str, clock: Clock) -> tuple[int, int]:
    """The oldest revision before, and after."""
    async with Store.open_writer(directory, clock=clock) as store:
        before = store.oldest_revision
        if moment:
            target = revision_at(store, moment, clock)
        else:
            target = _retained_from(store, Retention(), clock)
        with showing_progress("compacting") as report:
            for revision in [*range(before, target, STEP_REVISIONS), max(target, before)]:
                await store.compact(min(revision, store.revision))
                report(Progress(revision - before, target - before))
        return before, store.oldest_revision


def _retained_from(store: Store, retention: Retention, clock: Clock) -> int:
    oldest_nanoseconds = retention.oldest_nanoseconds(clock.now_nanoseconds())
    return retention.compaction_point(store.revision, store.revision_at(oldest_nanoseconds))
