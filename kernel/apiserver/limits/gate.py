"""One request's way through the limits: its body, its turn, its seats or its stream."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial

import anyio
from aiohttp import web

from kernel.api.errors import ApiError
from kernel.apiserver.bodies import BODY_BYTES_MAX, body_too_large, read_body
from kernel.apiserver.connections import AFTER_SENDING, IN_CONVERSATION
from kernel.apiserver.limits.deadlines import Deadlines
from kernel.apiserver.limits.demand import Demand
from kernel.apiserver.limits.flow_control import FlowControl
from kernel.apiserver.limits.settings import Limits
from kernel.clock import Clock

# An answer beyond this may not fit a socket: its seats are kept until the client has taken it.
LARGE_ANSWER_BYTES = 64 * 1024

Answer = Callable[[], Awaitable[web.StreamResponse]]


class BodyTooSlow(ApiError):
    """The body of the request did not come in time."""

    reason, code = "RequestTimeout", 408

    def __init__(self) -> None:
        super().__init__("Request timeout: the body of the request did not come in time")


class Gate:
    """The limits of one server, applied to the requests of users who are known."""

    def __init__(self, clock: Clock, limits: Limits):
        self._clock = clock
        self.limits = limits
        self.flow = FlowControl(limits)
        self.bodies: Deadlines[anyio.CancelScope] = Deadlines(
            clock, limits.body_seconds, lambda scope: scope.cancel()
        )

    async def serve(
        self, request: web.BaseRequest, user: str, demand: Demand, answer: Answer
    ) -> web.StreamResponse:
        """What `answer()` answers, called when it is the request's turn. Raises `TooManyRequests`,
        `RequestEntityTooLarge`, `BodyTooSlow`."""
        if demand.stream is not None:
            return await self._serve_stream(request, user, demand, answer)
        if not request.body_exists:
            return await self._serve_seated(request, user, demand.seats, answer)
        size_bytes = _size_bytes_max(request)
        self.flow.take_room(user, size_bytes)
        try:
            if not request.content.is_eof():
                await self._receive(request)
            return await self._serve_seated(request, user, demand.seats, answer)
        finally:
            self.flow.free_room(user, size_bytes)

    async def _serve_stream(
        self, request: web.BaseRequest, user: str, demand: Demand, answer: Answer
    ) -> web.StreamResponse:
        assert demand.stream is not None
        with ExitStack() as stack:
            stack.enter_context(self.flow.stream(user, demand.stream))
            if demand.selection is not None:
                stack.enter_context(self.flow.selection(user, demand.selection))
            if not self.flow.enter(user, demand.seats):
                await self.flow.wait(user, demand.seats)
            self.flow.leave(user, demand.seats)
            if demand.stream == "conversation":
                request[IN_CONVERSATION] = True
            return await answer()

    async def _receive(self, request: web.BaseRequest) -> None:
        """Read the whole body before a seat is taken: so slow clients hold up nobody."""
        with anyio.CancelScope() as scope:
            self.bodies.begin(scope)
            try:
                await read_body(request)
            finally:
                self.bodies.end(scope)
        if scope.cancelled_caught:
            raise BodyTooSlow

    async def _serve_seated(
        self, request: web.BaseRequest, user: str, seats: int, answer: Answer
    ) -> web.StreamResponse:
        flow = self.flow
        if not flow.enter(user, seats):
            await flow.wait(user, seats)
        leave: Callable[[], None] = partial(flow.leave, user, seats)
        began_at = self._clock.monotonic_seconds()
        try:
            response = await answer()
            if isinstance(response, web.Response) and _is_large(response):
                request[AFTER_SENDING], leave = leave, _nothing
            return response
        finally:
            if request.method == "GET":  # reading does not wait, so nobody was served meanwhile
                flow.spend(user, self._clock.monotonic_seconds() - began_at)
            leave()


def _size_bytes_max(request: web.BaseRequest) -> int:
    """The most that a body may take in memory. Raises `RequestEntityTooLarge` where it says so
    itself."""
    length = request.content_length
    if length is None or "Content-Encoding" in request.headers:
        return BODY_BYTES_MAX
    if length > BODY_BYTES_MAX:
        raise body_too_large()
    return length


def _is_large(response: web.Response) -> bool:
    return isinstance(response.body, bytes) and len(response.body) > LARGE_ANSWER_BYTES


def _nothing() -> None:
    """There is nothing to give back."""
