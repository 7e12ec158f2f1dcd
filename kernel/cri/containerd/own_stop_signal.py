"""The stop signal of a container that is not its image's.

CRI has that from containerd 2.3 on; before it, containerd's own service for tasks sends the signal.
"""

from contextlib import suppress

from kernel.cri.containerd.channel import ContainerdChannel, DeadlineExceeded
from kernel.cri.proto import tasks_pb2
from kernel.cri.runtime import NotFound, RuntimeFailure


async def end_by_signal(
    channel: ContainerdChannel, container_id: str, number: int, *, grace_seconds: float
) -> None:
    """Send the signal to the container's first process, and wait for its end, but no longer than
    the grace."""
    kill = tasks_pb2.KillRequest(container_id=container_id, signal=number)
    # What has ended already can't be sent a signal: CRI's own stop says what there is to say.
    with suppress(RuntimeFailure):
        await channel.call(kill, tasks_pb2.Empty)
    wait = tasks_pb2.WaitRequest(container_id=container_id)
    with suppress(NotFound, DeadlineExceeded):
        await channel.call(wait, tasks_pb2.WaitResponse, timeout_seconds=grace_seconds)
