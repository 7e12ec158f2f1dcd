"""The reconciler contract: given a key, make the world match.

A reconciler is level-triggered. It is called with the name of an object, not with what changed:
it reads the present state and acts on the difference. Calls for one key never overlap, and any
number of changes while a call runs lead to one further call. What it returns or raises decides
what happens to the key next:

| outcome | then |
| --- | --- |
| None, `Result()` | nothing until the next change; the key's back-off is forgotten |
| `Result(requeue_after_seconds=…)` | called again after that time, or at the next change |
| raises `RetryAfter` | the same, and counted and logged as a failure that was expected |
| raises `TerminalError` | logged; not called again until the next change |
| raises `NotFound`, and the object itself is gone | as None: there is nothing left to do |
| raises anything else | logged with key, revision and traceback; called again after a back-off |

A reconciler that raises never takes another one down.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from kernel.api.client import Client
from kernel.objects.kind import Kind


class Request(msgspec.Struct, frozen=True):
    """The object to look at. `namespace` is empty for cluster-scoped kinds."""

    name: str
    namespace: str = ""


class Result(msgspec.Struct, frozen=True):
    """What a reconcile that went well asks for."""

    requeue_after_seconds: float | None = None


class RetryAfter(Exception):
    """Not possible yet, as may be expected: try again after `seconds`."""

    def __init__(self, seconds: float, message: str = ""):
        super().__init__(message or f"retry after {seconds:g} s")
        self.seconds = seconds


class TerminalError(Exception):
    """Trying again can't help until the object changes."""


class Trigger(Protocol):
    """Puts keys into a reconciler's queue."""

    def __call__(
        self, request: Request, *, delay_seconds: float = 0, priority: int = 0, cause: int = 0
    ) -> None:
        """Have `request` reconciled. A lower `priority` goes later; `cause` is the revision that
        the writes of this reconcile are put down to (0: the newest of the object itself)."""
        ...


Reconcile = Callable[[Request, Client], Awaitable[Result | None]]
MapToRequests = Callable[[Any], Iterable[Request]]
Source = Callable[[Trigger], AbstractAsyncContextManager[None]]


class Watch(msgspec.Struct, frozen=True):
    """A further kind whose changes lead to reconciles: `requests` says of which keys."""

    kind: type[Kind]
    requests: MapToRequests


class Reconciler(msgspec.Struct, frozen=True):
    """A reconcile function with what it reacts to.

    `kind` is the kind whose keys it is given; `owns` are kinds whose objects name it as their
    controller in ownerReferences; `watches` are others. `when` keeps objects of `kind` out of the
    queue (a deleted one is never kept out). `sources` are started before the first reconcile and
    put in keys of their own accord: runtime events, files. `concurrency` is how many keys are
    worked on at once.
    """

    name: str
    kind: type[Kind]
    reconcile: Reconcile
    owns: Sequence[type[Kind]] = ()
    watches: Sequence[Watch] = ()
    when: Callable[[Any], bool] | None = None
    sources: Sequence[Source] = ()
    concurrency: int = 1

    def __call__(self, request: Request, client: Client) -> Awaitable[Result | None]:
        """Reconcile one key directly, as a unit test does."""
        return self.reconcile(request, client)


def reconciler(
    kind: type[Kind],
    *,
    name: str = "",
    owns: Sequence[type[Kind]] = (),
    watches: Sequence[Watch] = (),
    when: Callable[[Any], bool] | None = None,
    sources: Sequence[Source] = (),
    concurrency: int = 1,
) -> Callable[[Reconcile], Reconciler]:
    """Make an `async def` a reconciler of `kind`; its name is the function's unless given."""

    def decorate(function: Reconcile) -> Reconciler:
        return Reconciler(
            name=name or getattr(function, "__name__", kind.info.singular),
            kind=kind,
            reconcile=function,
            owns=tuple(owns),
            watches=tuple(watches),
            when=when,
            sources=tuple(sources),
            concurrency=concurrency,
        )

    return decorate
