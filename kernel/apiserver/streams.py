"""What goes on with clients: watches, followed logs, conversations with what runs in Pods."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from aiohttp import HttpVersion11, web

from kernel.api.errors import BadRequest

logger = logging.getLogger(__name__)


async def begin_stream(request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """Send the head of an answer whose length nobody knows."""
    if request.version < HttpVersion11:
        raise BadRequest("an answer that goes on needs HTTP/1.1")
    response = web.StreamResponse(headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


class OpenStreams:
    """All streams of a server. Each runs in a scope whose cancellation is its regular end."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._ended = False

    def __len__(self) -> int:
        return len(self._scopes)

    @asynccontextmanager
    async def open(self, request: web.BaseRequest) -> AsyncIterator[anyio.CancelScope]:
        """A scope for one stream; where it is cancelled, the body of the context is left.

        An error can't be answered any more: it is logged, and the connection broken off, so that
        the client does not take what it has for the whole. Raises `ConnectionError` then.
        """
        with anyio.CancelScope() as scope:
            if self._ended:
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield scope
            except Exception as error:
                logger.exception("%s broke off", request.raw_path)
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError("the stream broke off") from error
            finally:
                self._scopes.discard(scope)

    def end(self) -> None:
        """End all streams, and those that may still be opened."""
        self._ended = True
        for scope in list(self._scopes):
            scope.cancel()
