"""A Pod as a row of `kubectl get pods`, above all its STATUS: one word for what it is up to."""

from datetime import datetime

from kernel.apiserver.rows.ages import age
from kernel.objects.kind import Column
from kernel.objects.pod import Pod
from kernel.objects.pod_status import ContainerState, ContainerStateTerminated, ContainerStatus

NONE = "<none>"

POD_COLUMNS = (
    Column("Name", "metadata.name"),
    Column("Ready", "", description="Containers that are ready, and how many there are."),
    Column("Status", "", description="What the containers of this Pod are up to."),
    Column("Restarts", "", description="How often containers were restarted, and when last."),
    Column("Age", "metadata.creationTimestamp"),
    Column("IP", "status.podIP", priority=1),
    Column("Node", "spec.nodeName", priority=1),
    Column("Nominated Node", "status.nominatedNodeName", priority=1),
    Column("Readiness Gates", "", priority=1),
)


def pod_cells(pod: Pod, now: datetime) -> list[object]:
    """The cells of one Pod, in the order of `POD_COLUMNS`."""
    summary = PodSummary(pod)
    addresses = pod.status.pod_ips
    address = addresses[0].ip if addresses else pod.status.pod_ip
    return [
        pod.metadata.name,
        f"{summary.ready}/{summary.total}",
        summary.reason,
        summary.restarts_text(now),
        age(pod.metadata.creation_timestamp, now),
        address or NONE,
        pod.spec.node_name or NONE,
        pod.status.nominated_node_name or NONE,
        _readiness_gates(pod),
    ]


class PodSummary:
    """What a row says of a Pod's containers.

    `reason` is the first of these that applies: how an init container stands in the way, how a
    container waits or has ended, the Pod's own reason, its phase; a deletion overrides them.
    """

    def __init__(self, pod: Pod):
        self._pod = pod
        self._sidecars = {c.name for c in pod.spec.init_containers if c.restart_policy == "Always"}
        self.total = len(pod.spec.containers) + len(self._sidecars)
        self.ready = 0
        self.restarts = 0
        self._sidecar_restarts = 0
        self._last_restart: datetime | None = None
        self.reason = self._own_reason()
        blocked = self._look_at_init_containers()
        if not blocked or _condition(pod, "Initialized") == "True":
            self._look_at_containers()
        if pod.metadata.deletion_timestamp is not None:
            self._look_at_deletion()

    def restarts_text(self, now: datetime) -> str:
        """`3`, or `3 (12s ago)` where it is known when the last restart was."""
        if not self.restarts or self._last_restart is None:
            return str(self.restarts)
        return f"{self.restarts} ({age(self._last_restart, now)} ago)"

    def _own_reason(self) -> str:
        for condition in self._pod.status.conditions:
            if condition.type == "PodScheduled" and condition.reason == "SchedulingGated":
                return "SchedulingGated"
        return self._pod.status.reason or self._pod.status.phase

    def _look_at_init_containers(self) -> bool:
        """Whether one of them has still to end (or, a sidecar, to start)."""
        statuses = self._pod.status.init_container_statuses
        for position, status in enumerate(statuses):
            sidecar = status.name in self._sidecars
            self._count_restarts(status)
            if sidecar:
                self._sidecar_restarts += status.restart_count
            terminated = status.state.terminated
            if terminated is not None and terminated.exit_code == 0:
                continue
            if sidecar and status.started:
                self.ready += status.ready
                continue
            self.reason = f"Init:{self._init_reason(status.state, position)}"
            return True
        return False

    def _init_reason(self, state: ContainerState, position: int) -> str:
        if state.terminated is not None:
            return _end_of(state.terminated)
        waiting = state.waiting.reason if state.waiting is not None else ""
        if waiting and waiting != "PodInitializing":
            return waiting
        return f"{position}/{len(self._pod.spec.init_containers)}"

    def _look_at_containers(self) -> None:
        # Init containers that are done are no news any more: their restarts are not counted.
        self.restarts = self._sidecar_restarts
        self._last_restart = None
        for status in self._pod.status.init_container_statuses:
            if status.name in self._sidecars:
                self._note_last_restart(status)
        running = False
        for status in reversed(self._pod.status.container_statuses):
            self._count_restarts(status)
            state = status.state
            if state.waiting is not None and state.waiting.reason:
                self.reason = state.waiting.reason
            elif state.terminated is not None:
                self.reason = _end_of(state.terminated)
            elif status.ready and state.running is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed" and running:
            ready = _condition(self._pod, "Ready") == "True"
            self.reason = "Running" if ready else "NotReady"

    def _look_at_deletion(self) -> None:
        if self._pod.status.reason == "NodeLost":
            self.reason = "Unknown"
        elif self._pod.status.phase not in ("Succeeded", "Failed"):
            self.reason = "Terminating"

    def _count_restarts(self, status: ContainerStatus) -> None:
        self.restarts += status.restart_count
        self._note_last_restart(status)

    def _note_last_restart(self, status: ContainerStatus) -> None:
        terminated = status.last_state.terminated
        finished = terminated.finished_at if terminated is not None else None
        if finished is not None and (self._last_restart is None or finished > self._last_restart):
            self._last_restart = finished


def _end_of(terminated: ContainerStateTerminated) -> str:
    if terminated.reason:
        return terminated.reason
    if terminated.signal:
        return f"Signal:{terminated.signal}"
    return f"ExitCode:{terminated.exit_code}"


def _condition(pod: Pod, type_: str) -> str:
    for condition in pod.status.conditions:
        if condition.type == type_:
            return condition.status
    return ""


def _readiness_gates(pod: Pod) -> str:
    gates = pod.spec.readiness_gates
    if not gates:
        return NONE
    fulfilled = sum(_condition(pod, gate.condition_type) == "True" for gate in gates)
    return f"{fulfilled}/{len(gates)}"
