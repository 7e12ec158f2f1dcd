"""Connections of HTTP clients; what is no request, or is packed oddly, gets a Status as well."""

import logging

from aiohttp import web

from kernel.api.errors import BadRequest
from kernel.apiserver.answers import failure_answer

logger = logging.getLogger(__name__)

_MALFORMED = (
    "the request can't be read: it is malformed, or packed in another way than gzip or deflate"
)


class Connections(web.Server):
    """aiohttp's server, with connections of our kind."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what the HTTP parser refuses: everybody can send that, so it is no error
        of ours to log."""
        if status >= 500 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        logger.debug("a request from %s can't be read", request.remote, exc_info=exc)
        answer = failure_answer(BadRequest(_MALFORMED))
        answer.force_close()
        return answer
