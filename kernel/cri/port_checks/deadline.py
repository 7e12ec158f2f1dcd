"""A time that several steps share, in the time of a clock."""

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from kernel.background import background_tasks
from kernel.clock import Clock

Answer = TypeVar("Answer")


class Deadline:
    """`seconds` from now, for everything that is run under it."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.seconds = seconds
        self._clock = clock
        self._due = clock.monotonic_seconds() + seconds

    @property
    def seconds_left(self) -> float:
        return max(self._due - self._clock.monotonic_seconds(), 0)

    async def run(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `call` answers. Raises `TimeoutError` once the time is over, with it cancelled."""
        if math.isinf(self.seconds):
            return await call()
        async with background_tasks() as tasks:
            tasks.start_soon(self._expire, tasks.cancel_scope)
            return await call()
        raise TimeoutError

    async def _expire(self, scope: anyio.CancelScope) -> None:
        await self._clock.sleep(self.seconds_left)
        scope.cancel()
