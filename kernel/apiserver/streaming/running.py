"""Which container or sandbox of the runtime is meant: what the Pod's status shows, if it is so."""

from kernel.api.errors import BadRequest
from kernel.apiserver.log_source import choose_container, find_status
from kernel.cri.runtime import Container, Runtime
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import POD_UID, runtime_uid


class NothingRuns(Exception):
    """What is asked for does not run. The message is Kubernetes'."""


def running_container(pod: Pod, wanted: str) -> str:
    """The runtime's id of the container `wanted`, or of the only one where that is empty.

    Raises `BadRequest` where the Pod has no such container, `NothingRuns` where it does not run.
    """
    name = choose_container(pod, wanted)
    require_host(pod)
    status = find_status(pod, name)
    if status is None or status.state.running is None or not status.container_id:
        raise NothingRuns(f'container not found ("{name}")')
    return runtime_id(status.container_id)


def any_container(pod: Pod) -> str:
    """The runtime's id of a container that shows which sandbox is the Pod's: one that runs, or
    else the last that did. Raises `BadRequest`, `NothingRuns`."""
    require_host(pod)
    statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    known = [status for status in statuses if status.container_id]
    known.sort(key=lambda status: status.state.running is None)
    if not known:
        metadata = pod.metadata
        raise NothingRuns(f'pod not found ("{metadata.name}_{metadata.namespace}")')
    return runtime_id(known[0].container_id)


async def look_up(runtime: Runtime, pod: Pod, container_id: str) -> Container:
    """The container as the runtime has it. Whoever may write a Pod's status could name another
    Pod's containers there: one that is not of the Pod does not run. Raises `NothingRuns`,
    `RuntimeFailure`."""
    found = await runtime.container_status(container_id)
    if found.labels.get(POD_UID) != runtime_uid(pod):
        raise NothingRuns(f"container {container_id} is not of Pod {pod.metadata.name}")
    return found


def require_host(pod: Pod) -> None:
    """Raise `BadRequest` for a Pod that is on no node."""
    if not pod.spec.node_name:
        raise BadRequest(f"pod {pod.metadata.name} does not have a host assigned")


def runtime_id(container_id: str) -> str:
    """`containerd://4f1c…` without what names the runtime."""
    return container_id.partition("://")[2]
