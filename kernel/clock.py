"""The only source of time, sleep, randomness and ids.

Everything else takes a `Clock`, so that a test can move time by hand and a simulation can replay
a run from its seed.
"""

import heapq
import itertools
import os
import random
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import anyio
import anyio.lowlevel

Item = TypeVar("Item")

NANOSECONDS_PER_SECOND = 1_000_000_000
SETTLING_LOOKS = 4
SETTLING_ROUNDS = 16  # most often enough; anyio looks again only after a tenth of a second

_system_random = random.SystemRandom()


class Clock(Protocol):
    """Time and chance, as the rest of podkernel may know them."""

    def now_nanoseconds(self) -> int:
        """Wall time: nanoseconds since the Unix epoch, UTC."""
        ...

    def monotonic_seconds(self) -> float:
        """Seconds on a clock that never goes back; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock; a negative number counts as zero."""
        ...

    def random(self) -> float:
        """A number in [0, 1)."""
        ...

    def choice(self, items: Sequence[Item]) -> Item:
        """One of `items`, which must not be empty."""
        ...

    def uuid(self) -> str:
        """A new version 4 UUID in its usual text form."""
        ...


def now_datetime(clock: Clock) -> datetime:
    """The clock's wall time as an aware datetime in UTC, to the microsecond."""
    # In whole numbers: as a float, the last nanoseconds of a second would round up to the next.
    seconds, nanoseconds = divmod(clock.now_nanoseconds(), NANOSECONDS_PER_SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)


def now_timestamp(clock: Clock) -> datetime:
    """The clock's wall time to the second, as metav1.Time has it on the wire."""
    return datetime.fromtimestamp(clock.now_nanoseconds() // NANOSECONDS_PER_SECOND, UTC)


class SystemClock:
    """The machine's clock and the operating system's randomness."""

    def now_nanoseconds(self) -> int:
        return time.time_ns()

    def monotonic_seconds(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(seconds, 0))

    def random(self) -> float:
        return _system_random.random()

    def choice(self, items: Sequence[Item]) -> Item:
        return _system_random.choice(items)

    def uuid(self) -> str:
        digits = os.urandom(16).hex()  # what uuid.uuid4() does, in a third of the time
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )


class ManualClock:
    """A clock that stands still until `advance` moves it; its chance comes from a seed."""

    def __init__(self, *, seed: int = 0, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)):
        self._start_nanoseconds = int(start.timestamp()) * NANOSECONDS_PER_SECOND
        self._elapsed_nanoseconds = 0
        self._random = random.Random(seed)
        self._sleepers: list[tuple[int, int, anyio.Event]] = []
        self._tie_breaker = itertools.count()

    def now_nanoseconds(self) -> int:
        return self._start_nanoseconds + self._elapsed_nanoseconds

    def monotonic_seconds(self) -> float:
        return self._elapsed_nanoseconds / NANOSECONDS_PER_SECOND

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        # At least one: who sleeps until a time that rounding has put just ahead must get there.
        due = self._elapsed_nanoseconds + max(round(seconds * NANOSECONDS_PER_SECOND), 1)
        woken = anyio.Event()
        sleeper = (due, next(self._tie_breaker), woken)
        heapq.heappush(self._sleepers, sleeper)
        try:
            await woken.wait()
        finally:
            if not woken.is_set():
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    def random(self) -> float:
        return self._random.random()

    def choice(self, items: Sequence[Item]) -> Item:
        return self._random.choice(items)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    @property
    def seconds_to_next_sleeper(self) -> float | None:
        """How far the nearest sleeper is away, or None if nobody sleeps."""
        if not self._sleepers:
            return None
        return (self._sleepers[0][0] - self._elapsed_nanoseconds) / NANOSECONDS_PER_SECOND

    async def advance(self, seconds: float) -> None:
        """Move time on, waking sleepers one due time after the other, each with a chance to run."""
        target = self._elapsed_nanoseconds + round(seconds * NANOSECONDS_PER_SECOND)
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            self._elapsed_nanoseconds = due
            woken.set()
            await _settle()
        self._elapsed_nanoseconds = target


async def _settle() -> None:
    """Let all tasks run until each of them waits for something."""
    for _ in range(SETTLING_ROUNDS):
        await anyio.lowlevel.checkpoint()
    # On asyncio a task can look blocked while the callback that wakes it is still scheduled; each
    # further look lets such callbacks run first.
    for _ in range(SETTLING_LOOKS):
        await anyio.wait_all_tasks_blocked()
