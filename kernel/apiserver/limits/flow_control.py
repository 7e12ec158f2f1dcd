"""Lets requests in: at most so many at a time, users in turn, too many refused with 429.

What is counted is held in memory alone and costs a request some look-ups in dictionaries; only one
that has to wait costs a future.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from kernel.api.errors import ApiError
from kernel.apiserver.limits.fair_queue import FairQueue, QueueFull
from kernel.apiserver.limits.settings import Limits
from kernel.objects.meta import StatusDetails

RETRY_AFTER_SECONDS = 1

StreamKind = Literal["watch", "conversation"]


class WatchSelection(NamedTuple):
    """What a watch selects: `among` the objects whose keys begin so, and how it differs from other
    watches of these."""

    among: str
    by: tuple[str | None, ...]


class TooManyRequests(ApiError):
    """The user asks for more than the server gives one user. In Kubernetes' words, by which its
    clients know that they may try again."""

    reason, code = "TooManyRequests", 429

    def __init__(self) -> None:
        super().__init__(
            "Too many requests, please try again later.",
            details=StatusDetails(retry_after_seconds=RETRY_AFTER_SECONDS),
        )


class _Turn:
    """A request that waits: its future is done once it has its seats or has given up."""

    __slots__ = ("future", "seats", "user")

    def __init__(self, user: str, seats: int):
        self.user = user
        self.seats = seats
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class FlowControl:
    """The seats, queues and counters of one server."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self._queue: FairQueue[_Turn] = FairQueue(limits)
        self._body_bytes: dict[str, int] = {}
        self._streams: dict[tuple[str, StreamKind], int] = {}
        self._selections: dict[tuple[str, str], Counter[WatchSelection]] = {}
        self._turn_is_scheduled = False
        self.refused = 0

    @property
    def executing(self) -> int:
        """How many seats are taken."""
        return self._queue.taken

    @property
    def waiting(self) -> int:
        """How many requests wait for a seat."""
        return self._queue.waiting

    def streams(self, kind: StreamKind) -> int:
        """How many streams of a kind are open."""
        return sum(count for (_, found), count in self._streams.items() if found == kind)

    def enter(self, user: str, seats: int) -> bool:
        """Take seats at once, to be given back by `leave`; False where `wait` has to be awaited."""
        return self._queue.enter(user, seats)

    async def wait(self, user: str, seats: int) -> None:
        """Wait for seats, to be given back by `leave`. Raises `TooManyRequests`."""
        turn = _Turn(user, seats)
        try:
            self._queue.wait(user, seats, turn)
        except QueueFull:
            raise self._refusal() from None
        loop, future = asyncio.get_running_loop(), turn.future
        timer = loop.call_later(self.limits.waiting_seconds, self._give_up, turn)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # let in, and called off at the same moment
                self.leave(user, seats)
                raise
            self._queue.give_up(user, turn)
            raise
        finally:
            timer.cancel()

    def spend(self, user: str, seconds: float) -> None:
        """For so long, a request has kept the event loop from everybody else. `leave` follows."""
        self._queue.spend(user, seconds)

    def leave(self, user: str, seats: int) -> None:
        """Give seats back."""
        self._let_in(self._queue.leave(user, seats))
        if not self._turn_is_scheduled:
            self._turn_is_scheduled = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def take_room(self, user: str, size_bytes: int) -> None:
        """Room in memory for the body of a request, to be given back by `free_room`. Raises
        `TooManyRequests`."""
        held = self._body_bytes.get(user, 0) + size_bytes
        if held > self.limits.body_bytes_per_user:
            raise self._refusal()
        self._body_bytes[user] = held

    def free_room(self, user: str, size_bytes: int) -> None:
        """The body is not needed any more."""
        self._body_bytes[user] = left = self._body_bytes.get(user, 0) - size_bytes
        if not left:
            del self._body_bytes[user]

    @contextmanager
    def stream(self, user: str, kind: StreamKind) -> Iterator[None]:
        """One watch or conversation. Raises `TooManyRequests`."""
        place, limits = (user, kind), self.limits
        most = limits.watches_per_user if kind == "watch" else limits.conversations_per_user
        count = self._streams.get(place, 0)
        if count >= most:
            raise self._refusal()
        self._streams[place] = count + 1
        try:
            yield
        finally:
            self._streams[place] -= 1
            if not self._streams[place]:
                del self._streams[place]

    @contextmanager
    def selection(self, user: str, selection: WatchSelection) -> Iterator[None]:
        """A watch that selects; those that do so alike count once. Raises `TooManyRequests`."""
        place = user, selection.among
        present = self._selections.setdefault(place, Counter())
        if selection not in present and len(present) >= self.limits.selections_per_user:
            raise self._refusal()
        present[selection] += 1
        try:
            yield
        finally:
            present[selection] -= 1
            if not present[selection]:
                del present[selection]
            if not present:
                del self._selections[place]

    def _next_turn(self) -> None:
        self._turn_is_scheduled = False
        self._let_in(self._queue.next_turn())

    def _let_in(self, turns: list[_Turn]) -> None:
        for turn in turns:
            if turn.future.done():  # called off, which its task has not noticed yet
                self.leave(turn.user, turn.seats)
            else:
                turn.future.set_result(None)

    def _give_up(self, turn: _Turn) -> None:
        if not turn.future.done():
            self._queue.give_up(turn.user, turn)
            turn.future.set_exception(self._refusal())

    def _refusal(self) -> TooManyRequests:
        self.refused += 1
        return TooManyRequests()
