"""Port-forward: over SPDY, over SPDY in a WebSocket, and over a WebSocket's channels."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TypeAlias

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from kernel.apiserver.streaming.web_socket import WebSocketStream
from kernel.spdy.connection import SpdyConnection
from kernel.spdy.stream import SpdyStream

from .conftest import PODS, SECONDS_MAX, World, everything

pytestmark = pytest.mark.anyio

TUNNEL = "SPDY/3.1+portforward.k8s.io"
Open: TypeAlias = Callable[[World], AbstractAsyncContextManager[SpdyConnection]]


@asynccontextmanager
async def directly(world: World) -> AsyncIterator[SpdyConnection]:
    """As kubectl up to 1.30."""
    async with world.spdy("portforward", "portforward.k8s.io") as (connection, agreed):
        assert agreed == "portforward.k8s.io"
        yield connection


@asynccontextmanager
async def tunnelled(world: World) -> AsyncIterator[SpdyConnection]:
    """As kubectl from 1.31 on."""
    url = f"{world.served.server.url}{PODS}/web/portforward"
    async with world.served.session.ws_connect(url, protocols=(TUNNEL,)) as socket:
        assert socket.protocol == TUNNEL
        # The client's and the server's side of aiohttp's WebSockets do the same by the same names.
        stream: ByteStream = WebSocketStream(socket)  # type: ignore[arg-type]
        async with SpdyConnection(stream, is_server=False) as connection:
            yield connection


BOTH_WAYS = pytest.mark.parametrize("opened", [directly, tunnelled])


async def pair(
    connection: SpdyConnection, port: str, request_id: str = "0"
) -> tuple[SpdyStream, SpdyStream]:
    """The streams of one forwarded connection, for data and for an error."""
    headers = {"port": port} | ({"requestid": request_id} if request_id else {})
    with anyio.fail_after(SECONDS_MAX):
        error = await connection.open_stream({"streamtype": "error"} | headers)
        await error.send_eof()
        return await connection.open_stream({"streamtype": "data"} | headers), error


@asynccontextmanager
async def answering(
    world: World, port: int, prefix: bytes = b"", *, after_end: bool = False
) -> AsyncIterator[None]:
    """A program on a port of the Pod's that answers with what it hears; with `after_end`, once
    the client says no more."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            heard = b""
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while True:
                    heard += await stream.receive()
                    if not after_end:
                        await stream.send(prefix + heard)
                        heard = b""
            if after_end:
                await stream.send(prefix + heard)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, serve)
        world.runtime.ports[port] = listener.extra(SocketAttribute.local_port)
        yield
        group.cancel_scope.cancel()


@BOTH_WAYS
async def test_connections_side_by_side(world: World, opened: Open) -> None:
    async with answering(world, 80, b"80:"), answering(world, 81, b"81:"), opened(world) as client:
        first, _ = await pair(client, "80", "1")
        second, _ = await pair(client, "81", "2")
        third, _ = await pair(client, "80", "3")
        for data, said in ((third, b"c"), (first, b"a"), (second, b"b")):
            await data.send(said)
        with anyio.fail_after(SECONDS_MAX):
            assert await first.receive() == b"80:a"
            assert await second.receive() == b"81:b"
            assert await third.receive() == b"80:c"


@BOTH_WAYS
async def test_the_client_may_end_first_and_still_hears(world: World, opened: Open) -> None:
    content = bytes(range(256)) * 8192
    async with answering(world, 80, after_end=True), opened(world) as client:
        data, error = await pair(client, "80")
        await data.send(content)
        await data.send_eof()
        assert await everything(data) == content
        assert await everything(error) == b""


@BOTH_WAYS
async def test_a_port_where_nobody_listens(world: World, opened: Open) -> None:
    async with answering(world, 80), opened(world) as client:
        data, error = await pair(client, "9", "1")
        assert (await everything(error)).decode() == (
            f"error forwarding port 9 to pod {world.sandbox_id}, uid : failed to connect to "
            "localhost:9 inside the pod: dial tcp4 127.0.0.1:9: connect: connection refused"
        )
        assert await everything(data) == b""
        well, _ = await pair(client, "80", "2")
        await well.send(b"goes on")
        assert await well.receive() == b"goes on"


async def test_ports_that_are_none(world: World) -> None:
    async with directly(world) as client:
        for number, port in enumerate(("0", "65536", "http", "")):
            _, error = await pair(client, port, str(number))
            assert b"port" in await everything(error)


async def test_old_clients_send_no_request_id(world: World) -> None:
    async with answering(world, 80), directly(world) as client:
        for said in (b"one", b"two"):
            data, _ = await pair(client, "80", "")
            await data.send(said)
            assert await data.receive() == said


async def test_streams_that_belong_to_nothing_are_refused(world: World) -> None:
    async with answering(world, 80), directly(world) as client:
        odd = await client.open_stream({"streamtype": "odd", "requestid": "1", "port": "80"})
        data = await client.open_stream({"streamtype": "data", "requestid": "1", "port": "80"})
        twice = await client.open_stream({"streamtype": "data", "requestid": "1", "port": "80"})
        for refused in (odd, twice):
            with pytest.raises(anyio.BrokenResourceError):
                await everything(refused)
        await client.open_stream({"streamtype": "error", "requestid": "1", "port": "80"})
        await data.send(b"still")
        assert await data.receive() == b"still"


@BOTH_WAYS
async def test_the_server_ends_and_keeps_nobody_waiting(world: World, opened: Open) -> None:
    async with answering(world, 80), opened(world) as client:
        data, _ = await pair(client, "80")
        await data.send(b"x")
        assert await data.receive() == b"x"
        with anyio.fail_after(1):
            await world.served.server.stop()
        with anyio.fail_after(SECONDS_MAX), pytest.raises(anyio.BrokenResourceError):
            await data.receive()


@pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", None])
async def test_channels_carry_a_connection_for_each_port(
    world: World, protocol: str | None
) -> None:
    """As the Python client does it, and kr8s, which names no protocol."""
    async with (
        answering(world, 80, b"80:"),
        world.channels("portforward?ports=80&ports=9", protocol) as client,
    ):
        found: dict[int, bytes] = {}
        await client.send(0, b"hello")
        while len(found.get(0, b"")) < 2 + 8 or len(found.get(3, b"")) < 3:
            channel, data = await client.receive()
            assert channel != 255
            found[channel] = found.get(channel, b"") + data
    assert found[0] == b"\x50\x0080:hello"
    assert found[1] == b"\x50\x00"
    assert found[2] == b"\x09\x00"
    assert found[3].startswith(b"\x09\x00error forwarding port 9 to pod")
