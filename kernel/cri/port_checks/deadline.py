"""A time that several steps share, in the time of a clock."""

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

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
        answers: list[Answer] = []
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._expire, tasks.cancel_scope)
            try:
                answers.append(await call())
            except Exception as error:  # raised below: the task group would wrap it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if not answers:
            raise TimeoutError
        return answers[0]

    async def _expire(self, scope: anyio.CancelScope) -> None:
        await self._clock.sleep(self.seconds_left)
        scope.cancel()
