"""Hands calls from the writer thread to the event loop, whichever of anyio's two it is."""

from collections.abc import Callable
from typing import Any

from anyio.lowlevel import current_token


def current_post() -> Callable[..., Any]:
    """A function that other threads may call: `post(callback, *arguments)` runs the callback on
    the event loop of the present task, in the order of the calls, without waiting for it."""
    native: Any = current_token().native_token
    if hasattr(native, "call_soon_threadsafe"):  # asyncio's event loop
        post: Callable[..., Any] = native.call_soon_threadsafe
    else:
        post = native.run_sync_soon
    return post
