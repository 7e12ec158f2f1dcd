"""What a process writes in several places, in one stream, as it comes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteReceiveStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from kernel.background import background_tasks
from kernel.cri.streaming import OutputChannel

Output = tuple[OutputChannel, bytes]


@asynccontextmanager
async def merged_output(
    sources: Mapping[OutputChannel, ByteReceiveStream],
) -> AsyncIterator[MemoryObjectReceiveStream[Output]]:
    """What the sources yield, for the time of the context; ends once all of them have ended or
    broken. Nothing is read ahead of whoever receives, but for a piece of each source."""
    send, receive = anyio.create_memory_object_stream[Output](0)
    with receive:
        async with background_tasks() as group:
            with send:
                for channel, source in sources.items():
                    group.start_soon(_pass_on, channel, source, send.clone())
            yield receive


async def _pass_on(
    channel: OutputChannel, source: ByteReceiveStream, send: MemoryObjectSendStream[Output]
) -> None:
    with send:
        try:
            while True:
                await send.send((channel, await source.receive()))
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
