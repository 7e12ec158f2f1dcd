"""What probes have found out, and what that means for a container (pure).

Results are kept in memory, by the container's id. After a restart of podkernel there are none yet:
until the first one, what the Pod's status says of the same container holds.
"""

from collections.abc import Mapping
from enum import Enum

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.container import Probe
from kernel.objects.pod import Container, Pod
from kernel.objects.pod_status import ContainerStatus


class ProbeKind(Enum):
    """What a probe is for. The startup probe holds the other two back until it has succeeded."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


class ProbeResults(msgspec.Struct, frozen=True):
    """Of one container: success, failure, or None where there is no result yet."""

    startup: bool | None = None
    readiness: bool | None = None
    liveness: bool | None = None


Results = Mapping[str, ProbeResults]
"""By container id."""

NO_RESULTS: Results = {}


def probe_of(container: Container, kind: ProbeKind) -> Probe | None:
    """A container's probe of some kind."""
    match kind:
        case ProbeKind.STARTUP:
            return container.startup_probe
        case ProbeKind.READINESS:
            return container.readiness_probe
        case ProbeKind.LIVENESS:
            return container.liveness_probe


def is_started(pod: Pod, container: Container, run: cri.Container | None, results: Results) -> bool:
    """Whether it runs, and its startup probe has succeeded where it has one."""
    if run is None or run.state is not cri.ContainerState.RUNNING:
        return False
    if container.startup_probe is None:
        return True
    result = _result(results, run).startup
    status = _status_of(pod, run)
    return result if result is not None else status is not None and bool(status.started)


def is_ready(pod: Pod, container: Container, run: cri.Container | None, results: Results) -> bool:
    """Whether it has started, and its readiness probe succeeds where it has one."""
    if run is None or not is_started(pod, container, run, results):
        return False
    if container.readiness_probe is None:
        return True
    result = _result(results, run).readiness
    status = _status_of(pod, run)
    return result if result is not None else status is not None and status.ready


def failed_probe(container: Container, run: cri.Container, results: Results) -> ProbeKind | None:
    """The probe that says that this run of the container has to end."""
    result = _result(results, run)
    if container.liveness_probe is not None and result.liveness is False:
        return ProbeKind.LIVENESS
    if container.startup_probe is not None and result.startup is False:
        return ProbeKind.STARTUP
    return None


def _result(results: Results, run: cri.Container) -> ProbeResults:
    return results.get(run.id, ProbeResults())


def _status_of(pod: Pod, run: cri.Container) -> ContainerStatus | None:
    """What the Pod's status says of this very run."""
    every = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    for status in every:
        if status.name == run.name and status.container_id.partition("://")[2] == run.id:
            return status
    return None
