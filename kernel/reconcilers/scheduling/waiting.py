"""The Pods that fit nowhere, until something changes that could help one of them.

Pods that ask for the same form a queue, by priority and age. When a node has become freer, only
the first of each queue that would fit there is woken; when that one has been placed, the next. So
10,000 equal Pods that wait cost as much as one, until there is room for them.
"""

import heapq
import itertools
from collections.abc import Callable

from kernel.control.reconciler import Request
from kernel.reconcilers.scheduling.requests import Requirements

Wake = Callable[[Request, int, int], None]


class Waiting:
    """Waiting Pods; `wake(request, priority, cause)` has one looked at again."""

    def __init__(self, wake: Wake):
        self._wake = wake
        self._queues: dict[Requirements, list[tuple[int, int, Request]]] = {}
        self._parked: dict[Request, tuple[Requirements, int]] = {}
        self._woken: dict[Request, Requirements] = {}
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._parked)

    def park(self, request: Request, asked: Requirements, priority: int) -> None:
        """Have a Pod wait that has been found to fit nowhere."""
        order = next(self._order)
        self._parked[request] = (asked, order)
        heapq.heappush(self._queues.setdefault(asked, []), (-priority, order, request))

    def leave(self, request: Request) -> Requirements | None:
        """The Pod is looked at now, or gone; where it had been woken, answers what it asked for
        when it was parked: somebody else may take its turn."""
        self._parked.pop(request, None)
        return self._woken.pop(request, None)

    def wake_next(self, asked: Requirements, cause: int) -> None:
        """Wake the first of the Pods that ask for this."""
        queue = self._queues.get(asked)
        if queue is None:
            return
        while queue:
            negative_priority, order, request = heapq.heappop(queue)
            if self._parked.get(request) == (asked, order):
                del self._parked[request]
                self._woken[request] = asked
                self._wake(request, -negative_priority, cause)
                break
        if not queue:
            del self._queues[asked]

    def wake_fitting(self, fits: Callable[[Requirements], bool], cause: int) -> None:
        """Wake the first of each queue of which `fits` says that it would fit."""
        for asked in [asked for asked in self._queues if fits(asked)]:
            self.wake_next(asked, cause)

    def wake_all(self, cause: int) -> None:
        """Wake every Pod."""
        for asked in list(self._queues):
            while asked in self._queues:
                self.wake_next(asked, cause)
