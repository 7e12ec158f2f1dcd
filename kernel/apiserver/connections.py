"""Connections of HTTP clients; what is no request, or is packed oddly, gets a Status as well.

A client that does not finish what it began is not waited for: the head of a request has its time
and its size, and so has an answer that the client does not take (see `Limits`). A conversation is
exempt from the last: its user may have stopped the output to read it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from kernel.api.errors import ApiError, BadRequest
from kernel.apiserver.access.client_certificates import ClientCertificate, read_certificate
from kernel.apiserver.answers import failure_answer, is_plain, raw_answer
from kernel.apiserver.limits.deadlines import Deadlines
from kernel.apiserver.limits.settings import Limits
from kernel.apiserver.quick_requests import KnownHeads, whole_bytes
from kernel.clock import Clock

logger = logging.getLogger(__name__)

LINE_BYTES_MAX = 64 * 1024
HEAD_BYTES_MAX = 256 * 1024
HEADERS_MAX = 128
HELD_BYTES_MAX = 64 * 1024

AFTER_SENDING: web.RequestKey[Callable[[], None]] = web.RequestKey("after sending")
"""The key under which a request keeps what is to be called once its answer has been taken."""
IN_CONVERSATION = web.RequestKey("in conversation", bool)
"""The key that marks a request whose client may pause for as long as it likes."""

_MALFORMED = (
    "the request can't be read: it is malformed, or packed in another way than gzip or deflate"
)


class HeadTooLarge(ApiError):
    """The head of the request is larger than the server reads."""

    reason, code = "RequestHeaderFieldsTooLarge", 431

    def __init__(self) -> None:
        super().__init__(
            f"Request header fields too large: limits are {LINE_BYTES_MAX} bytes a line, "
            f"{HEADERS_MAX} headers and {HEAD_BYTES_MAX} bytes in all"
        )


class HeadTooSlow(ApiError):
    """The head of the request did not come in time."""

    reason, code = "RequestTimeout", 408

    def __init__(self) -> None:
        super().__init__("Request timeout: the head of the request did not come in time")


class Connections(web.Server):
    """aiohttp's server, with connections of our kind."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        *,
        clock: Clock,
        limits: Limits,
        **settings: Any,
    ):
        super().__init__(
            handler,
            max_line_size=LINE_BYTES_MAX,
            max_field_size=LINE_BYTES_MAX,
            max_headers=HEADERS_MAX,
            access_log=None,
            # Cancelled when its client goes away, a handler frees what a watch or a log holds.
            handler_cancellation=True,
            **settings,
        )
        self.known_heads = KnownHeads(self._loop)
        self.heads = Deadlines(clock, limits.head_seconds, Connection.refuse_slow_head)
        self.answers = Deadlines(clock, limits.stalled_seconds, Connection.check_progress)

    def __call__(self) -> web.RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


def certificate_of(request: web.BaseRequest) -> ClientCertificate | None:
    """The certificate that the client of a request has shown, if any."""
    return cast(Connection, request.protocol).certificate


class Connection(web.RequestHandler):
    """One client's connection; `certificate` is what it has shown while TLS was set up."""

    __slots__ = (
        *("_due_bytes", "_expects_head", "_head_bytes", "_held", "_last_body", "_quick"),
        *("_server", "_unsent_bytes"),
        "certificate",
    )

    def __init__(self, server: Connections, **settings: Any):
        super().__init__(server, **settings)
        self._server = server
        # Of the request under way, what is yet to come. Below 0 while it can't be told: the parser
        # may then hold the beginning of a request, which what comes next is to go on with.
        self._due_bytes = 0
        self._last_body: StreamReader = EMPTY_PAYLOAD
        self._expects_head = True  # every request that has come is answered
        self._head_bytes = 0
        self._unsent_bytes = 0
        self._quick: asyncio.Task[None] | None = None
        self._held = b""
        self.certificate: ClientCertificate | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.certificate = read_certificate(transport)
        self._server.heads.begin(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.heads.end(self)
        self._server.answers.end(self)
        if self._quick is not None:
            self._quick.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._quick is not None:  # answers go out in the order of their requests
            self._hold(data)
            return
        between_requests = self._request_count == 0 or self._waiter is not None
        if not between_requests or self._messages:
            self._due_bytes -= len(data)
            super().data_received(data)
            if self._messages:
                self._note_requests()
            self._find_end(data)
            self._time_held_head()
            return
        is_start = not self._head_bytes and not self._due_bytes
        if is_start and self._request_count and self._begin_quickly(data):
            return
        super().data_received(data)
        if self._messages:
            self._head_bytes = 0
            self._note_requests()
            message = self._messages[0][0]
            if is_start and isinstance(message, RawRequestMessage):
                self._due_bytes = whole_bytes(data, message) - len(data)
                self._server.known_heads.learn(data, message)
            else:
                self._due_bytes = -1
            self._find_end(data)
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HeadTooLarge())
        elif self not in self._server.heads:
            self._server.heads.begin(self)

    def _note_requests(self) -> None:
        """The heads of requests have come."""
        self._expects_head = False
        self._last_body = self._messages[-1][1]
        self._server.heads.end(self)

    def _find_end(self, data: bytes) -> None:
        """Notice that the parser holds nothing. An empty line ends a head or a body in chunks: with
        one at the end of what has come and no body under way, nothing has been begun."""
        if self._due_bytes >= 0 or self._buffer_paused or not data.endswith(b"\r\n\r\n"):
            return
        if self._last_body.is_eof():
            self._due_bytes = 0
            self._server.heads.end(self)

    def _time_held_head(self) -> None:
        """Give a head its time that may have begun before the last answer was out."""
        if self._expects_head and self._due_bytes < 0 and self not in self._server.heads:
            self._server.heads.begin(self)

    def _begin_quickly(self, data: bytes) -> bool:
        """Answer a request that needs no parsing; False where it is not one. aiohttp's own task,
        which waits for a request, goes on waiting meanwhile."""
        if self._close or self._force_close or self._upgraded:
            return False
        request = self._server.known_heads.read(data, self)
        if request is None:
            return False
        self._request_count += 1
        self._request_in_progress = True
        self._quick = self._loop.create_task(self._answer_quickly(request))
        return True

    async def _answer_quickly(self, request: web.BaseRequest) -> None:
        try:
            answer = await self._server.request_handler(request)
            if self.transport is None:
                return
            if AFTER_SENDING in request or not is_plain(answer):
                await self.finish_response(request, answer, None)
                self._close = self._close or answer.keep_alive is False
            else:
                self.transport.write(raw_answer(answer))
        except ConnectionError:
            logger.debug("%s is gone before its answer", self.peername)
        finally:
            self._end_quickly()

    def _end_quickly(self) -> None:
        self._quick = None
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if self.transport is None:
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._close or self._force_close:
            self.transport.close()
        elif self._held:
            held, self._held = self._held, b""
            if len(held) > HELD_BYTES_MAX:
                self.transport.resume_reading()
            self.data_received(held)

    def _hold(self, data: bytes) -> None:
        """Keep what comes while a request is being answered; not much of it."""
        could_hold_more = len(self._held) <= HELD_BYTES_MAX
        self._held += data
        if could_hold_more and len(self._held) > HELD_BYTES_MAX and self.transport is not None:
            self.transport.pause_reading()

    def _process_keepalive(self) -> None:
        if self._quick is not None:  # not idle at all
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def refuse_slow_head(self) -> None:
        """The time for a head is over."""
        if self._head_bytes:
            self._refuse(HeadTooSlow())
        else:
            self.force_close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_progress()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._server.answers.end(self)

    def check_progress(self) -> None:
        """The time in which a client was to take something is over."""
        request, transport = self._current_request, self.transport
        if transport is None or (request is not None and IN_CONVERSATION in request):
            return
        if transport.get_write_buffer_size() < self._unsent_bytes:
            self._expect_progress()
        else:
            logger.info("%s takes nothing of its answer: its connection ends", self.peername)
            transport.abort()

    def _expect_progress(self) -> None:
        if self.transport is not None:
            self._unsent_bytes = self.transport.get_write_buffer_size()
            self._server.answers.begin(self)

    def _refuse(self, error: ApiError) -> None:
        """Answer what is not a whole request yet, and end the connection."""
        if self.transport is not None:
            self.transport.write(raw_answer(failure_answer(error), keep_alive=False))
        self.force_close()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        after_sending = request.get(AFTER_SENDING)
        try:
            finished = await super().finish_response(request, resp, start_time)
            if after_sending is not None and self._paused:
                await self._drain_helper()
        finally:
            if after_sending is not None:
                after_sending()
        self._expects_head = not self._messages
        self._time_held_head()
        return finished

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
        too_large = isinstance(exc, LineTooLong) or "Too many headers" in str(message)
        answer = failure_answer(HeadTooLarge() if too_large else BadRequest(_MALFORMED))
        answer.force_close()
        return answer
