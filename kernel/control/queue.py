"""The queue of one reconciler: keys, deduplicated, delayed, prioritised, backing off.

A key is in at most one of three states: waiting for its time, ready, or being worked on. One that
is added while it is worked on becomes ready again when that is done, so calls for one key never
overlap and no change is missed.
"""

import heapq
import itertools
from collections import deque

import anyio
import anyio.lowlevel
import msgspec

from kernel.clock import Clock
from kernel.control.reconciler import Request

BACKOFF_SECONDS_MIN = 0.005
BACKOFF_SECONDS_MAX = 300.0
TIMER_RESOLUTION_SECONDS = 1e-6  # what is due this soon is due: sums of floats are not exact
FORGOTTEN_DELAYS_MAX = 64  # delays without effect that may stay in the heap beside as many others


class Work(msgspec.Struct, frozen=True):
    """A key to work on, and the newest revision that asked for it (0: none)."""

    request: Request
    cause: int


class _Pending(msgspec.Struct):
    """A key that is ready, or will be once it is no longer worked on."""

    priority: int
    cause: int


class QueueStatistics(msgspec.Struct, frozen=True):
    """How many keys are ready or will be, have been added so far, and are being worked on."""

    depth: int
    added: int
    working: int


class WorkQueue:
    """Keys for any number of workers. Call `run` beside them: it wakes delayed keys."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._pending: dict[Request, _Pending] = {}
        self._ready: list[tuple[int, int, Request]] = []
        self._working: set[Request] = set()
        self._failures: dict[Request, int] = {}
        self._due: dict[Request, tuple[float, int, int]] = {}
        self._delayed: list[tuple[float, int, Request]] = []
        self._order = itertools.count()
        self._idle_workers: deque[anyio.Event] = deque()
        self._delayed_added = anyio.Event()
        self._timer = anyio.CancelScope()
        self._added = 0

    def __len__(self) -> int:
        return len(self._pending)

    def statistics(self) -> QueueStatistics:
        """What the queue holds and has held."""
        return QueueStatistics(len(self._pending), self._added, len(self._working))

    def add(self, request: Request, *, priority: int = 0, cause: int = 0) -> None:
        """Have a key worked on. Where it is ready already, the higher priority and the newer
        cause hold."""
        pending = self._pending.get(request)
        if pending is None:
            self._added += 1
            self._pending[request] = _Pending(priority, cause)
            if request not in self._working:
                self._make_ready(request, priority)
            return
        pending.cause = max(pending.cause, cause)
        if priority > pending.priority:
            pending.priority = priority
            if request not in self._working:
                self._make_ready(request, priority)

    def add_after(
        self, request: Request, delay_seconds: float, *, priority: int = 0, cause: int = 0
    ) -> None:
        """Have a key worked on in a while; of several delays of a key the shortest holds, and a
        key that is worked on before forgets its delay."""
        if delay_seconds <= 0:
            self.add(request, priority=priority, cause=cause)
            return
        due = self._clock.monotonic_seconds() + delay_seconds
        present = self._due.get(request)
        if present is not None and present[0] <= due:
            return
        self._due[request] = (due, priority, cause)
        heapq.heappush(self._delayed, (due, next(self._order), request))
        if len(self._delayed) > 2 * len(self._due) + FORGOTTEN_DELAYS_MAX:
            self._drop_forgotten_delays()
        self._delayed_added.set()
        if self._delayed[0][2] is request:
            self._timer.cancel()

    def add_after_failure(self, request: Request, *, priority: int = 0, cause: int = 0) -> float:
        """Have a failed key worked on after its back-off; answers that in seconds."""
        failures = self._failures.get(request, 0)
        self._failures[request] = failures + 1
        delay_seconds = min(BACKOFF_SECONDS_MIN * 2.0 ** min(failures, 32), BACKOFF_SECONDS_MAX)
        self.add_after(request, delay_seconds, priority=priority, cause=cause)
        return delay_seconds

    def forget_failures(self, request: Request) -> None:
        """The key's next back-off starts from the shortest again."""
        self._failures.pop(request, None)

    async def get(self) -> Work:
        """The next key; its worker must call `done` with it."""
        if self._ready:
            await anyio.lowlevel.checkpoint()  # much to do must not keep other tasks from running
        while True:
            while self._ready:
                negative_priority, _, request = heapq.heappop(self._ready)
                pending = self._pending.get(request)
                # A key whose priority was raised stands in the heap twice; the first one counts.
                if pending is None or request in self._working:
                    continue
                if pending.priority != -negative_priority:
                    continue
                del self._pending[request]
                self._due.pop(request, None)
                self._working.add(request)
                return Work(request, pending.cause)
            await self._wait_ready()

    def done(self, request: Request) -> None:
        """The key is no longer worked on."""
        self._working.discard(request)
        pending = self._pending.get(request)
        if pending is not None:
            self._make_ready(request, pending.priority)

    async def run(self) -> None:
        """Make delayed keys ready when their time has come; never returns."""
        while True:
            if not self._delayed:
                self._delayed_added = anyio.Event()
                await self._delayed_added.wait()
                continue
            wait_seconds = self._delayed[0][0] - self._clock.monotonic_seconds()
            if wait_seconds > TIMER_RESOLUTION_SECONDS:
                with anyio.CancelScope() as self._timer:
                    await self._clock.sleep(wait_seconds)
                continue
            due, _, request = heapq.heappop(self._delayed)
            present = self._due.get(request)
            if present is not None and present[0] == due:
                del self._due[request]
                self.add(request, priority=present[1], cause=present[2])

    def _drop_forgotten_delays(self) -> None:
        self._delayed = [
            delayed
            for delayed in self._delayed
            if (present := self._due.get(delayed[2])) is not None and present[0] == delayed[0]
        ]
        heapq.heapify(self._delayed)

    def _make_ready(self, request: Request, priority: int) -> None:
        heapq.heappush(self._ready, (-priority, next(self._order), request))
        if self._idle_workers:
            self._idle_workers.popleft().set()

    async def _wait_ready(self) -> None:
        woken = anyio.Event()
        self._idle_workers.append(woken)
        try:
            await woken.wait()
        except BaseException:
            if woken.is_set() and self._idle_workers:  # pass on what can't be taken any more
                self._idle_workers.popleft().set()
            elif not woken.is_set():
                self._idle_workers.remove(woken)
            raise
