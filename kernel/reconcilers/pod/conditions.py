"""The conditions of a Pod (pure)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kernel.objects.pod import Pod
from kernel.objects.pod_status import ContainerStatus, PodCondition

PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"


def was_initialized(pod: Pod) -> bool:
    """Whether all init containers have passed, going by the status that the Pod has."""
    conditions = {condition.type: condition.status for condition in pod.status.conditions}
    return not pod.spec.init_containers or conditions.get("Initialized") == "True"


def pod_conditions(
    pod: Pod,
    phase: str,
    initialized: bool,
    inits: Sequence[ContainerStatus],
    mains: Sequence[ContainerStatus],
    has_sandbox: bool,
    now: datetime,
    *,
    resize: Sequence[PodCondition] = (),
) -> list[PodCondition]:
    """All conditions, with the time of their last change kept where nothing changed, and the
    Pod's generation that they are about (KEP-5067). Those that others have set (readiness gates)
    are kept as they are. Of a resize, only the conditions in `resize` are there."""
    containers_ready = _containers_ready(pod, phase, inits, mains)
    own = [
        PodCondition(type="PodReadyToStartContainers", status=_truth(has_sandbox)),
        _initialized(pod, phase, initialized, inits),
        _ready(pod, containers_ready),
        containers_ready,
    ]
    old = {condition.type: condition for condition in pod.status.conditions}
    if "PodScheduled" not in old:
        own.append(PodCondition(type="PodScheduled", status="True"))
    own.extend(resize)
    names = {condition.type for condition in own} | {PENDING, IN_PROGRESS}
    others = [condition for condition in pod.status.conditions if condition.type not in names]
    generation = pod.metadata.generation
    return [
        _with_time(condition, old.get(condition.type), now, generation) for condition in own
    ] + others


def _truth(value: bool) -> str:
    return "True" if value else "False"


def _with_time(
    condition: PodCondition, old: PodCondition | None, now: datetime, generation: int
) -> PodCondition:
    unchanged = old is not None and old.status == condition.status
    since = old.last_transition_time if old is not None and unchanged else now
    return msgspec.structs.replace(
        condition, last_transition_time=since, observed_generation=generation
    )


def _listed(names: Sequence[str]) -> str:
    """Names as Go prints a list of strings: `[a b]`."""
    return f"[{' '.join(names)}]"


def _initialized(
    pod: Pod, phase: str, initialized: bool, inits: Sequence[ContainerStatus]
) -> PodCondition:
    if phase == "Succeeded":
        return PodCondition(type="Initialized", status="True", reason="PodCompleted")
    if initialized or not pod.spec.init_containers:
        return PodCondition(type="Initialized", status="True")
    sidecars = _sidecar_names(pod)
    incomplete = [
        status.name
        for status in inits
        if not (status.started if status.name in sidecars else status.ready)
    ]
    return PodCondition(
        type="Initialized",
        status="False",
        reason="ContainersNotInitialized",
        message=f"containers with incomplete status: {_listed(incomplete)}",
    )


def _sidecar_names(pod: Pod) -> set[str]:
    return {c.name for c in pod.spec.init_containers if c.restart_policy == "Always"}


def _containers_ready(
    pod: Pod, phase: str, inits: Sequence[ContainerStatus], mains: Sequence[ContainerStatus]
) -> PodCondition:
    if phase in ("Succeeded", "Failed"):
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        return PodCondition(type="ContainersReady", status="False", reason=reason)
    sidecars = _sidecar_names(pod)
    must_be_ready = (*(status for status in inits if status.name in sidecars), *mains)
    unready = [status.name for status in must_be_ready if not status.ready]
    if not unready:
        return PodCondition(type="ContainersReady", status="True")
    return PodCondition(
        type="ContainersReady",
        status="False",
        reason="ContainersNotReady",
        message=f"containers with unready status: {_listed(unready)}",
    )


def _ready(pod: Pod, containers_ready: PodCondition) -> PodCondition:
    """Ready when the containers are, and every readiness gate's condition is True."""
    ready = msgspec.structs.replace(containers_ready, type="Ready")
    if ready.status != "True":
        return ready
    statuses = {condition.type: condition.status for condition in pod.status.conditions}
    messages = []
    for gate in pod.spec.readiness_gates:
        name, status = gate.condition_type, statuses.get(gate.condition_type)
        if status is None:
            messages.append(
                f'corresponding condition of pod readiness gate "{name}" does not exist.'
            )
        elif status != "True":
            messages.append(
                f'the status of pod readiness gate "{name}" is not "True", but {status}'
            )
    if not messages:
        return ready
    return PodCondition(
        type="Ready",
        status="False",
        reason="ReadinessGatesNotReady",
        message=", ".join(messages),
    )
