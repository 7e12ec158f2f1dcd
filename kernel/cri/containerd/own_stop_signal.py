"""The stop signal of a container that is not its image's.

CRI has that from containerd 2.3 on; before it, containerd's own service for tasks sends the signal.
"""

import math
from contextlib import suppress

from kernel.background import background_tasks
from kernel.clock import Clock
from kernel.cri.containerd.channel import ContainerdChannel
from kernel.cri.proto import tasks_pb2
from kernel.cri.runtime import RuntimeFailure


async def end_by_signal(
    channel: ContainerdChannel,
    clock: Clock,
    container_id: str,
    number: int,
    *,
    grace_seconds: float,
) -> None:
    """Send the signal to the container's first process, and wait for its end, but no longer than
    the grace."""
    kill = tasks_pb2.KillRequest(container_id=container_id, signal=number)
    # What has ended already can't be sent a signal: CRI's own stop says what there is to say.
    with suppress(RuntimeFailure):
        await channel.call(kill, tasks_pb2.Empty)
    wait = tasks_pb2.WaitRequest(container_id=container_id)

    async def expire() -> None:
        await clock.sleep(grace_seconds)
        tasks.cancel_scope.cancel()

    async with background_tasks() as tasks:
        tasks.start_soon(expire)
        with suppress(RuntimeFailure):
            await channel.call(wait, tasks_pb2.WaitResponse, timeout_seconds=math.inf)
