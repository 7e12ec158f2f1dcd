"""Port-forward over a WebSocket's channels, one connection for each port that the query names.

Port number n of the query, from 0 on, has channel 2n for its data and 2n + 1 for an error. Each
channel begins with a message of two bytes: the port, the lower byte first.
"""

from collections.abc import Sequence
from contextlib import suppress

import anyio
import anyio.abc
from aiohttp import web

from kernel.apiserver.streaming.forwarding import BROKEN, Connect, forward
from kernel.apiserver.streaming.web_socket import messages_of

CHANNEL_FORWARD_PROTOCOLS = ("v4.channel.k8s.io", "")
"""kr8s names none."""


class ChannelForwarder:
    """Carries what a client forwards on one WebSocket, to ports that `connect` reaches."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        ports: Sequence[int],
        connect: Connect,
        sandbox_id: str,
    ):
        self._socket = socket
        self._connect = connect
        self._sandbox_id = sandbox_id
        self._channels = [_Channel(socket, 2 * index, port) for index, port in enumerate(ports)]

    async def run(self) -> None:
        """Carry the connections until all have ended, or the client has left."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._distribute, group.cancel_scope)
            async with anyio.create_task_group() as carrying:
                for channel in self._channels:
                    carrying.start_soon(self._carry, channel)
            group.cancel_scope.cancel()
        await self._socket.close()

    async def _carry(self, channel: "_Channel") -> None:
        async with channel:
            with suppress(*BROKEN):
                await channel.begin()
                failure = await forward(channel, channel.port, self._connect, self._sandbox_id)
                if failure:
                    await channel.send_error(failure)

    async def _distribute(self, scope: anyio.CancelScope) -> None:
        async for message in messages_of(self._socket):
            index, is_error = divmod(message[0], 2) if message else (0, 1)
            if not is_error and index < len(self._channels):
                await self._channels[index].arrived(message[1:])
        scope.cancel()


class _Channel(anyio.abc.ByteStream):
    """The two channels of a port, as a stream of bytes. The client can't end its direction."""

    def __init__(self, socket: web.WebSocketResponse, number: int, port: int):
        self.port = port
        self._socket = socket
        self._number = number
        # No room: a message is taken from the WebSocket once the Pod has taken the one before.
        self._arriving, self._received = anyio.create_memory_object_stream[bytes]()
        self._rest = b""

    async def begin(self) -> None:
        """Tell the client which port the channels stand for."""
        for number in (self._number, self._number + 1):
            await self._send(number, self.port.to_bytes(2, "little"))

    async def send_error(self, text: str) -> None:
        """Tell the client why the port is not forwarded."""
        await self._send(self._number + 1, text.encode())

    async def arrived(self, data: bytes) -> None:
        """Take what the client has sent; what comes too late is dropped."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._arriving.send(data)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        while not self._rest:
            self._rest = await self._received.receive()
        data, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return data

    async def send(self, item: bytes) -> None:
        await self._send(self._number, item)

    async def send_eof(self) -> None:
        """The protocol has no word for it."""

    async def aclose(self) -> None:
        self._arriving.close()
        self._received.close()

    async def _send(self, number: int, data: bytes) -> None:
        try:
            await self._socket.send_bytes(bytes((number,)) + data)
        except ConnectionError as error:
            raise anyio.BrokenResourceError from error
