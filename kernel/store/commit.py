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
from queue import Empty, SimpleQueue
from typing import Protocol

import anyio
import anyio.lowlevel

from kernel.clock import Clock
from kernel.store.errors import PreconditionFailed, StoreClosed, StoreError
from kernel.store.event_loop import current_post
from kernel.store.log import Log, Write
from kernel.store.schema import Entry

GROUP_WRITES_MAX = 1024

Publish = Callable[[Sequence[Entry]], None]
Outcome = list[Entry] | StoreError


class Committer(Protocol):
    """Makes writes durable and published."""

    async def commit(self, write: Write) -> list[Entry]:
        """The write's entries, after they are durable and everyone in this process has them."""
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
        await anyio.lowlevel.checkpoint()  # a task that only writes must not keep others waiting
        if self._closed:
            raise StoreClosed("the store has been closed")
        (outcome,) = self._log.append((write,), self._clock.now_nanoseconds())
        if isinstance(outcome, PreconditionFailed):
            raise outcome
        if outcome:
            self._publish(outcome)
        return outcome

    async def close(self) -> None:
        self._closed = True


class _Waiting:
    """A write on its way through the thread, and the task that waits for it."""

    __slots__ = ("done", "outcome", "write")

    def __init__(self, write: Write):
        self.write = write
        self.done = anyio.Event()
        self.outcome: Outcome = []


class GroupCommitter:
    """Appends in groups on a thread of its own; one fsync a group."""

    def __init__(self, log: Log, clock: Clock, publish: Publish):
        self._log = log
        self._clock = clock
        self._publish = publish
        self._post = current_post()
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
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
        return waiting.outcome

    async def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        with anyio.CancelScope(shield=True):
            await self._ended.wait()  # posted after the last group, so that is published by now
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            first = self._queue.get()
            if first is None:
                break
            group, last = self._take_group(first)
            self._commit_group(group)
        self._post(self._ended.set)

    def _take_group(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """All that waits now, and whether the end is among it."""
        group = [first]
        while len(group) < GROUP_WRITES_MAX:
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                break
            if waiting is None:
                return group, True
            group.append(waiting)
        return group, False

    def _commit_group(self, group: list[_Waiting]) -> None:
        try:
            outcomes: Sequence[Outcome] = self._log.append(
                [waiting.write for waiting in group], self._clock.now_nanoseconds()
            )
        except StoreError as error:
            outcomes = [error] * len(group)
        except Exception as error:  # a bug of ours: the writers must hear of it, not hang
            outcomes = [StoreError(f"the write failed: {error!r}")] * len(group)
        self._post(self._finish, group, outcomes)

    def _finish(self, group: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
        entries = [entry for outcome in outcomes if isinstance(outcome, list) for entry in outcome]
        if entries:
            self._publish(entries)
        for waiting, outcome in zip(group, outcomes, strict=True):
            waiting.outcome = outcome
            waiting.done.set()
