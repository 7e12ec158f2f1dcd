"""The HTTP check: a GET, as the kubelet's probes make it, redirects on the same host followed.

The failures are in the words of Go's net/http, because those are what people search for.
"""

import functools
import ipaddress
import ssl
from urllib.parse import quote, urljoin, urlsplit

import anyio
import anyio.abc
import h11
from anyio.streams.tls import TLSStream

from kernel.cri.port_check import CheckResult, HttpCheck
from kernel.cri.port_checks.deadline import Deadline
from kernel.cri.port_checks.dialing import DialFailure, address_text, dial

USER_AGENT = "kube-probe/1.32"
REDIRECTS_MAX = 10
BODY_BYTES_MAX = 10 * 1024

_HEAD_BYTES_MAX = 1024 * 1024
_CHUNK_BYTES = 16 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_TO_QUOTE = "%/:?#[]@!$&'()*+,;=~-._"

Headers = tuple[tuple[str, str], ...]


class _RequestFailure(Exception):
    """No whole answer came. The message has no address yet."""


async def check_http(host: str, port: int, how: HttpCheck, deadline: Deadline) -> CheckResult:
    """Well means a status from 200 to 399."""
    inquiry = _Inquiry(how, _first_url(host, port, how))
    try:
        return await deadline.run(inquiry.run)
    except _RequestFailure as failure:
        return inquiry.failed(str(failure))
    except TimeoutError:
        doing = "or context cancellation while reading body"
        doing = doing if inquiry.status else "exceeded while awaiting headers"
        return inquiry.failed(f"context deadline exceeded (Client.Timeout {doing})")


class _Inquiry:
    """The requests of one check, one after the other: `url` is what is asked now, and `status` what
    it has answered so far (0: nothing)."""

    def __init__(self, how: HttpCheck, url: str) -> None:
        self.url = url
        self.status = 0
        self._how = how
        self._virtual_host = next((v for name, v in how.headers if name.lower() == "host"), "")

    async def run(self) -> CheckResult:
        """Raises `_RequestFailure`."""
        for _ in range(REDIRECTS_MAX):
            self.status = 0
            try:
                host = self._virtual_host or _host(self.url)
                request = _Request(self.url, _headers(self._how.headers, host))
            except ValueError as error:  # a host that is none, such as `127.0.0.1:80`
                raise _RequestFailure(f"parse: {error}") from error
            try:
                status = await request.send()
                location = request.location if status in _REDIRECTS else ""
                following = _following(self.url, location)
                if not following:
                    self.status = status
                    return _judged(status, await request.body())
            finally:
                await request.close()
            if urlsplit(location).netloc:
                self._virtual_host = ""
            self.url = following
        raise _RequestFailure(f"stopped after {REDIRECTS_MAX} redirects")

    def failed(self, message: str) -> CheckResult:
        """Without an answer to it, the request is named."""
        if self.status:
            return CheckResult(False, message, http_status=self.status)
        return CheckResult(False, f'Get "{self.url}": {message}')


def _judged(status: int, body: bytes) -> CheckResult:
    if not 200 <= status < 400:
        message = f"HTTP probe failed with statuscode: {status}"
        return CheckResult(False, message, http_status=status)
    warning = ""
    if status >= 300:
        text = body.decode(errors="replace")
        warning = f"Probe terminated redirects, Response body: {text}"
    return CheckResult(True, warning, http_status=status)


def _first_url(host: str, port: int, how: HttpCheck) -> str:
    path = how.path.partition("#")[0]
    slash = "" if path.startswith("/") else "/"
    return _quoted(f"{how.scheme.lower()}://{address_text(host, port)}{slash}{path}")


def _following(url: str, location: str) -> str:
    """Where a redirect leads to; empty where that is another host, which is not asked."""
    if not location:
        return ""
    try:
        target = urljoin(url, location)
        is_here = urlsplit(target).hostname == urlsplit(url).hostname
    except ValueError as error:
        raise _RequestFailure(f'failed to parse Location header "{location}": {error}') from error
    return _quoted(target) if is_here else ""


def _quoted(url: str) -> str:
    return quote(url, safe=_NOT_TO_QUOTE)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _headers(own: Headers, host: str) -> Headers:
    """Those of the check over the defaults. An empty Accept or User-Agent is left out."""
    given = {name.lower() for name, _ in own}
    defaults = (("User-Agent", USER_AGENT), ("Accept", "*/*"))
    return (
        ("Host", host),
        *((name, value) for name, value in defaults if name.lower() not in given),
        *(
            (name, value)
            for name, value in own
            if name.lower() != "host" and (value or name.lower() not in ("accept", "user-agent"))
        ),
        ("Connection", "close"),
    )


class _Request:
    """One GET on a connection of its own."""

    def __init__(self, url: str, headers: Headers) -> None:
        self._parts = urlsplit(url)
        self._headers = headers
        self._http = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES_MAX)
        self._stream: anyio.abc.ByteStream | None = None
        self.location = ""

    async def send(self) -> int:
        """Ask; answers the status once it is there. Raises `_RequestFailure`."""
        self._stream = await self._connect()
        query = f"?{self._parts.query}" if self._parts.query else ""
        try:
            request = h11.Request(
                method="GET",
                target=f"{self._parts.path or '/'}{query}",
                headers=list(self._headers),
            )
            sent = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
            await self._stream.send(sent)
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise _RequestFailure(f"net/http: {error}") from error
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # It may have answered before it closed.
        event = await self._next(ended="EOF")
        while isinstance(event, h11.InformationalResponse):
            event = await self._next(ended="EOF")
        assert isinstance(event, h11.Response)
        for name, value in event.headers:
            if name == b"location":
                self.location = value.decode("latin-1")
        return event.status_code

    async def body(self) -> bytes:
        """The body, its first 10 KiB at most. Raises `_RequestFailure`."""
        body = bytearray()
        while len(body) < BODY_BYTES_MAX:
            event = await self._next(ended="unexpected EOF")
            if not isinstance(event, h11.Data):
                break
            body += event.data
        return bytes(body[:BODY_BYTES_MAX])

    async def close(self) -> None:
        if self._stream is not None:
            await anyio.aclose_forcefully(self._stream)

    async def _connect(self) -> anyio.abc.ByteStream:
        host = self._parts.hostname or ""
        is_secure = self._parts.scheme == "https"
        try:
            port = self._parts.port or _DEFAULT_PORTS[self._parts.scheme]
        except (ValueError, KeyError) as error:
            raise _RequestFailure(f'unsupported protocol scheme "{self._parts.scheme}"') from error
        try:
            stream = await dial(host, port)
            return await _secured(stream, host) if is_secure else stream
        except DialFailure as failure:
            raise _RequestFailure(str(failure)) from failure

    async def _next(self, *, ended: str) -> h11.Event:
        """The next event of the answer. `ended` is what its early end is called."""
        assert self._stream is not None
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._receive(self._stream, ended))
        except h11.RemoteProtocolError as error:
            if self._http.trailing_data[1]:
                raise _RequestFailure(ended) from error
            words = f'malformed HTTP response: "{error}"'
            raise _RequestFailure(
                f"net/http: HTTP/1.x transport connection broken: {words}"
            ) from error
        assert isinstance(event, h11.Event)  # the connection is used for one request alone
        return event

    async def _receive(self, stream: anyio.abc.ByteStream, ended: str) -> bytes:
        try:
            return await stream.receive(_CHUNK_BYTES)
        except anyio.EndOfStream:
            return b""
        except (anyio.BrokenResourceError, ssl.SSLError) as error:
            is_reset = isinstance(error.__cause__, ConnectionResetError)
            raise _RequestFailure(
                "read: connection reset by peer" if is_reset else ended
            ) from error


async def _secured(stream: anyio.abc.ByteStream, host: str) -> anyio.abc.ByteStream:
    """The stream with TLS, whatever certificate the other side shows."""
    try:
        return await TLSStream.wrap(
            stream,
            server_side=False,
            hostname=None if _is_address(host) else host,
            ssl_context=_tls_context(),
            standard_compatible=False,
        )
    except ssl.SSLError as error:
        await anyio.aclose_forcefully(stream)
        if error.reason == "WRONG_VERSION_NUMBER":
            raise _RequestFailure("http: server gave HTTP response to HTTPS client") from error
        words = (error.reason or str(error)).replace("_", " ").lower()
        raise _RequestFailure(f"tls: {words}") from error
    except (anyio.BrokenResourceError, anyio.EndOfStream) as error:
        await anyio.aclose_forcefully(stream)
        raise _RequestFailure("EOF") from error
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@functools.cache
def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
