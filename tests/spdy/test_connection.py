"""Two ends of a SPDY connection over a socket pair, and an end that meets a rude peer."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest
from anyio.abc import UNIXSocketStream

from kernel.spdy.codec import FrameDecoder, FrameEncoder
from kernel.spdy.connection import UNREAD_BYTES_MAX, SpdyConnection
from kernel.spdy.frames import Data, Frame, GoAway, Ping, Reset, SynReply, SynStream
from kernel.spdy.stream import SpdyStream

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 20


@asynccontextmanager
async def _ends() -> AsyncIterator[tuple[SpdyConnection, SpdyConnection]]:
    """A client and a server that talk with each other."""
    one, other = await _socket_pair()
    with anyio.fail_after(PATIENCE_SECONDS):
        async with (
            SpdyConnection(one, is_server=False) as client,
            SpdyConnection(other, is_server=True) as server,
        ):
            yield client, server


@asynccontextmanager
async def _stream() -> AsyncIterator[tuple[SpdyStream, SpdyStream]]:
    """The two ends of a stream that the client began."""
    async with _ends() as (client, server):
        near = await client.open_stream({"name": "value"})
        yield near, await server.accept_stream()


async def _socket_pair() -> tuple[UNIXSocketStream, UNIXSocketStream]:
    one, other = socket.socketpair()
    return await UNIXSocketStream.from_socket(one), await UNIXSocketStream.from_socket(other)


class _Peer:
    """The other end of a connection, frame by frame."""

    def __init__(self, stream: UNIXSocketStream) -> None:
        self.stream = stream
        self._encoder = FrameEncoder()
        self._decoder = FrameDecoder()

    async def send(self, *frames: Frame) -> None:
        await self.stream.send(b"".join(map(self._encoder.encode, frames)))

    async def receive(self) -> Frame:
        while (frame := self._decoder.next_frame()) is None:
            self._decoder.receive(await self.stream.receive())
        return frame


@asynccontextmanager
async def _server_and_peer() -> AsyncIterator[tuple[SpdyConnection, _Peer]]:
    one, other = await _socket_pair()
    with anyio.fail_after(PATIENCE_SECONDS):
        async with SpdyConnection(one, is_server=True) as server, other:
            yield server, _Peer(other)


async def _read_all(stream: SpdyStream) -> bytes:
    return b"".join([piece async for piece in stream])


async def test_both_sides_send_and_end_on_their_own() -> None:
    async with _stream() as (near, far):
        assert far.headers == {"name": "value"}
        await near.send(b"question")
        await near.send_eof()
        assert await _read_all(far) == b"question"
        with pytest.raises(anyio.EndOfStream):
            await far.receive()
        await far.send(b"answer")
        await far.send_eof()
        assert await _read_all(near) == b"answer"
        with pytest.raises(anyio.ClosedResourceError):
            await near.send(b"too late")


async def test_the_server_begins_streams_too_and_names_are_in_lower_case() -> None:
    async with _ends() as (client, server), anyio.create_task_group() as group:

        async def accept() -> None:
            stream = await client.accept_stream()
            assert stream.headers == {"streamtype": "data"}
            await stream.send(b"hello")
            await stream.aclose()

        group.start_soon(accept)
        stream = await server.open_stream({"streamType": "data"}, end=True)
        assert await stream.receive() == b"hello"
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()


async def test_much_flows_through_many_streams_at_once_in_order() -> None:
    content = bytes(range(256)) * 8192

    async def echo(stream: SpdyStream) -> None:
        async for piece in stream:
            await stream.send(piece)
        await stream.send_eof()

    async def ask(client: SpdyConnection, number: int) -> None:
        stream = await client.open_stream({"number": str(number)})
        async with anyio.create_task_group() as group:

            async def send() -> None:
                await stream.send(content)
                await stream.send_eof()

            group.start_soon(send)
            assert await _read_all(stream) == content

    async with _ends() as (client, server), anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(ask, client, number)
        for _ in range(4):
            group.start_soon(echo, await server.accept_stream())


async def test_receive_takes_no_more_than_asked_for() -> None:
    async with _stream() as (near, far):
        await near.send(b"abcdef")
        assert await far.receive(4) == b"abcd"
        assert await far.receive(4) == b"ef"


async def test_a_reset_breaks_both_directions_after_what_has_come() -> None:
    async with _stream() as (near, far):
        await near.send(b"last words")
        await near.reset()
        assert await far.receive() == b"last words"
        with pytest.raises(anyio.BrokenResourceError, match="reset"):
            await far.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await far.send(b"x")
        with pytest.raises(anyio.ClosedResourceError):
            await near.receive()


async def test_who_does_not_read_presses_back_until_it_reads_or_lets_go() -> None:
    async with _ends() as (client, server), anyio.create_task_group() as group:
        lazy = await client.open_stream({})
        lazy_end = await server.accept_stream()
        sent = 0

        async def send() -> None:
            nonlocal sent
            piece = bytes(1 << 16)
            while True:
                await lazy.send(piece)
                sent += len(piece)

        group.start_soon(send)
        # Sockets keep some bytes too; the rest would run away within a moment if nothing pressed.
        await anyio.wait_all_tasks_blocked()
        assert UNREAD_BYTES_MAX <= sent < 4 * UNREAD_BYTES_MAX
        group.cancel_scope.cancel()
    await lazy_end.aclose()


async def test_what_was_read_or_let_go_makes_room_for_others() -> None:
    async with _ends() as (client, server), anyio.create_task_group() as group:
        lazy = await client.open_stream({})
        lazy_end = await server.accept_stream()
        busy = await client.open_stream({})
        busy_end = await server.accept_stream()

        async def send() -> None:
            with suppress(anyio.BrokenResourceError):
                await lazy.send(bytes(2 * UNREAD_BYTES_MAX))

        group.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(busy.send, b"hello")
        await lazy_end.receive(UNREAD_BYTES_MAX)
        await lazy_end.aclose()
        assert await busy_end.receive() == b"hello"
        group.cancel_scope.cancel()


async def test_leaving_sends_what_waits_and_tells_the_peer() -> None:
    one, other = await _socket_pair()
    with anyio.fail_after(PATIENCE_SECONDS):
        async with SpdyConnection(other, is_server=True) as server:
            async with SpdyConnection(one, is_server=False) as client:
                near = await client.open_stream({})
                await near.send(b"all of it")
                await near.send_eof()
            far = await server.accept_stream()
            assert await _read_all(far) == b"all of it"
            with pytest.raises(anyio.EndOfStream):
                await server.accept_stream()
            with pytest.raises(anyio.BrokenResourceError):
                await server.open_stream({})


async def test_a_peer_that_vanishes_breaks_streams_after_what_has_come() -> None:
    async with _server_and_peer() as (server, peer):
        await peer.send(SynStream(1, {}), Data(1, b"half a w"))
        stream = await server.accept_stream()
        await peer.stream.aclose()
        assert await stream.receive() == b"half a w"
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()


async def test_an_exception_leaves_the_context_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with _server_and_peer():
            raise KeyError("mine")


async def test_a_ping_is_answered_while_nobody_does_anything() -> None:
    async with _server_and_peer() as (_, peer):
        await peer.send(Ping(7))
        assert await peer.receive() == Ping(7)


async def test_a_refused_stream_is_not_opened() -> None:
    async with _server_and_peer() as (server, peer), anyio.create_task_group() as group:

        async def refuse() -> None:
            begun = await peer.receive()
            assert isinstance(begun, SynStream)
            await peer.send(Reset(begun.stream_id, 3))

        group.start_soon(refuse)
        with pytest.raises(anyio.BrokenResourceError, match="status 3"):
            await server.open_stream({})


async def test_giving_up_on_opening_a_stream_resets_it() -> None:
    async with _server_and_peer() as (server, peer):
        with anyio.move_on_after(0.01):
            await server.open_stream({})
        assert isinstance(await peer.receive(), SynStream)
        assert await peer.receive() == Reset(2, 5)


@pytest.mark.parametrize("stream_id", [2, 1])
async def test_a_stream_with_a_wrong_number_ends_the_connection(stream_id: int) -> None:
    async with _server_and_peer() as (server, peer):
        await peer.send(SynStream(1, {}), SynStream(stream_id, {}))
        stream = await server.accept_stream()
        assert await peer.receive() == SynReply(1, {})
        assert await peer.receive() == GoAway(1, 1)
        with pytest.raises(anyio.BrokenResourceError, match="can't begin"):
            await stream.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await server.accept_stream()


async def test_garbage_ends_the_connection() -> None:
    async with _server_and_peer() as (server, peer):
        await peer.stream.send(b"\xff" * 100)
        with pytest.raises(anyio.BrokenResourceError, match="broke the protocol"):
            await server.accept_stream()


async def test_frames_of_streams_that_are_no_more_are_passed_over() -> None:
    async with _server_and_peer() as (server, peer):
        await peer.send(Data(9, b"x"), Reset(9, 5), SynReply(2, {}), SynStream(11, {}))
        assert (await server.accept_stream()).stream_id == 11


async def test_who_asks_without_taking_answers_is_left() -> None:
    async with _server_and_peer() as (server, peer), anyio.create_task_group() as group:

        async def ask() -> None:
            # No answer is read, so they fill the socket and then the queue.
            with suppress(anyio.BrokenResourceError):
                while True:
                    await peer.send(*[Ping(1)] * 1000)

        group.start_soon(ask)
        with pytest.raises(anyio.BrokenResourceError, match="more is asked"):
            await server.accept_stream()
