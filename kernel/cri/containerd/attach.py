"""Attaching to a container: CRI's Attach names a URL, behind which streams run over SPDY.

One stream each for input, output and the terminal's size, and one for the outcome, as in
Kubernetes' protocol `v4.channel.k8s.io`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream

from kernel.cri.containerd.channel import ContainerdChannel
from kernel.cri.containerd.merged_output import Output, merged_output
from kernel.cri.containerd.running_task import running_task
from kernel.cri.containerd.upgrade import upgraded_to_spdy
from kernel.cri.proto import runtime_pb2 as cri
from kernel.cri.runtime import RuntimeFailure
from kernel.cri.streaming import OutputChannel
from kernel.spdy.connection import SpdyConnection
from kernel.spdy.stream import SpdyStream

_PROTOCOL = "v4.channel.k8s.io"
_OUTCOME_BYTES_MAX = 1 << 16


class _Outcome(msgspec.Struct):
    """The Status that containerd ends a conversation with, as far as it matters."""

    status: str = ""
    message: str = ""


class AttachSession:
    """A `kernel.cri.streaming.Session` with a container's main process."""

    def __init__(
        self,
        stdin: SpdyStream | None,
        resizing: SpdyStream | None,
        outcome: SpdyStream,
        output: MemoryObjectReceiveStream[Output],
    ) -> None:
        self._stdin = stdin
        self._resizing = resizing
        self._outcome = outcome
        self._output = output

    async def send(self, data: bytes) -> None:
        if self._stdin is not None:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self._stdin.send(data)

    async def end_input(self) -> None:
        if self._stdin is not None:
            with suppress(anyio.BrokenResourceError):
                await self._stdin.send_eof()

    async def resize(self, columns: int, rows: int) -> None:
        if self._resizing is not None:
            with suppress(anyio.BrokenResourceError):
                await self._resizing.send(msgspec.json.encode({"Width": columns, "Height": rows}))

    async def output(self) -> AsyncIterator[Output]:
        async for item in self._output:
            yield item

    async def exit_code(self) -> None:
        """Return at the end of the conversation. Raises `RuntimeFailure` where it went wrong."""
        text = b""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while len(text) < _OUTCOME_BYTES_MAX:
                text += await self._outcome.receive()
        try:
            outcome = msgspec.json.decode(text, type=_Outcome)
        except msgspec.DecodeError as error:
            raise RuntimeFailure("containerd broke off the conversation") from error
        if outcome.status != "Success":
            raise RuntimeFailure(" ".join(outcome.message.split()) or outcome.status)


@asynccontextmanager
async def attached(
    channel: ContainerdChannel, container_id: str, *, stdin: bool
) -> AsyncIterator[AttachSession]:
    """Join the main process of a running container, until the context is left. Raises
    `RuntimeFailure`, `NotFound` where the container does not run."""
    task = await running_task(channel, container_id)
    takes_input = stdin and bool(task.stdin)
    request = cri.AttachRequest(
        container_id=container_id,
        stdin=takes_input,
        tty=task.terminal,
        stdout=True,
        stderr=not task.terminal,
    )
    answer = await channel.call(request, cri.AttachResponse)
    stream = await upgraded_to_spdy(answer.url, _PROTOCOL)
    async with SpdyConnection(stream, is_server=False) as connection:
        outcome = await _opened(connection, "error")
        input_stream = await _opened(connection, "stdin") if takes_input else None
        outputs = {OutputChannel.STDOUT: await _opened(connection, "stdout")}
        if not task.terminal:
            outputs[OutputChannel.STDERR] = await _opened(connection, "stderr")
        resizing = await _opened(connection, "resize") if task.terminal else None
        async with merged_output(outputs) as output:
            yield AttachSession(input_stream, resizing, outcome, output)


async def _opened(connection: SpdyConnection, kind: str) -> SpdyStream:
    try:
        return await connection.open_stream({"streamType": kind})
    except anyio.BrokenResourceError as error:
        raise RuntimeFailure(f"containerd takes no {kind} stream: {error}") from error
