"""How simulated containers go on in time: their programs' steps, their exits, and who is told."""

import heapq
import itertools
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from kernel.background import background_tasks
from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.cri.log_format import format_entry
from kernel.cri.runtime import ContainerState, RuntimeEvent, RuntimeEventType
from kernel.cri.simulated.program import Exit, IgnoreStopSignal, Print, Sleep
from kernel.cri.simulated.records import ContainerRecord, SandboxRecord

KILLED = 137


def nanoseconds(seconds: float) -> int:
    """Seconds as whole nanoseconds, in which everything here is reckoned."""
    return round(seconds * NANOSECONDS_PER_SECOND)


class _Timer:
    """Sleeps until the next thing falls due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleeping_until: int | None = 0
        self._sleep = anyio.CancelScope()

    def expect(self, due: int) -> None:
        """Something falls due at `due`: don't sleep past it."""
        if self._sleeping_until is None or due < self._sleeping_until:
            self._sleep.cancel()

    async def sleep_until(self, due: int | None, now: int) -> None:
        """Sleep until `due`, without end where nothing is due, or until something earlier is."""
        self._sleeping_until = due
        with anyio.CancelScope() as self._sleep:
            if due is None:
                await anyio.sleep_forever()
            else:
                await self._clock.sleep((due - now) / NANOSECONDS_PER_SECOND)


class Course:
    """An agenda of what falls due, settled when somebody looks, or by a timer for a listener."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._agenda: list[tuple[int, int, ContainerRecord]] = []
        self._counter = itertools.count()
        self._timers: dict[_Timer, None] = {}
        self._listeners: dict[MemoryObjectSendStream[RuntimeEvent], None] = {}

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[RuntimeEvent]]:
        """What happens from now on, at its time."""
        send, receive = anyio.create_memory_object_stream[RuntimeEvent](math.inf)
        self._listeners[send] = None
        try:
            async with self.on_time():
                yield receive
        finally:
            del self._listeners[send]
            send.close()
            receive.close()

    @asynccontextmanager
    async def on_time(self) -> AsyncIterator[None]:
        """Let things happen when they fall due, also while nobody looks."""
        timer = _Timer(self._clock)
        self._timers[timer] = None
        try:
            async with background_tasks() as tasks:
                tasks.start_soon(self._keep_time, timer)
                yield
        finally:
            del self._timers[timer]

    def monotonic(self) -> int:
        """Nanoseconds on the monotonic clock."""
        return nanoseconds(self._clock.monotonic_seconds())

    def wall(self, monotonic: int) -> int:
        """The wall time that it was, or will be, at a monotonic time."""
        return self._clock.now_nanoseconds() - (self.monotonic() - monotonic)

    async def _keep_time(self, timer: _Timer) -> None:
        while True:
            self.settle()
            due = self._agenda[0][0] if self._agenda else None
            await timer.sleep_until(due, self.monotonic())

    def expect(self, record: ContainerRecord, due: int) -> None:
        """Look at `record` again at `due`."""
        heapq.heappush(self._agenda, (due, next(self._counter), record))
        for timer in self._timers:
            timer.expect(due)

    def settle(self) -> None:
        """Let everything happen that has fallen due."""
        now = self.monotonic()
        while self._agenda and self._agenda[0][0] <= now:
            due, _, record = heapq.heappop(self._agenda)
            if record.state is not ContainerState.RUNNING:
                continue
            if record.due == due:
                self.advance(record, due)
            elif record.end_due == due:
                self.finish(record, due, record.end_code)

    def advance(self, record: ContainerRecord, at: int) -> None:
        """Take steps of a running container from time `at` on, up to one that takes time."""
        record.due = None
        while True:
            step = record.program[record.next_step]
            record.next_step += 1
            match step:
                case Print(line):
                    self._write_log(record, at, line)
                    for follower in record.followers:
                        follower.wrote(line)
                case IgnoreStopSignal():
                    record.heeds_stop = False
                case Sleep(seconds):
                    if seconds is not None:
                        record.due = at + nanoseconds(seconds)
                        self.expect(record, record.due)
                    return
                case Exit(code):
                    self.finish(record, at, code, out_of_memory=record.script.out_of_memory)
                    return

    def finish(
        self,
        record: ContainerRecord,
        at: int,
        exit_code: int,
        *,
        out_of_memory: bool = False,
        reason: str = "",
    ) -> None:
        """End a container at time `at`."""
        record.state = ContainerState.EXITED
        record.due = record.end_due = None
        record.finished_at = self.wall(at)
        record.exit_code = KILLED if out_of_memory else exit_code
        record.reason = reason or ("Completed" if record.exit_code == 0 else "Error")
        if out_of_memory:
            record.reason = "OOMKilled"
            self.tell(RuntimeEventType.CONTAINER_OUT_OF_MEMORY, record)
        self.tell(RuntimeEventType.CONTAINER_EXITED, record)
        for follower in record.followers:
            follower.ended()

    def tell(self, type: RuntimeEventType, record: SandboxRecord | ContainerRecord) -> None:
        """Let all listeners know."""
        event = RuntimeEvent(type=type, id=record.id, labels=record.labels)
        for listener in self._listeners:
            listener.send_nowait(event)

    def _write_log(self, record: ContainerRecord, at: int, line: str) -> None:
        if not record.config.log_path:
            return
        entry = format_entry(self.wall(at), "stdout", line.encode())
        record.log_path.parent.mkdir(parents=True, exist_ok=True)
        with record.log_path.open("ab") as log:
            log.write(entry)
