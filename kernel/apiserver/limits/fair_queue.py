"""Who is served next: a bounded number at a time, and the users in turn. Decides, does nothing.

    seats 4, per user 3        alice: 3 seats, 2 waiting     bob: 1 seat
    alice leaves               bob waits for nothing, so alice's next one takes her seat
    carol comes meanwhile      she waits for a seat, and gets the next one: not alice, who has two
                               in the queue before her, but the user whose turn it is

A user who has spent too much of a turn (see `Limits`) is *slow*: until nobody of that user waits
any more, one request of each slow user is let in a turn.
"""

from collections import deque
from typing import Generic, NamedTuple, TypeVar

from kernel.apiserver.limits.settings import Limits

Item = TypeVar("Item")


class QueueFull(Exception):
    """So many of the user's requests wait already that one more is refused."""


class _Waiting(NamedTuple, Generic[Item]):
    seats: int
    item: Item


class FairQueue(Generic[Item]):
    """The seats that are taken, and who waits. `Item` is what the caller knows a waiting one by."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._free = limits.seats
        self._taken: dict[str, int] = {}
        # In the order in which the users' turns come; nobody in it has an empty queue.
        self._waiting: dict[str, deque[_Waiting[Item]]] = {}
        self._spent_seconds: dict[str, float] = {}
        self._slow: set[str] = set()
        self._short_of_seats = False  # somebody waits for want of a free seat alone

    @property
    def taken(self) -> int:
        """How many seats are taken."""
        return self._limits.seats - self._free

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(len(queue) for queue in self._waiting.values())

    def enter(self, user: str, seats: int) -> bool:
        """Take seats at once; False where the request has to wait."""
        taken = self._taken.get(user, 0)
        if (
            self._short_of_seats
            or seats > self._free
            or taken + seats > self._limits.seats_per_user
            or user in self._waiting
            or user in self._slow
        ):
            return False
        self._taken[user] = taken + seats
        self._free -= seats
        return True

    def wait(self, user: str, seats: int, item: Item) -> None:
        """Have a request wait that could not enter. Raises `QueueFull`."""
        queue = self._waiting.get(user)
        if queue is None:
            queue = self._waiting[user] = deque()
        elif len(queue) >= self._limits.waiting_per_user:
            raise QueueFull
        queue.append(_Waiting(seats, item))
        if len(queue) == 1 and user not in self._slow and self._fits_user(user, seats):
            self._short_of_seats = True

    def spend(self, user: str, seconds: float) -> None:
        """A request has kept everybody else waiting for so long."""
        spent = self._spent_seconds[user] = self._spent_seconds.get(user, 0.0) + seconds
        if spent > self._limits.turn_seconds:
            self._slow.add(user)

    def leave(self, user: str, seats: int) -> list[Item]:
        """Give seats back; answers those who have taken theirs now."""
        taken = self._taken[user] - seats
        if taken:
            self._taken[user] = taken
        else:
            del self._taken[user]
        self._free += seats
        self._spent_seconds.setdefault(user, 0.0)
        return self._let_in(include_slow=False)

    def next_turn(self) -> list[Item]:
        """A new turn of the event loop begins; answers those who have taken their seats now."""
        self._spent_seconds.clear()
        started = self._let_in(include_slow=True)
        self._slow &= self._waiting.keys()
        return started

    def give_up(self, user: str, item: Item) -> None:
        """Forget one who waits, if it still does."""
        queue = self._waiting.get(user, deque())
        for waiting in queue:
            if waiting.item is item:
                queue.remove(waiting)
                break
        if not queue:
            self._waiting.pop(user, None)
            self._slow.discard(user)

    @property
    def needs_turn(self) -> bool:
        """Whether `next_turn` has something to do. Slow users who wait for seats alone are looked
        at in the turn after one is given back."""
        return bool(self._spent_seconds)

    def _let_in(self, *, include_slow: bool) -> list[Item]:
        """Give the free seats to the users in turn, one request each, round after round."""
        started: list[Item] = []
        self._short_of_seats = False
        if not self._waiting:
            return started
        candidates = list(self._waiting)
        while candidates:
            remaining = []
            for user in candidates:
                if user in self._slow and not include_slow:
                    continue
                waiting = self._waiting[user][0]
                if not self._fits_user(user, waiting.seats):
                    continue
                if waiting.seats > self._free:
                    self._short_of_seats = True
                    return started
                started.append(self._start(user, waiting))
                if user in self._waiting and user not in self._slow:
                    remaining.append(user)
            candidates = remaining
        return started

    def _start(self, user: str, waiting: _Waiting[Item]) -> Item:
        queue = self._waiting.pop(user)
        queue.popleft()
        if queue:
            self._waiting[user] = queue  # behind all others now
        self._taken[user] = self._taken.get(user, 0) + waiting.seats
        self._free -= waiting.seats
        return waiting.item

    def _fits_user(self, user: str, seats: int) -> bool:
        return self._taken.get(user, 0) + seats <= self._limits.seats_per_user
