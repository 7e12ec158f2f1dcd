"""Ends what clients leave unfinished for too long: a head, a body, an answer that is not taken.

One look a second at all that is unfinished, so that thousands of them cost one timer.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import anyio

from kernel.clock import Clock

LOOK_SECONDS = 1.0

Key = TypeVar("Key")


class Deadlines(Generic[Key]):
    """What has to be finished `seconds` after it was begun; `expire` is called with what is not."""

    def __init__(self, clock: Clock, seconds: float, expire: Callable[[Key], None]):
        self._clock = clock
        self._seconds = seconds
        self._expire = expire
        self._due: dict[Key, float] = {}
        self._begun = anyio.Event()

    def __contains__(self, key: object) -> bool:
        return key in self._due

    def begin(self, key: Key) -> None:
        """From now on, `key` has its time."""
        self._due[key] = self._clock.monotonic_seconds() + self._seconds
        if not self._begun.is_set():
            self._begun.set()

    def end(self, key: Key) -> None:
        """It is finished, or gone."""
        self._due.pop(key, None)

    async def run(self) -> None:
        """Look, until cancelled; asleep where nothing is unfinished."""
        while True:
            await self._begun.wait()
            await self._clock.sleep(LOOK_SECONDS)
            now = self._clock.monotonic_seconds()
            for key in [key for key, due in self._due.items() if due <= now]:
                del self._due[key]
                self._expire(key)
            if not self._due:
                self._begun = anyio.Event()
