"""One HTTPS request to a webhook, and Go's words for what can go wrong with it.

A connection a call: a webhook is asked now and then, and none is kept that it might have closed.
"""

import base64
import binascii
import errno
import socket
import ssl

import anyio
import anyio.abc
import h11
import msgspec

RESPONSE_BYTES_MAX = 16 * 1024 * 1024
READ_BYTES = 64 * 1024

_DIAL_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "i/o timeout",
}
_VERIFY_WORDS = {
    10: "certificate has expired or is not yet valid",
    18: "certificate signed by unknown authority",
    19: "certificate signed by unknown authority",
    20: "certificate signed by unknown authority",
    21: "certificate signed by unknown authority",
}
# What client-go makes of a status where the body says no more.
_STATUS_WORDS = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    403: "the server does not allow access to the requested resource",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: (
        "the server was unable to return a response in the time allotted, but may still be"
        " processing the request"
    ),
}


class CallFailure(Exception):
    """A webhook could not be asked, or gave no answer."""


class Destination(msgspec.Struct, frozen=True):
    """Where a webhook listens: it is reached at `host` and `port`, and known as `server_name`.

    `ca_bundle` is base64 of PEM; where it is empty, the machine's authorities are trusted.
    """

    host: str
    port: int
    server_name: str
    authority: str
    path: str
    ca_bundle: str = ""

    def url(self, timeout_seconds: int) -> str:
        """The URL that is asked for, as messages have it."""
        return f"https://{self.authority}{self.path}?timeout={timeout_seconds}s"


async def post(destination: Destination, body: bytes, *, timeout_seconds: int) -> bytes:
    """The body of the answer. Raises `CallFailure`."""
    context = _tls_context(destination.ca_bundle)
    prefix = f'failed to call webhook: Post "{destination.url(timeout_seconds)}": '
    try:
        with anyio.fail_after(timeout_seconds):
            connection = await _connect(destination, context)
            async with connection:
                status, answer = await _converse(connection, destination, body, timeout_seconds)
    except TimeoutError as error:
        raise CallFailure(f"{prefix}context deadline exceeded") from error
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        raise CallFailure(f"{prefix}{_words(error, destination)}") from error
    except h11.RemoteProtocolError as error:
        raise CallFailure(
            f"{prefix}net/http: HTTP/1.x transport connection broken: {error}"
        ) from error
    if status != 200:
        raise CallFailure(f"failed to call webhook: {_status_words(status, answer)}")
    return answer


def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    if not ca_bundle:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=base64.b64decode(ca_bundle).decode())
    except (binascii.Error, UnicodeDecodeError, ssl.SSLError, ValueError) as error:
        raise CallFailure(
            "could not get REST client: unable to load root certificates: unable to parse bytes "
            "as PEM block"
        ) from error
    return context


async def _connect(destination: Destination, context: ssl.SSLContext) -> "anyio.abc.ByteStream":
    return await anyio.connect_tcp(
        destination.host,
        destination.port,
        ssl_context=context,
        tls=True,
        tls_hostname=destination.server_name,
        tls_standard_compatible=False,
    )


async def _converse(
    connection: "anyio.abc.ByteStream", destination: Destination, body: bytes, timeout_seconds: int
) -> tuple[int, bytes]:
    """Send the request; answers the status and the body of what comes back."""
    http = h11.Connection(h11.CLIENT)
    request = h11.Request(
        method="POST",
        target=f"{destination.path}?timeout={timeout_seconds}s",
        headers=[
            ("Host", destination.authority),
            ("User-Agent", "podkernel-admission"),
            ("Accept", "application/json, */*"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ],
    )
    sent = (http.send(request), http.send(h11.Data(data=body)), http.send(h11.EndOfMessage()))
    await connection.send(b"".join(part for part in sent if part))
    status, answer = 0, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            try:
                http.receive_data(await connection.receive(READ_BYTES))
            except anyio.EndOfStream:
                http.receive_data(b"")
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > RESPONSE_BYTES_MAX:
                raise CallFailure("failed to call webhook: the response is too large")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return status, bytes(answer)


def _words(error: Exception, destination: Destination) -> str:
    """What Go's HTTP client would say of a failure."""
    while isinstance(error, OSError) and not error.errno and isinstance(error.__cause__, Exception):
        error = error.__cause__  # anyio's "all connection attempts failed"
        if isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
    if isinstance(error, ssl.SSLCertVerificationError):
        words = _VERIFY_WORDS.get(error.verify_code)
        if words is None:
            words = error.verify_message.rstrip(".")
        return f"tls: failed to verify certificate: x509: {words}"
    if isinstance(error, ssl.SSLError):
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            return "http: server gave HTTP response to HTTPS client"
        return f"remote error: tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {destination.host}: no such host"
    if isinstance(error, OSError):
        words = _DIAL_WORDS.get(error.errno or 0) or (error.strerror or str(error)).lower()
        return f"dial tcp {_address(destination)}: connect: {words}"
    return "EOF"


def _address(destination: Destination) -> str:
    host = destination.host
    return f"[{host}]:{destination.port}" if ":" in host else f"{host}:{destination.port}"


def _status_words(status: int, answer: bytes) -> str:
    if status in _STATUS_WORDS:
        return _STATUS_WORDS[status]
    said = answer[:2048].decode("utf-8", "replace").strip() or "unknown"
    if status >= 500:
        return f'an error on the server ("{said}") has prevented the request from succeeding'
    return f"the server responded with the status code {status} but did not return more information"
