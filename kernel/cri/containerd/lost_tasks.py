"""Tasks that containerd's CRI plugin has lost: it says the container has exited, or never ran, and
yet can't remove it, as there is a task.

That is left behind when whoever asks for a start goes away at the wrong moment, as a podkernel that
is killed: the task is made, and nobody starts or deletes it (seen with containerd 1.6). CRI offers
nothing against it; containerd's own service for tasks does.
"""

import signal
from contextlib import suppress

from kernel.clock import Clock
from kernel.cri.containerd.channel import ContainerdChannel
from kernel.cri.proto import tasks_pb2
from kernel.cri.runtime import NotFound, RuntimeFailure

_END_SECONDS_MAX = 10.0
_LOOK_SECONDS = 0.02


async def remove_lost_task(channel: ContainerdChannel, clock: Clock, container_id: str) -> None:
    """Kill and delete the task of a container. Raises `RuntimeFailure` where it does not end."""
    kill = tasks_pb2.KillRequest(container_id=container_id, signal=signal.SIGKILL, all=True)
    # What has ended already can't be killed, which is no reason not to delete it.
    with suppress(RuntimeFailure):
        await channel.call(kill, tasks_pb2.Empty)
    delete = tasks_pb2.DeleteTaskRequest(container_id=container_id)
    deadline = clock.monotonic_seconds() + _END_SECONDS_MAX
    while True:
        try:
            await channel.call(delete, tasks_pb2.DeleteResponse)
            return
        except NotFound:
            return
        except RuntimeFailure:  # not ended yet: containerd has a code for that, and runc none
            if clock.monotonic_seconds() > deadline:
                raise
        await clock.sleep(_LOOK_SECONDS)
