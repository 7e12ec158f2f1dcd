"""One forwarded connection: bytes both ways between a client's stream and a port of a Pod."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

import anyio
from anyio.abc import ByteStream

from kernel.cri.runtime import RuntimeFailure

Connect = Callable[[int], AbstractAsyncContextManager[ByteStream]]
"""Opens a connection to a port of the Pod."""

BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, ConnectionError)


async def forward(client: ByteStream, port: int, connect: Connect, sandbox_id: str) -> str:
    """Carry one connection until the Pod's side has ended; answers why it could not be carried,
    in kubelets' words, empty where it could."""
    try:
        async with connect(port) as remote:
            await splice(client, remote)
            return ""
    except ConnectionRefusedError:
        refused = f"dial tcp4 127.0.0.1:{port}: connect: connection refused"
        reason = f"failed to connect to localhost:{port} inside the pod: {refused}"
    except (RuntimeFailure, OSError) as failure:
        reason = str(failure)
    return f"error forwarding port {port} to pod {sandbox_id}, uid : {reason}"


async def splice(client: ByteStream, remote: ByteStream) -> None:
    """The client may end its direction and go on reading; once the Pod ends, all is over, as
    clients leave then."""

    async def to_client() -> None:
        with suppress(*BROKEN):
            while True:
                await client.send(await remote.receive())
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(to_client)
        # As most connections end with the Pod, this is the direction that is cancelled: here, as a
        # cancelled task of its own would leave a ring of frames behind.
        try:
            while True:
                await remote.send(await client.receive())
        except anyio.EndOfStream:
            with suppress(*BROKEN):
                await remote.send_eof()
        except BROKEN:
            group.cancel_scope.cancel()
