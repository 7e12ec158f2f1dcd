"""How writes become entries: inline, or in groups by one writer thread.

`InlineCommitter` appends on the event loop without fsync: it survives a killed process, not a
power cut. `GroupCommitter` hands writes to a thread that takes all that wait, appends them in one
transaction with one fsync, and posts one callback to the event loop, which publishes the entries
and then wakes the writers:

    writer tasks        writer thread                       event loop
    ────────────        ─────────────                       ──────────
    commit(w1) ──► queue ──► [w1 w2 w3] ── append, fsync ──► publish e1 e2 e3 (observers, watches)
    commit(w2) ──►                                           wake w1 w2 w3
    commit(w3) ──►           [w4 w5] …
"""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol, TypeVar

import anyio
import anyio.lowlevel

from kernel.clock import Clock
from kernel.store.errors import PreconditionFailed, StoreClosed, StoreError
from kernel.store.event_loop import current_post
from kernel.store.log import Appended, Log, Write
from kernel.store.schema import Entry

GROUP_WRITES_MAX = 1024

Publish = Callable[[Sequence[Entry]], None]
Result = TypeVar("Result")


class Committer(Protocol):
    """Makes writes durable and published, and does other work on the log between them."""

    async def commit(self, write: Write) -> list[Entry]:
        """The write's entries, after they are durable and everyone in this process has them."""
        ...

    async def perform(self, task: Callable[[], Result]) -> Result:
        """What `task()` answers, called where and when the log may be written."""
        ...

    async def close(self) -> None:
        """Finish what waits; refuse what comes later with `StoreClosed`."""
        ...


class InlineCommitter:
    """Appends on the calling task, without a thread."""

    def __init__(self, log: Log, clock: Clock, publish: Publish):
        self._log = log
        self._clock = clock
        self._publish = publish
        self._closed = False

    async def commit(self, write: Write) -> list[Entry]:
        await self._take_turn()
        (outcome,) = self._log.append((write,), self._clock.now_nanoseconds())
        if isinstance(outcome, PreconditionFailed):
            raise outcome
        if outcome.entries and not outcome.repeated:
            self._publish(outcome.entries)
        return outcome.entries

    async def perform(self, task: Callable[[], Result]) -> Result:
        await self._take_turn()
        return task()

    async def _take_turn(self) -> None:
        await anyio.lowlevel.checkpoint()  # a task that only writes must not keep others waiting
        if self._closed:
            raise StoreClosed("the store has been closed")

    async def close(self) -> None:
        self._closed = True


class _Group:
    """Writes on their way through the thread, and the tasks that wait for them."""

    __slots__ = ("done", "outcomes", "writes")

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.done = anyio.Event()
        self.outcomes: Sequence[Appended | StoreError] = ()


class _Task:
    """Other work on its way through the thread."""

    __slots__ = ("call", "done", "error")

    def __init__(self, call: Callable[[], None]):
        self.call = call
        self.done = anyio.Event()
        self.error: Exception | None = None


class GroupCommitter:
    """Appends in groups on a thread of its own; one fsync a group.

    The group that gathers is the last one in the queue. It is closed when the thread takes it, or
    when something else is queued behind it.
    """

    def __init__(self, log: Log, clock: Clock, publish: Publish):
        self._log = log
        self._clock = clock
        self._publish = publish
        self._post = current_post()
        self._queue: SimpleQueue[_Group | _Task | None] = SimpleQueue()
        self._gathering: _Group | None = None
        self._gathering_lock = threading.Lock()
        self._closed = False
        self._ended = anyio.Event()
        self._thread = threading.Thread(target=self._run, name="podkernel-writer", daemon=True)
        self._thread.start()

    async def commit(self, write: Write) -> list[Entry]:
        if self._closed:
            raise StoreClosed("the store has been closed")
        with self._gathering_lock:
            group = self._gathering
            if group is None or len(group.writes) == GROUP_WRITES_MAX:
                group = self._gathering = _Group()
                self._queue.put(group)
            place = len(group.writes)
            group.writes.append(write)
        await group.done.wait()
        outcome = group.outcomes[place]
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome.entries

    async def perform(self, task: Callable[[], Result]) -> Result:
        if self._closed:
            raise StoreClosed("the store has been closed")
        results: list[Result] = []
        waiting = _Task(lambda: results.append(task()))
        self._queue_behind(waiting)
        await waiting.done.wait()
        if waiting.error is not None:
            raise waiting.error
        return results[0]

    async def close(self) -> None:
        self._closed = True
        self._queue_behind(None)
        with anyio.CancelScope(shield=True):
            await self._ended.wait()  # posted after the last group, so that is published by now
        self._thread.join()

    def _queue_behind(self, following: _Task | None) -> None:
        """Queue what is to come after all writes so far and before those to come."""
        with self._gathering_lock:
            self._gathering = None
            self._queue.put(following)

    def _run(self) -> None:
        while (taken := self._queue.get()) is not None:
            if isinstance(taken, _Task):
                self._perform(taken)
            else:
                with self._gathering_lock:
                    if self._gathering is taken:
                        self._gathering = None
                self._commit_group(taken)
        self._post(self._ended.set)

    def _perform(self, task: _Task) -> None:
        try:
            task.call()
        except Exception as error:  # raised again in the task that waits
            task.error = error
        self._post(task.done.set)

    def _commit_group(self, group: _Group) -> None:
        try:
            group.outcomes = self._log.append(group.writes, self._clock.now_nanoseconds())
        except StoreError as error:
            group.outcomes = [error] * len(group.writes)
        except Exception as error:  # a bug of ours: the writers must hear of it, not hang
            failure = StoreError(f"the write failed: {error!r}")
            group.outcomes = [failure] * len(group.writes)
        self._post(self._finish, group)

    def _finish(self, group: _Group) -> None:
        entries = [
            entry
            for outcome in group.outcomes
            if isinstance(outcome, Appended) and not outcome.repeated
            for entry in outcome.entries
        ]
        if entries:
            self._publish(entries)
        group.done.set()
