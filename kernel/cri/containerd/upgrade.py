"""The way from a URL that CRI answers to SPDY: one HTTP request that asks for an upgrade."""

from urllib.parse import urlsplit

import anyio
import h11
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteStream

from kernel.cri.runtime import RuntimeFailure

_HEAD_BYTES_MAX = 1 << 16
_REASON_BYTES_MAX = 1 << 10
_UPGRADE_SECONDS_MAX = 30.0


async def upgraded_to_spdy(url: str, stream_protocol: str) -> ByteStream:
    """A connection to containerd's streaming server on which SPDY/3.1 is spoken from now on.
    Raises `RuntimeFailure`."""
    address = urlsplit(url)
    try:
        with anyio.fail_after(_UPGRADE_SECONDS_MAX):
            stream = await anyio.connect_tcp(address.hostname or "", address.port or 80)
            try:
                return await _upgraded(stream, address.netloc, address.path, stream_protocol)
            except BaseException:
                await anyio.aclose_forcefully(stream)
                raise
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        why = str(error) or "it does not answer"
        raise RuntimeFailure(f"containerd's streaming server at {address.netloc}: {why}") from error


async def _upgraded(stream: ByteStream, host: str, path: str, stream_protocol: str) -> ByteStream:
    http = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES_MAX)
    request = h11.Request(
        method="POST",
        target=path,
        headers=[
            ("Host", host),
            ("Connection", "Upgrade"),
            ("Upgrade", "SPDY/3.1"),
            ("X-Stream-Protocol-Version", stream_protocol),
            ("Content-Length", "0"),
        ],
    )
    await stream.send((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
    try:
        answer = await _next_event(http, stream)
        if not isinstance(answer, h11.InformationalResponse) or answer.status_code != 101:
            raise RuntimeFailure(await _refusal(answer, http, stream))
    except h11.RemoteProtocolError as error:
        raise RuntimeFailure(f"containerd's streaming server speaks no HTTP: {error}") from error
    upgraded = BufferedByteStream(stream)
    upgraded.feed_data(http.trailing_data[0])
    return upgraded


async def _next_event(http: h11.Connection, stream: ByteStream) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        try:
            http.receive_data(await stream.receive())
        except anyio.EndOfStream:
            http.receive_data(b"")
    return event


async def _refusal(answer: object, http: h11.Connection, stream: ByteStream) -> str:
    """What the server says instead of upgrading, in one line."""
    reason = b""
    while len(reason) < _REASON_BYTES_MAX:
        event = await _next_event(http, stream)
        if not isinstance(event, h11.Data):
            break
        reason += event.data
    status = getattr(answer, "status_code", "nothing")
    text = " ".join(reason.decode(errors="replace").split())
    return f"containerd's streaming server answered {status}: {text}"
