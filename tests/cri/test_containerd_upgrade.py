"""The request that turns HTTP into SPDY, and the servers that it may meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from kernel.cri.containerd.upgrade import upgraded_to_spdy
from kernel.cri.runtime import RuntimeFailure

pytestmark = pytest.mark.anyio

_PROTOCOL = "v4.channel.k8s.io"
_AGREED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"


@asynccontextmanager
async def _server(answer: bytes, requests: list[bytes]) -> AsyncIterator[str]:
    """Answers each request with the same bytes and hangs up; yields a URL on it."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            requests.append(await stream.receive())
            await stream.send(answer)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, handle)
            yield f"http://127.0.0.1:{port}/attach/token"
            group.cancel_scope.cancel()


async def test_what_follows_the_agreement_at_once_is_not_lost() -> None:
    requests: list[bytes] = []
    async with (
        _server(_AGREED + b"already SPDY", requests) as url,
        await upgraded_to_spdy(url, _PROTOCOL) as stream,
    ):
        assert await stream.receive() == b"already SPDY"
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
    head = requests[0].decode().lower()
    assert head.startswith("post /attach/token http/1.1\r\n")
    assert "upgrade: spdy/3.1\r\n" in head
    assert f"x-stream-protocol-version: {_PROTOCOL}\r\n" in head


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\ngone\n", "answered 404: gone"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "answered 200: "),
        (b"not HTTP at all\r\n\r\n", "speaks no HTTP"),
        (b"", "speaks no HTTP"),
    ],
)
async def test_a_refusal_is_a_failure_in_one_line(answer: bytes, message: str) -> None:
    async with _server(answer, []) as url:
        with pytest.raises(RuntimeFailure, match=message) as failure:
            await upgraded_to_spdy(url, _PROTOCOL)
    assert "\n" not in str(failure.value)


async def test_nobody_there_is_a_failure() -> None:
    async with _server(b"", []) as url:
        pass
    with pytest.raises(RuntimeFailure, match=r"streaming server at 127\.0\.0\.1"):
        await upgraded_to_spdy(url, _PROTOCOL)
