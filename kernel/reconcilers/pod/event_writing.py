"""Events are written beside the work that they tell of: nothing waits for their way to disk."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.abc

from kernel.api.context import acting, current_actor, current_cause
from kernel.control.reconciler import Trigger
from kernel.objects.kind import Kind
from kernel.reconcilers.pod.host import EventRecorder

_Write = Callable[[], Awaitable[None]]


class EventWriting:
    """An `EventRecorder` that hands on to another one, without waiting for it.

    What is said of one object is written in the order in which it was said; of several objects,
    side by side. It works as long as `source` (`kernel.control.reconciler.Source`) is open, and
    that closes once all is written; outside of it, whoever says something waits.
    """

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder
        self._pending: dict[str, deque[_Write]] = {}
        self._tasks: anyio.abc.TaskGroup | None = None

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Write for as long as the context is open, and what is left then."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None

    async def event(
        self, obj: Kind, type: str, reason: str, message: str, *, field_path: str = ""
    ) -> None:
        """Have it written, as the doing of whoever says it."""
        say = partial(self._recorder.event, obj, type, reason, message, field_path=field_path)
        if self._tasks is None:
            await say()
            return
        actor, cause = current_actor(), current_cause()
        write = partial(_as_said_by, actor, cause, say)
        pending = self._pending.get(obj.metadata.uid)
        if pending is None:
            self._pending[obj.metadata.uid] = deque([write])
            self._tasks.start_soon(self._drain, obj.metadata.uid)
        else:
            pending.append(write)

    async def _drain(self, uid: str) -> None:
        pending = self._pending[uid]
        # What was said before a stop is written also where the stop is a cancellation.
        with anyio.CancelScope(shield=True):
            try:
                while pending:
                    await pending.popleft()()
            finally:
                del self._pending[uid]


async def _as_said_by(actor: str, cause: int, say: _Write) -> None:
    with acting(actor, cause=cause):
        await say()
