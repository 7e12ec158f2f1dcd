"""Port-forward over SPDY: each forwarded connection is a stream for data and one for an error.

The two belong together by the header `requestID`. Old clients send none: their data stream is the
one that they begin next after the error stream.
"""

import anyio
import msgspec

from kernel.api.errors import BadRequest
from kernel.apiserver.streaming.forwarding import BROKEN, Connect, forward
from kernel.apiserver.streaming.options import read_port
from kernel.spdy.connection import SpdyConnection
from kernel.spdy.stream import SpdyStream

FORWARD_PROTOCOL = "portforward.k8s.io"
TUNNEL_PROTOCOL = f"SPDY/3.1+{FORWARD_PROTOCOL}"

PAIR_SECONDS_MAX = 30.0
WAITING_PAIRS_MAX = 256


class _Pair(msgspec.Struct):
    """The streams of a connection, as far as they have come."""

    complete: anyio.Event
    data: SpdyStream | None = None
    error: SpdyStream | None = None


class StreamForwarder:
    """Carries what a client forwards on one SPDY connection, to ports that `connect` reaches."""

    def __init__(self, connection: SpdyConnection, connect: Connect, sandbox_id: str):
        self._connection = connection
        self._connect = connect
        self._sandbox_id = sandbox_id
        self._waiting: dict[str, _Pair] = {}

    async def run(self) -> None:
        """Carry connections until the client has left."""
        async with anyio.create_task_group() as group:
            try:
                while True:
                    stream = await self._connection.accept_stream()
                    started = await self._place(stream)
                    if started is not None:
                        group.start_soon(self._carry, *started)
            except BROKEN:
                group.cancel_scope.cancel()

    async def _place(self, stream: SpdyStream) -> tuple[str, _Pair] | None:
        """Put a stream to its pair, which is answered where this is its first one."""
        headers = stream.headers
        type_, request_id = headers.get("streamtype", ""), headers.get("requestid", "")
        if not request_id:
            request_id = f"stream {stream.stream_id - (2 if type_ == 'data' else 0)}"
        present = self._waiting.get(request_id)
        pair = present or _Pair(complete=anyio.Event())
        has_room = present is not None or len(self._waiting) < WAITING_PAIRS_MAX
        if not has_room or not _takes(pair, type_, stream):
            await stream.reset()
            return None
        self._waiting[request_id] = pair
        if pair.data is not None and pair.error is not None:
            pair.complete.set()
        return (request_id, pair) if present is None else None

    async def _carry(self, request_id: str, pair: _Pair) -> None:
        with anyio.move_on_after(PAIR_SECONDS_MAX):
            await pair.complete.wait()
        del self._waiting[request_id]
        try:
            if pair.data is not None and pair.error is not None:
                await self._forward(pair.data, pair.error)
        except BROKEN:
            pass  # the client has given this connection up
        finally:
            for stream in (pair.data, pair.error):
                if stream is not None:
                    stream.reset_nowait()

    async def _forward(self, data: SpdyStream, error: SpdyStream) -> None:
        try:
            port = read_port(data.headers.get("port", ""))
        except BadRequest as refusal:
            failure = refusal.message
        else:
            failure = await forward(data, port, self._connect, self._sandbox_id)
        if failure:
            await error.send(failure.encode())
        await data.send_eof()
        await error.send_eof()
        await _drain(data)


def _takes(pair: _Pair, type_: str, stream: SpdyStream) -> bool:
    if type_ == "data" and pair.data is None:
        pair.data = stream
    elif type_ == "error" and pair.error is None:
        pair.error = stream
    else:
        return False
    return True


async def _drain(data: SpdyStream) -> None:
    """Let the client end its direction: to reset it now could take what was sent before along."""
    while True:
        await data.receive()
