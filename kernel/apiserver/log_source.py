"""Which run of which container a log request is about, and the words for when there is none."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from kernel.api.errors import BadRequest
from kernel.cri.rotated_logs import rotated_logs
from kernel.objects.pod import Pod
from kernel.objects.pod_status import ContainerStatus
from kernel.objects.runtime_identity import runtime_uid

_IMAGE_PULL_REASONS = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


class LogSource(msgspec.Struct, frozen=True):
    """One run of a container: `attempt` counts its restarts; `container_id` is the runtime's."""

    container: str
    attempt: int
    container_id: str = ""


def choose_container(pod: Pod, wanted: str) -> str:
    """The container whose log is meant. Raises `BadRequest` where that is not clear."""
    spec = pod.spec
    names = [container.name for container in spec.containers]
    init_names = [container.name for container in spec.init_containers]
    ephemeral_names = [container.name for container in spec.ephemeral_containers]
    pod_name = pod.metadata.name
    if wanted:
        if wanted in (*names, *init_names, *ephemeral_names):
            return wanted
        raise BadRequest(f"container {wanted} is not valid for pod {pod_name}")
    if len(names) == 1:
        return names[0]
    message = f"a container name must be specified for pod {pod_name}, choose one of: "
    message += f"[{' '.join(names)}]"
    if init_names:
        message += f" or one of the init containers: [{' '.join(init_names)}]"
    if ephemeral_names:
        message += f" or one of the ephemeral containers: [{' '.join(ephemeral_names)}]"
    raise BadRequest(message)


def choose_run(pod: Pod, container: str, *, previous: bool) -> LogSource:
    """The run that is shown: the newest that has started, or with `previous` the one before.

    Raises `BadRequest` in Kubernetes' words where there is no such run.
    """
    pod_name = pod.metadata.name
    status = find_status(pod, container)
    if status is None:
        raise BadRequest(f'container "{container}" in pod "{pod_name}" is not available')
    state, restarts = status.state, status.restart_count
    ended_before = status.last_state.terminated is not None
    started = state.running is not None or state.terminated is not None
    # While a container waits to be restarted, its last run is the one that `restarts` counts.
    last_run = restarts - 1 if started else restarts
    if previous:
        if not ended_before or last_run < 0:
            raise BadRequest(
                f'previous terminated container "{container}" in pod "{pod_name}" not found'
            )
        return LogSource(container, last_run, _ended_id(status))
    if started:
        return LogSource(container, restarts, _bare_id(status.container_id))
    if ended_before:
        return LogSource(container, last_run, _ended_id(status))
    waiting = state.waiting.reason if state.waiting is not None else ""
    reason = _IMAGE_PULL_REASONS.get(waiting, waiting) or "no logs yet"
    raise BadRequest(f'container "{container}" in pod "{pod_name}" is waiting to start: {reason}')


def _ended_id(status: ContainerStatus) -> str:
    ended = status.last_state.terminated
    return _bare_id(ended.container_id) if ended is not None else ""


def _bare_id(container_id: str) -> str:
    """Without the runtime's name: `containerd://<id>`."""
    return container_id.rpartition("://")[2]


def has_ended(pod: Pod, source: LogSource) -> bool:
    """Whether that run is over."""
    status = find_status(pod, source.container)
    if status is None or status.restart_count > source.attempt:
        return True
    return status.state.running is None


def find_status(pod: Pod, container: str) -> ContainerStatus | None:
    """The status of a container of any sort."""
    status = pod.status
    statuses: Iterable[ContainerStatus] = (
        *status.container_statuses,
        *status.init_container_statuses,
        *status.ephemeral_container_statuses,
    )
    return next((found for found in statuses if found.name == container), None)


def log_path(pod_logs_directory: Path, pod: Pod, source: LogSource) -> Path:
    """Where the runtime writes that run's log.

    The newest file that is not newer than the run stands in for one that is missing: a run that
    failed before its first line may leave none.
    """
    metadata = pod.metadata
    directory = pod_logs_directory / f"{metadata.namespace}_{metadata.name}_{runtime_uid(pod)}"
    directory /= source.container
    for attempt in range(source.attempt, -1, -1):
        path = directory / f"{attempt}.log"
        if path.exists() or rotated_logs(path):
            return path
    return directory / f"{source.attempt}.log"
