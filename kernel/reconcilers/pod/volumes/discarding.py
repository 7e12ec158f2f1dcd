"""Directories that nothing points to any more are removed in a thread of its own: a disk that is
busy takes long over it, and nobody waits for it."""

import math
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from kernel.control.reconciler import Trigger


class Discarding:
    """Works as long as `source` (`kernel.control.reconciler.Source`) is open. What is not removed
    then is found again when its volume is next written or removed."""

    def __init__(self) -> None:
        self._queue: MemoryObjectSendStream[Path] | None = None

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Remove for as long as the context is open."""
        send, receive = anyio.create_memory_object_stream[Path](math.inf)
        with send, receive:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_remove_all, receive)
                self._queue = send
                try:
                    yield
                finally:
                    self._queue = None
                    tasks.cancel_scope.cancel()

    def discard(self, directories: Iterable[Path]) -> None:
        """Have them removed, some time."""
        for directory in directories:
            if self._queue is not None:
                self._queue.send_nowait(directory)


async def _remove_all(directories: MemoryObjectReceiveStream[Path]) -> None:
    async for directory in directories:
        await anyio.to_thread.run_sync(partial(shutil.rmtree, directory, ignore_errors=True))
