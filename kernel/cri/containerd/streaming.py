"""How a `ContainerdRuntime` converses with what runs: commands, main processes, ports."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio.abc import ByteStream

from kernel.clock import Clock
from kernel.cri.containerd.attach import attached
from kernel.cri.containerd.channel import ContainerdChannel
from kernel.cri.containerd.exec import executed
from kernel.cri.containerd.running_task import running_task
from kernel.cri.loopback import connect_loopback
from kernel.cri.streaming import Session


class ContainerdStreaming:
    """A `kernel.cri.streaming.Streaming`."""

    _channel: ContainerdChannel
    _clock: Clock

    def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool, tty: bool
    ) -> AbstractAsyncContextManager[Session]:
        return executed(
            self._channel, self._clock.uuid(), container_id, command, stdin=stdin, tty=tty
        )

    def attach(self, container_id: str, *, stdin: bool) -> AbstractAsyncContextManager[Session]:
        return attached(self._channel, container_id, stdin=stdin)

    @asynccontextmanager
    async def connect(self, sandbox_id: str, port: int) -> AsyncIterator[ByteStream]:
        # CRI's PortForward cuts a connection off a second after one direction has ended, and says
        # nowhere that it is made; a connection of our own does neither.
        task = await running_task(self._channel, sandbox_id)
        async with await connect_loopback(f"/proc/{task.pid}/ns/net", port) as stream:
            yield stream
