"""A process that writes as fast as it can, and says what has been acknowledged, until it is killed.

Arguments: directory, durability (or "early": see `acknowledge_early`), number of writers, the
revision to watch after (-1: no watch), "compacting" or "growing". On standard output, a line for
each acknowledged entry, `a REVISION KEY VALUE` (deletes have no value), for each entry that a
watch has shown, `w REVISION KEY VALUE`, and `c REVISION` where the watch could only begin there.
"""

import os
import sys
from pathlib import Path
from typing import Any, get_args

import anyio

from kernel.clock import SystemClock
from kernel.store import store as store_module
from kernel.store.commit import GroupCommitter
from kernel.store.errors import Compacted
from kernel.store.log import Log, Operation, Write
from kernel.store.schema import Entry
from kernel.store.store import Durability, Store

ENTRIES_KEPT = 300


def say(kind: str, entry: Entry) -> None:
    line = f"{kind} {entry.revision} {entry.key} {entry.value.decode()}\n"
    os.write(1, line.encode())  # one system call, so that no line is written in part


def acknowledge_early() -> None:
    """Make this a process that is not to be trusted: it syncs after it has acknowledged."""

    class EarlyCommitter(GroupCommitter):
        def _commit_group(self, group: Any) -> None:
            super()._commit_group(group)
            self._log.environment.sync()

    def log_without_sync(path: Path, **options: Any) -> Log:
        return Log(path, **(options | {"sync": False}))

    setattr(store_module, "GroupCommitter", EarlyCommitter)  # noqa: B010
    setattr(store_module, "Log", log_without_sync)  # noqa: B010


async def write(store: Store, writer: int) -> None:
    """Set, set again, and delete keys, one or two in a write."""
    number = 0
    while True:
        number += 1
        key, value = f"/w/{writer}/{number % 5}", b"%d" % number
        operations = [Operation(key, None if number % 7 == 0 else value)]
        if number % 3 == 0:
            operations.append(Operation(f"/pair/{writer}", value))
        for entry in await store.commit(Write(operations, f"writer-{writer}", cause=number)):
            say("a", entry)


async def watch(store: Store, after_revision: int) -> None:
    """Go on where the last process was when it was killed."""
    while True:
        try:
            with store.watch("/", after_revision=after_revision) as watching:
                async for batch in watching:
                    for entry in batch:
                        say("w", entry)
        except Compacted as error:
            after_revision = error.oldest_revision
            os.write(1, f"c {after_revision}\n".encode())


async def compact(store: Store) -> None:
    """Keep compacting closely behind the newest entries."""
    while True:
        await store.compact(max(store.published_revision - ENTRIES_KEPT, 0))
        await anyio.sleep(0.001)


async def main(*arguments: str) -> None:
    """Write until killed."""
    directory, durability, writers, after_revision, compacting = arguments
    if durability == "early":
        acknowledge_early()
        durability = "disk"
    (chosen,) = (one for one in get_args(Durability) if one == durability)
    opening = Store.open_writer(Path(directory), clock=SystemClock(), durability=chosen)
    async with opening as store, anyio.create_task_group() as tasks:
        if int(after_revision) >= 0:
            tasks.start_soon(watch, store, int(after_revision))
        if compacting == "compacting":
            tasks.start_soon(compact, store)
        for writer in range(int(writers)):
            tasks.start_soon(write, store, writer)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
