"""Who acts, and because of what: carried in context variables to every entry that is written."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from kernel.objects.authentication import UserInfo

logger = logging.getLogger("podkernel.api")

# Each is a header of the answer, of which some clients take a hundred; an object of 3 MiB may be
# odd in tens of thousands of places.
WARNINGS_MAX = 64


class ClientRequest(msgspec.Struct):
    """The request of a client that is being served: who makes it, and the options that it names.

    `warnings` gathers what the client is to be warned of in the answer, at most `WARNINGS_MAX`.
    """

    user: UserInfo
    field_manager: str = ""
    field_validation: str = ""
    warnings: list[str] = []


_actor: ContextVar[str] = ContextVar("actor", default="program")
_cause: ContextVar[int] = ContextVar("cause", default=0)
_request: ContextVar[ClientRequest | None] = ContextVar("request", default=None)


def current_actor() -> str:
    """Who the present task writes for: a user and client, a reconciler, or `program`."""
    return _actor.get()


def current_cause() -> int:
    """The revision that the present task reacts to; 0 where it acts of its own accord."""
    return _cause.get()


def current_request() -> ClientRequest | None:
    """The client's request that the present task serves; None for a program's own calls."""
    return _request.get()


def current_user() -> UserInfo:
    """Who asks. A program, a reconciler among them, may do all, and goes by its actor's name."""
    request = _request.get()
    if request is not None:
        return request.user
    return UserInfo(
        username=f"system:podkernel:{_actor.get()}",
        groups=["system:masters", "system:authenticated"],
    )


def warn(text: str) -> None:
    """Warn whoever asks: a client in its answer, a program in the log."""
    request = _request.get()
    if request is None:
        logger.warning("%s: %s", _actor.get(), text)
    elif len(request.warnings) < WARNINGS_MAX and text not in request.warnings:
        request.warnings.append(text)


@contextmanager
def acting(actor: str, *, cause: int = 0, request: ClientRequest | None = None) -> Iterator[None]:
    """Put down the writes made inside to `actor`, as a reaction to revision `cause`; `request` is
    what they serve."""
    actor_token, cause_token = _actor.set(actor), _cause.set(cause)
    request_token = _request.set(request)
    try:
        yield
    finally:
        _actor.reset(actor_token)
        _cause.reset(cause_token)
        _request.reset(request_token)
