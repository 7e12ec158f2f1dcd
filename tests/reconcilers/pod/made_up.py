"""Sandboxes and containers as a runtime might show them, for tests of pure decisions."""

from typing import Any

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.cri.runtime import Container, ContainerState, Sandbox, SandboxState
from kernel.reconcilers.pod.decisions.restart import RESTARTS_IN_ROW
from kernel.reconcilers.pod.observe import Observed, observed

START = 1_800_000_000 * NANOSECONDS_PER_SECOND


def seconds(count: float) -> int:
    """So many seconds after the start of the test's time, in nanoseconds since the epoch."""
    return START + round(count * NANOSECONDS_PER_SECOND)


def sandbox(attempt: int = 0, *, ready: bool = True) -> Sandbox:
    return Sandbox(
        id=f"sandbox{attempt}",
        name="web",
        namespace="default",
        uid="uid1",
        attempt=attempt,
        state=SandboxState.READY if ready else SandboxState.NOT_READY,
        created_at=seconds(attempt),
        labels={},
        annotations={},
        addresses=("10.0.0.1",) if ready else (),
    )


def running(name: str, attempt: int = 0, **fields: Any) -> Container:
    return _container(name, attempt, ContainerState.RUNNING, started_at=seconds(0), **fields)


def created(name: str, attempt: int = 0, **fields: Any) -> Container:
    return _container(name, attempt, ContainerState.CREATED, **fields)


def exited(
    name: str, attempt: int = 0, *, code: int = 0, ran: tuple[float, float] = (0, 1), **fields: Any
) -> Container:
    times = {"started_at": seconds(ran[0]), "finished_at": seconds(ran[1])}
    return _container(name, attempt, ContainerState.EXITED, exit_code=code, **(times | fields))


def _container(name: str, attempt: int, state: ContainerState, **fields: Any) -> Container:
    in_row = fields.pop("restarts_in_row", None)
    annotations = {} if in_row is None else {RESTARTS_IN_ROW: str(in_row)}
    return Container(
        id=f"{name}-{attempt}",
        sandbox_id=fields.pop("sandbox_id", "sandbox0"),
        name=name,
        attempt=attempt,
        state=state,
        image=fields.pop("image", "busybox:1"),
        image_id="sha256:1",
        created_at=seconds(0),
        labels={},
        annotations=fields.pop("annotations", annotations),
        **fields,
    )


def observe(*containers: Container, sandboxes: list[Sandbox] | None = None) -> Observed:
    """With one ready sandbox unless others are given."""
    return observed([sandbox()] if sandboxes is None else sandboxes, list(containers))
