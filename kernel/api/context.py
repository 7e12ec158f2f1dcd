"""Who acts, and because of what: carried in context variables to every entry that is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_actor: ContextVar[str] = ContextVar("actor", default="program")
_cause: ContextVar[int] = ContextVar("cause", default=0)


def current_actor() -> str:
    """Who the present task writes for: a user and client, a reconciler, or `program`."""
    return _actor.get()


def current_cause() -> int:
    """The revision that the present task reacts to; 0 where it acts of its own accord."""
    return _cause.get()


@contextmanager
def acting(actor: str, *, cause: int = 0) -> Iterator[None]:
    """Put down the writes made inside to `actor`, as a reaction to revision `cause`."""
    actor_token, cause_token = _actor.set(actor), _cause.set(cause)
    try:
        yield
    finally:
        _actor.reset(actor_token)
        _cause.reset(cause_token)
