"""Whether a container is to be started now, later or never (pure).

How long restarts wait is in `back_off.py`; a run of 600 s or more begins the row anew. How many
restarts came in a row is kept in an annotation of each container, so that the next process knows.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.cri import runtime as cri
from kernel.objects.container import ContainerRestartRule
from kernel.objects.pod_status import ContainerStateTerminated, ContainerStatus
from kernel.reconcilers.pod.decisions.back_off import DEFAULT, BackOff
from kernel.reconcilers.pod.decisions.restart_policy import asks_for_restart
from kernel.reconcilers.pod.observe import Observed

RESTARTS_IN_ROW = "podkernel.dev/restarts-in-row"
CONTAINER_HASH = "io.kubernetes.container.hash"

STEADY_RUN_SECONDS = 600

EXIT_CODE_UNKNOWN = 137
"""The exit code of a run whose end nobody saw, as in Kubernetes' ContainerStatusUnknown."""


class LastRun(msgspec.Struct, frozen=True):
    """How the newest attempt of a container ended; times in nanoseconds since the epoch, zero
    where nobody knows: an end that nobody saw has no back-off."""

    attempt: int
    exit_code: int
    started_at: int
    finished_at: int
    restarts_in_row: int


class StartNow(msgspec.Struct, frozen=True):
    """Make a container with this attempt number and start it; or, where `created_id` is given,
    start that one, which was made already. `interrupted_id` is one of the same attempt that never
    ran, and has to go first."""

    attempt: int = 0
    restarts_in_row: int = 0
    created_id: str = ""
    interrupted_id: str = ""


class WaitUntil(msgspec.Struct, frozen=True):
    """Start it at `due` (nanoseconds since the epoch): `back_off_seconds` after its last end."""

    due: int
    back_off_seconds: float


class KeepRunning(msgspec.Struct, frozen=True):
    """It runs."""


class Never(msgspec.Struct, frozen=True):
    """It has ended for good."""

    exit_code: int


RestartDecision = StartNow | WaitUntil | KeepRunning | Never


def decide_restart(
    policy: str,
    name: str,
    observed: Observed,
    status: ContainerStatus | None,
    now: int,
    *,
    rules: Sequence[ContainerRestartRule] = (),
    container_hash: str = "",
    back_off: BackOff = DEFAULT,
    is_resized: bool = False,
) -> RestartDecision:
    """What to do about container `name`; `now` in nanoseconds since the epoch.

    `policy` is Always, OnFailure or Never, and `rules` go before it. `status` is what was written
    last: it counts where the runtime has nothing to show. A `container_hash` other than that of the
    newest attempt means that the container's definition has changed, which starts it whatever the
    policy; so does `is_resized`, that a resize asks for a restart.
    """
    latest = observed.latest(name)
    if latest is not None and latest.state is cri.ContainerState.RUNNING:
        return KeepRunning()
    sandbox = observed.sandbox
    if latest is not None and latest.state is cri.ContainerState.CREATED:
        if sandbox is not None and latest.sandbox_id == sandbox.id:
            return StartNow(latest.attempt, _restarts_in_row(latest), created_id=latest.id)
        return StartNow(latest.attempt + 1, _restarts_in_row(latest))
    if latest is not None and latest.reason == cri.START_INTERRUPTED:
        return StartNow(latest.attempt, _restarts_in_row(latest), interrupted_id=latest.id)
    run = last_run(latest, status)
    if run is None:
        return StartNow()
    is_changed = container_hash and latest and definition_changed(latest, container_hash)
    if is_changed or is_resized:
        return StartNow(run.attempt + 1)
    if asks_for_restart(rules, run.exit_code):
        return _after(run, back_off, now)
    if policy == "Never" or (policy == "OnFailure" and run.exit_code == 0):
        return Never(run.exit_code)
    return _after(run, back_off, now)


def _after(run: LastRun, back_off: BackOff, now: int) -> StartNow | WaitUntil:
    ran_nanoseconds = run.finished_at - run.started_at if run.started_at else 0
    steady = ran_nanoseconds >= STEADY_RUN_SECONDS * NANOSECONDS_PER_SECOND
    in_row = 1 if steady else run.restarts_in_row + 1
    wait_seconds = back_off.seconds(in_row)
    due = run.finished_at + round(wait_seconds * NANOSECONDS_PER_SECOND)
    if now >= due:
        return StartNow(run.attempt + 1, in_row)
    return WaitUntil(due, wait_seconds)


def last_run(latest: cri.Container | None, status: ContainerStatus | None) -> LastRun | None:
    """The end of the newest attempt: from the runtime, else from the status; None: never ran."""
    if latest is not None:
        return LastRun(
            attempt=latest.attempt,
            exit_code=latest.exit_code if latest.finished_at else EXIT_CODE_UNKNOWN,
            started_at=latest.started_at,
            finished_at=latest.finished_at,
            restarts_in_row=_restarts_in_row(latest),
        )
    if status is None or not (status.container_id or status.last_state.terminated):
        return None
    ended = status.state.terminated or status.last_state.terminated
    if status.state.running is not None:
        ended = ContainerStateTerminated(exit_code=EXIT_CODE_UNKNOWN)
    return LastRun(
        attempt=status.restart_count,
        exit_code=ended.exit_code if ended else EXIT_CODE_UNKNOWN,
        started_at=_nanoseconds(ended.started_at) if ended and ended.started_at else 0,
        finished_at=_nanoseconds(ended.finished_at) if ended and ended.finished_at else 0,
        restarts_in_row=status.restart_count,
    )


def definition_changed(container: cri.Container, container_hash: str) -> bool:
    """Whether a container was made from another definition than the present one."""
    made_from = container.annotations.get(CONTAINER_HASH, "")
    return bool(made_from) and made_from != container_hash


def _restarts_in_row(container: cri.Container) -> int:
    text = container.annotations.get(RESTARTS_IN_ROW, "")
    return int(text) if text.isdigit() else container.attempt


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * NANOSECONDS_PER_SECOND
