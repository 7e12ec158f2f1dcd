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
from enum import Enum
from queue import Empty, SimpleQueue
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


class _Waiting:
    """A write on its way through the thread, and the task that waits for it."""

    __slots__ = ("done", "outcome", "write")

    def __init__(self, write: Write):
        self.write = write
        self.done = anyio.Event()
        self.outcome: Appended | StoreError = Appended([])


class _Task:
    """Other work on its way through the thread."""

    __slots__ = ("call", "done", "error")

    def __init__(self, call: Callable[[], None]):
        self.call = call
        self.done = anyio.Event()
        self.error: Exception | None = None


class _End(Enum):
    """After the last write."""

    END = 0


_END = _End.END
_Following = _Task | _End | None


class GroupCommitter:
    """Appends in groups on a thread of its own; one fsync a group."""

    def __init__(self, log: Log, clock: Clock, publish: Publish):
        self._log = log
        self._clock = clock
        self._publish = publish
        self._post = current_post()
        self._queue: SimpleQueue[_Waiting | _Task | _End] = SimpleQueue()
        self._closed = False
        self._ended = anyio.Event()
        self._thread = threading.Thread(target=self._run, name="podkernel-writer", daemon=True)
        self._thread.start()

    async def commit(self, write: Write) -> list[Entry]:
        if self._closed:
            raise StoreClosed("the store has been closed")
        waiting = _Waiting(write)
        self._queue.put(waiting)
        await waiting.done.wait()
        if isinstance(waiting.outcome, StoreError):
            raise waiting.outcome
        return waiting.outcome.entries

    async def perform(self, task: Callable[[], Result]) -> Result:
        if self._closed:
            raise StoreClosed("the store has been closed")
        results: list[Result] = []
        waiting = _Task(lambda: results.append(task()))
        self._queue.put(waiting)
        await waiting.done.wait()
        if waiting.error is not None:
            raise waiting.error
        return results[0]

    async def close(self) -> None:
        self._closed = True
        self._queue.put(_END)
        with anyio.CancelScope(shield=True):
            await self._ended.wait()  # posted after the last group, so that is published by now
        self._thread.join()

    def _run(self) -> None:
        following: _Following = None
        while following is not _END:
            group, following = self._take_group(self._queue.get())
            if group:
                self._commit_group(group)
            if isinstance(following, _Task):
                self._perform(following)
        self._post(self._ended.set)

    def _take_group(self, first: _Waiting | _Task | _End) -> tuple[list[_Waiting], _Following]:
        """All writes that wait now, and what came after them that is none."""
        group: list[_Waiting] = []
        following = first
        while isinstance(following, _Waiting):
            group.append(following)
            if len(group) == GROUP_WRITES_MAX:
                return group, None
            try:
                following = self._queue.get_nowait()
            except Empty:
                return group, None
        return group, following

    def _perform(self, task: _Task) -> None:
        try:
            task.call()
        except Exception as error:  # raised again in the task that waits
            task.error = error
        self._post(task.done.set)

    def _commit_group(self, group: list[_Waiting]) -> None:
        outcomes: Sequence[Appended | StoreError]
        try:
            outcomes = self._log.append(
                [waiting.write for waiting in group], self._clock.now_nanoseconds()
            )
        except StoreError as error:
            outcomes = [error] * len(group)
        except Exception as error:  # a bug of ours: the writers must hear of it, not hang
            outcomes = [StoreError(f"the write failed: {error!r}")] * len(group)
        self._post(self._finish, group, outcomes)

    def _finish(self, group: list[_Waiting], outcomes: Sequence[Appended | StoreError]) -> None:
        entries = [
            entry
            for outcome in outcomes
            if isinstance(outcome, Appended) and not outcome.repeated
            for entry in outcome.entries
        ]
        if entries:
            self._publish(entries)
        for waiting, outcome in zip(group, outcomes, strict=True):
            waiting.outcome = outcome
            waiting.done.set()
