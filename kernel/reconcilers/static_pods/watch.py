"""Notifications of changes in one directory, from the operating system, by way of watchfiles.

Its Rust part is used directly: `awatch` tells neither when it has begun to watch (what changes
before goes unnoticed), nor does it stop promptly when it is cancelled.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from watchfiles._rust_notify import RustNotify

# How long changes are gathered: files are written in several steps.
GATHER_MILLISECONDS = 200
# How often the waiting thread looks up; the first change is told that much later at most.
STEP_MILLISECONDS = 100


class DirectoryWatch:
    """Sees what happens in a directory (not below it) from the moment on that it is opened."""

    def __init__(self, notify: RustNotify):
        self._notify = notify
        self._stopped = threading.Event()
        # A thread of its own, so that it never takes one from those who need one for a moment.
        self._limiter = anyio.CapacityLimiter(1)

    @staticmethod
    @contextmanager
    def open(directory: Path) -> "Iterator[DirectoryWatch]":
        """Raises OSError where there is no such directory, or no more watches are to be had."""
        watch = DirectoryWatch(RustNotify([str(directory)], False, False, 0, False, False))
        try:
            yield watch
        finally:
            watch._stopped.set()

    async def wait_change(self) -> None:
        """Return when something has changed since the last call, or since the opening.

        Where it is cancelled its thread ends a step later.
        """
        await anyio.to_thread.run_sync(
            self._notify.watch,
            GATHER_MILLISECONDS,
            STEP_MILLISECONDS,
            0,
            self._stopped,
            abandon_on_cancel=True,
            limiter=self._limiter,
        )
