"""The answers that are still being written, so that a server that stops can end them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class OpenStreams:
    """Watches and followed logs. Each runs in a scope whose cancellation is its regular end."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._ended = False

    def __len__(self) -> int:
        return len(self._scopes)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[anyio.CancelScope]:
        """A scope for one stream; where it is cancelled, the body of the context is left."""
        with anyio.CancelScope() as scope:
            if self._ended:
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield scope
            finally:
                self._scopes.discard(scope)

    def end(self) -> None:
        """End all streams, and those that may still be opened."""
        self._ended = True
        for scope in list(self._scopes):
            scope.cancel()
