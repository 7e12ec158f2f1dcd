"""One request passed on over a connection, and its answer passed back; nothing is kept whole.

Once both sides have agreed to speak another protocol, bytes go both ways until one has ended.
"""

import ssl
from collections.abc import Callable

import anyio
import h11
from aiohttp import HttpVersion11, web
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream
from multidict import CIMultiDict

from kernel.api.errors import BadRequest
from kernel.apiserver.proxying.addresses import ServiceUnavailable
from kernel.apiserver.proxying.headers import Headers, end_to_end, listed
from kernel.apiserver.streaming.forwarding import BROKEN, splice
from kernel.apiserver.streaming.upgrade import SwitchedResponse, UpgradedStream
from kernel.apiserver.streams import OpenStreams
from kernel.background import background_tasks
from kernel.clock import Clock

HEAD_BYTES_MAX = 1024 * 1024
PRESENCE_SECONDS = 5.0

AnswerHeaders = Callable[[Headers], Headers]
"""What becomes of the headers of an answer."""


class Exchange:
    """Passes on one request. `target` is the path and query, `headers` those to send."""

    def __init__(
        self,
        request: web.BaseRequest,
        stream: ByteStream,
        target: str,
        headers: Headers,
        answer_headers: AnswerHeaders,
        clock: Clock,
    ):
        self._request = request
        self._stream = stream
        self._target = target.encode("utf-8", "surrogateescape")
        self._headers = headers
        self._answer_headers = answer_headers
        self._clock = clock
        self._is_sent = anyio.Event()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)

    async def run(self, streams: OpenStreams) -> web.StreamResponse:
        """The answer, sent as a whole. Raises `ServiceUnavailable` where there is none, and
        `BadRequest` for a request that can't be passed on."""
        try:
            request = h11.Request(
                method=self._request.method,
                target=self._target,
                headers=[*self._headers, *self._framing()],
            )
        except h11.LocalProtocolError as error:
            raise BadRequest(f"the request can't be passed on: {error}") from error
        try:
            async with background_tasks() as tasks:
                tasks.start_soon(self._send, request, tasks.cancel_scope)
                tasks.start_soon(self._leave_with_client, tasks.cancel_scope)
                head = await self._head()
                if isinstance(head, h11.Response):
                    return await self._pass_back(head, streams)
                return await self._switch(head, streams)
        except (*BROKEN, h11.RemoteProtocolError, ssl.SSLError) as error:
            raise unreachable(error) from error
        raise ConnectionResetError("the client is gone")

    async def _send(self, head: h11.Request, scope: anyio.CancelScope) -> None:
        request = self._request
        try:
            await self._give(head)
            if request.body_exists:
                async for chunk in request.content.iter_any():
                    await self._give(h11.Data(data=chunk))
            await self._give(h11.EndOfMessage())
        except BROKEN:
            return  # it may have answered all the same
        except web.RequestPayloadError:
            scope.cancel()  # the client is gone, or sends what is no body
        finally:
            self._is_sent.set()

    def _framing(self) -> Headers:
        """How the end of the body is told, and the protocol that is to follow."""
        request = self._request
        wanted = request.headers.get("Upgrade", "")
        framing: Headers = [(b"Connection", b"close")]
        if wanted and "upgrade" in listed(request.headers.getall("Connection", [])):
            framing = [(b"Connection", b"Upgrade"), (b"Upgrade", wanted.encode())]
        if request.body_exists:
            length = request.content_length
            if length is None or "Content-Encoding" in request.headers:
                framing.append((b"Transfer-Encoding", b"chunked"))
            else:
                framing.append((b"Content-Length", str(length).encode()))
        return framing

    async def _give(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send(data)

    async def _next(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is h11.PAUSED:
                raise anyio.EndOfStream  # it speaks of another request than ours
            if event is not h11.NEED_DATA:
                return event
            try:
                data = await self._stream.receive()
            except anyio.EndOfStream:
                data = b""
            self._http.receive_data(data)

    async def _head(self) -> h11.Response | h11.InformationalResponse:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return event
            if isinstance(event, h11.ConnectionClosed):
                raise anyio.EndOfStream

    def _response_headers(self, head: h11.Response | h11.InformationalResponse) -> CIMultiDict[str]:
        passed = self._answer_headers(end_to_end(head.headers.raw_items()))
        text: CIMultiDict[str] = CIMultiDict()
        for name, value in passed:
            text.add(name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        return text

    async def _pass_back(self, head: h11.Response, streams: OpenStreams) -> web.StreamResponse:
        headers = self._response_headers(head)
        reason = head.reason.decode("latin-1")
        response = web.StreamResponse(status=head.status_code, reason=reason, headers=headers)
        is_of_unknown_length = "Content-Length" not in headers
        if is_of_unknown_length and self._request.version < HttpVersion11:
            response.force_close()
        await response.prepare(self._request)
        async with streams.open(self._request) as scope:
            while True:
                event = await self._next()
                if isinstance(event, h11.Data):
                    await response.write(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    await response.write_eof()
                    break
        if scope.cancelled_caught and self._request.transport is not None:
            self._request.transport.abort()  # it has not got the whole
        return response

    async def _switch(
        self, head: h11.InformationalResponse, streams: OpenStreams
    ) -> web.StreamResponse:
        headers = self._response_headers(head)
        headers["Connection"] = "Upgrade"
        headers["Upgrade"] = dict(head.headers).get(b"upgrade", b"").decode("latin-1")
        await self._is_sent.wait()  # the body is still of the old protocol
        client = UpgradedStream(self._request)
        response = SwitchedResponse(headers)
        await response.prepare(self._request)
        async with streams.open(self._request):
            early = self._http.trailing_data[0]
            if early:
                await client.send(early)
            await splice(client, self._stream)
        return response

    async def _leave_with_client(self, scope: anyio.CancelScope) -> None:
        """A client that has gone is found out where nothing is written to it, too."""
        while True:
            await self._clock.sleep(PRESENCE_SECONDS)
            transport = self._request.transport
            if transport is None or transport.is_closing():
                scope.cancel()


async def secured(stream: ByteStream) -> ByteStream:
    """TLS on a connection. Whoever answers is believed, as Kubernetes' API server does it: it is
    the connection that leads to the Pod. Raises `ServiceUnavailable`."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return await TLSStream.wrap(
            stream, hostname="", ssl_context=context, standard_compatible=False
        )
    except (ssl.SSLError, *BROKEN) as error:
        raise unreachable(error) from error


def unreachable(error: BaseException) -> ServiceUnavailable:
    """That there is no answer, in Kubernetes' words."""
    why = "EOF" if isinstance(error, anyio.EndOfStream) else str(error) or type(error).__name__
    return ServiceUnavailable(f"error trying to reach service: {why}")
