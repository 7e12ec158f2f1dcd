"""The status of a Pod, from what the runtime shows (pure)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.cri import runtime as cri
from kernel.cri.image_name import whole_image_name
from kernel.objects.durations import format_duration
from kernel.objects.pod import Container, EphemeralContainer, Pod, VolumeMount
from kernel.objects.pod_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodIP,
    PodStatus,
    VolumeMountStatus,
)
from kernel.objects.quality_of_service import quality_of_service
from kernel.reconcilers.pod.conditions import pod_conditions
from kernel.reconcilers.pod.decisions.init_order import is_sidecar
from kernel.reconcilers.pod.decisions.plan import Plan
from kernel.reconcilers.pod.decisions.resize import (
    Amounts,
    present_resources,
    resize_conditions,
)
from kernel.reconcilers.pod.decisions.restart import EXIT_CODE_UNKNOWN, WaitUntil
from kernel.reconcilers.pod.observe import Observed, pod_in_words
from kernel.reconcilers.pod.probes.results import is_ready, is_started
from kernel.reconcilers.pod.termination import message_bytes_max

_NEVER_STARTED = ContainerStateTerminated(
    exit_code=EXIT_CODE_UNKNOWN,
    reason="ContainerStatusUnknown",
    message="The container could not be located when the pod was terminated",
)


class Facts(msgspec.Struct, frozen=True):
    """What a status is made of beside the Pod and the plan.

    `waiting` is why containers could not be started, by name; `messages` the last words of ended
    containers, by id. `now` is in nanoseconds since the epoch. `terminating`: the Pod is deleted,
    and what has ended is not started again. `resized` are amounts of cpu and memory, by container
    id, that were set since the last status; `resize_failure` is why others could not be.
    """

    observed: Observed
    now: int
    runtime_name: str
    host_addresses: tuple[str, ...]
    waiting: Mapping[str, ContainerStateWaiting] = {}
    messages: Mapping[str, str] = {}
    terminating: bool = False
    resized: Amounts = {}
    resize_failure: str = ""


def pod_status(pod: Pod, plan: Plan, facts: Facts) -> PodStatus:
    """The whole status. What it can't know is kept from the status that the Pod has."""
    old = pod.status
    bytes_max = message_bytes_max(pod)
    inits, mains, ephemerals = (
        [
            _with_short_messages(_container_status(pod, container, plan, facts), bytes_max)
            for container in containers
        ]
        for containers in (
            pod.spec.init_containers,
            pod.spec.containers,
            pod.spec.ephemeral_containers,
        )
    )
    phase = old.phase
    if phase not in ("Succeeded", "Failed"):
        phase = _phase(pod, plan, inits, mains, terminating=facts.terminating)
    failure = plan.failure if plan.finished else None
    addresses = _addresses(pod, facts, phase)
    now = timestamp(facts.now)
    return PodStatus(
        observed_generation=pod.metadata.generation,
        phase=phase,
        conditions=pod_conditions(
            *(pod, phase, plan.initialized, inits, mains, bool(facts.observed.sandbox), now),
            resize=resize_conditions(plan.resizing, facts.resize_failure),
        ),
        message=failure.message if failure else old.message,
        reason=failure.reason if failure else old.reason,
        nominated_node_name=old.nominated_node_name,
        host_ip=next(iter(facts.host_addresses), ""),
        host_ips=[HostIP(ip=address) for address in facts.host_addresses],
        pod_ip=next(iter(addresses), ""),
        pod_ips=[PodIP(ip=address) for address in addresses],
        start_time=old.start_time or now,
        init_container_statuses=inits,
        container_statuses=mains,
        ephemeral_container_statuses=ephemerals,
        qos_class=old.qos_class or quality_of_service(pod.spec),
    )


def timestamp(nanoseconds: int) -> datetime:
    """metav1.Time: whole seconds, UTC."""
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS_PER_SECOND, UTC)


def _addresses(pod: Pod, facts: Facts, phase: str) -> Sequence[str]:
    sandbox = facts.observed.sandbox
    if sandbox is None:
        ended = phase in ("Succeeded", "Failed")
        return [pod_ip.ip for pod_ip in pod.status.pod_ips] if ended else []
    return facts.host_addresses if pod.spec.host_network else sandbox.addresses


# Containers


def _container_status(pod: Pod, container: Container, plan: Plan, facts: Facts) -> ContainerStatus:
    is_ephemeral = isinstance(container, EphemeralContainer)
    old = _old_status(pod, container.name)
    attempts = facts.observed.attempts(container.name)
    latest = attempts[0] if attempts else None
    if latest is None and old is not None and old.container_id:
        return _status_without_container(pod, container, old, plan, facts)
    ended = [attempt for attempt in attempts if attempt.state is cri.ContainerState.EXITED]
    state = _state(pod, container, latest, plan, facts)
    last_ended = ended[1:] if latest in ended and state.terminated else ended
    last_state = old.last_state if old else ContainerState()
    if last_ended:
        last_state = ContainerState(terminated=_terminated(last_ended[0], facts))
    return ContainerStatus(
        name=container.name,
        state=state,
        last_state=last_state,
        ready=_is_ready(pod, container, state, facts.observed),
        started=None if is_ephemeral else _is_started(pod, container, latest, facts.observed),
        restart_count=latest.attempt if latest else (old.restart_count if old else 0),
        image=_image(container, latest),
        image_id=latest.image_id if latest else "",
        container_id=_container_id(latest, facts) if latest else "",
        **_amounts(pod, container, latest, plan, facts),
        volume_mounts=[_mount_status(mount) for mount in container.volume_mounts],
        # The image's own is not known: CRI does not tell it.
        stop_signal=container.lifecycle.stop_signal if container.lifecycle else None,
    )


def _amounts(
    pod: Pod, container: Container, latest: cri.Container | None, plan: Plan, facts: Facts
) -> dict[str, Any]:
    """The amounts that a container has, and those that it was promised: its definition's, unless
    the node can't give them."""
    if latest is None or isinstance(container, EphemeralContainer):
        return {}
    present = present_resources(pod, latest, facts.resized)
    if present is None or not (present.requests or present.limits):
        return {}
    promised = present if plan.resizing.infeasible else container.resources
    return {"resources": present, "allocated_resources": dict(promised.requests)}


def _mount_status(mount: VolumeMount) -> VolumeMountStatus:
    """As it was made: no runtime makes what is mounted below a volume read-only too."""
    return VolumeMountStatus(
        name=mount.name,
        mount_path=mount.mount_path,
        read_only=mount.read_only,
        recursive_read_only="Disabled" if mount.read_only else None,
    )


def _with_short_messages(status: ContainerStatus, bytes_max: int) -> ContainerStatus:
    return msgspec.structs.replace(
        status,
        state=_with_short_message(status.state, bytes_max),
        last_state=_with_short_message(status.last_state, bytes_max),
    )


def _with_short_message(state: ContainerState, bytes_max: int) -> ContainerState:
    if state.terminated is None or len(state.terminated.message.encode()) <= bytes_max:
        return state
    message = state.terminated.message.encode()[:bytes_max].decode(errors="ignore")
    return ContainerState(terminated=msgspec.structs.replace(state.terminated, message=message))


def _old_status(pod: Pod, name: str) -> ContainerStatus | None:
    every = (
        *pod.status.init_container_statuses,
        *pod.status.container_statuses,
        *pod.status.ephemeral_container_statuses,
    )
    return next((status for status in every if status.name == name), None)


def _image(container: Container, latest: cri.Container | None) -> str:
    """The runtime's name of the image. One that was asked for by its digest is shown by the whole
    name that it was found under, as Kubernetes does it."""
    known = latest.image if latest else ""
    if known.startswith("sha256:"):
        with suppress(cri.InvalidImageName):
            return whole_image_name(container.image)
    return known or container.image


def _container_id(container: cri.Container, facts: Facts) -> str:
    return f"{facts.runtime_name}://{container.id}"


def _is_ready(pod: Pod, container: Container, state: ContainerState, observed: Observed) -> bool:
    """What runs is ready as far as its probes say so, and an init container once it succeeded; an
    ephemeral container never is."""
    if isinstance(container, EphemeralContainer):
        return False
    init_names = {init_container.name for init_container in pod.spec.init_containers}
    if container.name in init_names and not is_sidecar(container):
        return state.terminated is not None and state.terminated.exit_code == 0
    latest = observed.latest(container.name)
    if latest is not None and latest.id in observed.in_post_start:
        return False
    return is_ready(pod, container, latest, observed.probe_results)


def _is_started(
    pod: Pod, container: Container, latest: cri.Container | None, observed: Observed
) -> bool:
    if latest is not None and latest.id in observed.in_post_start:
        return False
    return is_started(pod, container, latest, observed.probe_results)


def _state(
    pod: Pod, container: Container, latest: cri.Container | None, plan: Plan, facts: Facts
) -> ContainerState:
    if latest is not None and latest.id in facts.observed.in_post_start:
        return ContainerState(waiting=_not_started(pod))
    if latest is not None and latest.state is cri.ContainerState.RUNNING:
        started_at = timestamp(latest.started_at) if latest.started_at else None
        return ContainerState(running=ContainerStateRunning(started_at=started_at))
    waiting = facts.waiting.get(container.name)
    back_off = plan.back_offs.get(container.name)
    has_ended = latest is not None and latest.state is cri.ContainerState.EXITED
    will_start = container.name in plan.starts or back_off is not None
    if waiting is not None and (will_start or not has_ended):
        return ContainerState(waiting=waiting)
    if back_off is not None:
        return ContainerState(waiting=_crash_loop(pod, container, back_off))
    if latest is not None and has_ended:
        return ContainerState(terminated=_terminated(latest, facts))
    if plan.finished and plan.initialized and not isinstance(container, EphemeralContainer):
        # As in Kubernetes: nothing waits in a Pod that is over.
        return ContainerState(terminated=_NEVER_STARTED)
    return ContainerState(waiting=_not_started(pod))


def _crash_loop(pod: Pod, container: Container, back_off: WaitUntil) -> ContainerStateWaiting:
    return ContainerStateWaiting(
        reason="CrashLoopBackOff",
        message=(
            f"back-off {format_duration(back_off.back_off_seconds)} restarting failed"
            f" container={container.name} pod={pod_in_words(pod)}"
        ),
    )


def _not_started(pod: Pod) -> ContainerStateWaiting:
    reason = "PodInitializing" if pod.spec.init_containers else "ContainerCreating"
    return ContainerStateWaiting(reason=reason)


def _terminated(container: cri.Container, facts: Facts) -> ContainerStateTerminated:
    return ContainerStateTerminated(
        exit_code=container.exit_code,
        reason=container.reason or ("Completed" if container.exit_code == 0 else "Error"),
        message=facts.messages.get(container.id) or container.message,
        started_at=timestamp(container.started_at) if container.started_at else None,
        finished_at=timestamp(container.finished_at) if container.finished_at else None,
        container_id=_container_id(container, facts),
    )


def _status_without_container(
    pod: Pod, container: Container, old: ContainerStatus, plan: Plan, facts: Facts
) -> ContainerStatus:
    """The runtime has lost a container that ran: its end is as it was written, or unknown."""
    state, last_state = old.state, old.last_state
    if state.terminated is None:
        lost = ContainerStateTerminated(
            exit_code=EXIT_CODE_UNKNOWN,
            reason="ContainerStatusUnknown",
            message="The container could not be located in the runtime any more",
            container_id=old.container_id,
        )
        state = ContainerState(terminated=last_state.terminated if state.waiting else lost)
    remade = plan.new_sandbox_attempt is not None and not isinstance(container, EphemeralContainer)
    if remade or container.name in plan.starts:
        last_state = state
        waiting = facts.waiting.get(container.name) or _not_started(pod)
        state = ContainerState(waiting=waiting)
    elif container.name in plan.back_offs:
        last_state = state
        waiting = _crash_loop(pod, container, plan.back_offs[container.name])
        state = ContainerState(waiting=waiting)
    return msgspec.structs.replace(
        old,
        state=state,
        last_state=last_state,
        ready=_is_ready(pod, container, state, facts.observed),
        started=None if isinstance(container, EphemeralContainer) else False,
    )


# Phase


def _phase(
    pod: Pod,
    plan: Plan,
    inits: Sequence[ContainerStatus],
    mains: Sequence[ContainerStatus],
    *,
    terminating: bool,
) -> str:
    if plan.finished or (terminating and not _any_running((*inits, *mains))):
        return _end_phase(plan, inits, mains)
    if pod.status.phase == "Running":
        return "Running"
    if not plan.initialized:
        return "Pending"
    has_run = [status.state.running or _has_ended(status) for status in mains]
    return "Running" if all(has_run) else "Pending"


def _any_running(statuses: Sequence[ContainerStatus]) -> bool:
    return any(status.state.running is not None for status in statuses)


def _has_ended(status: ContainerStatus) -> bool:
    """Whether it has run before, also where it waits to run again."""
    return bool(status.state.terminated or status.last_state.terminated)


def _end_phase(
    plan: Plan, inits: Sequence[ContainerStatus], mains: Sequence[ContainerStatus]
) -> str:
    """Succeeded if every main container ended with 0, and everything came that far."""
    ends = [status.state.terminated or status.last_state.terminated for status in mains]
    if plan.failure is not None:
        return "Failed"
    succeeded = plan.initialized and all(end is not None and end.exit_code == 0 for end in ends)
    return "Succeeded" if succeeded and ends else "Failed"
