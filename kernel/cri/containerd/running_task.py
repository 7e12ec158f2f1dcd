"""What containerd tells of the running process of a container or sandbox."""

from kernel.cri.containerd.channel import ContainerdChannel
from kernel.cri.proto import tasks_pb2
from kernel.cri.runtime import NotFound


async def running_task(channel: ContainerdChannel, container_id: str) -> tasks_pb2.Process:
    """Its process. Raises `NotFound` where there is no such container, or it does not run."""
    request = tasks_pb2.GetRequest(container_id=container_id)
    try:
        process = (await channel.call(request, tasks_pb2.GetResponse)).process
    except NotFound:
        raise NotFound(f"{container_id} is not running") from None
    if process.status != tasks_pb2.RUNNING:
        raise NotFound(f"{container_id} is not running")
    return process
