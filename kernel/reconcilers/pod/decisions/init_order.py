"""Which init container is next (pure).

Init containers run one after another, each to success before the next; a restartable one
(a sidecar: restartPolicy Always) counts as passed once it has started in the present sandbox, its
startup probe included, and is started again whenever it ends. A new sandbox begins the order anew.
"""

from collections.abc import Mapping, Sequence

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.objects.pod_status import ContainerStatus
from kernel.reconcilers.pod.decisions.back_off import back_off_of
from kernel.reconcilers.pod.decisions.restart import (
    Never,
    StartNow,
    WaitUntil,
    decide_restart,
)
from kernel.reconcilers.pod.decisions.restart_policy import restart_policy_of
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.probes.results import is_started


class InitStep(msgspec.Struct, frozen=True):
    """Where the order stands.

    `done`: all have passed. `failed`: the container that ended it for good. `starts` and
    `back_offs` say what is to be started now and later, by name.
    """

    done: bool = False
    failed: str = ""
    starts: Mapping[str, StartNow] = {}
    back_offs: Mapping[str, WaitUntil] = {}


def is_sidecar(container: Container) -> bool:
    """Whether an init container stays, restarted, beside the Pod's main containers."""
    return container.restart_policy == "Always"


def init_step(pod: Pod, observed: Observed, now: int) -> InitStep:
    """The next step in the Pod's ready sandbox; `now` in nanoseconds since the epoch."""
    statuses = {status.name: status for status in pod.status.init_container_statuses}
    present = observed.in_sandbox()
    passed_count = _passed_count(pod, present)
    starts: dict[str, StartNow] = {}
    back_offs: dict[str, WaitUntil] = {}
    for position, container in enumerate(pod.spec.init_containers):
        has_passed = position < passed_count
        if has_passed and not is_sidecar(container):
            continue
        decision = _decide(pod, container, observed, statuses.get(container.name), now)
        if isinstance(decision, StartNow):
            starts[container.name] = decision
        elif isinstance(decision, WaitUntil):
            back_offs[container.name] = decision
        elif isinstance(decision, Never) and decision.exit_code != 0:
            return InitStep(failed=container.name)
        if not has_passed:
            return InitStep(starts=starts, back_offs=back_offs)
    return InitStep(done=True, starts=starts, back_offs=back_offs)


def _decide(
    pod: Pod, container: Container, observed: Observed, status: ContainerStatus | None, now: int
) -> StartNow | WaitUntil | Never | object:
    back_off = back_off_of(pod.metadata.annotations)
    if is_sidecar(container):
        return decide_restart("Always", container.name, observed, status, now, back_off=back_off)
    latest = observed.in_sandbox().latest(container.name)
    if latest is None:
        # Not run in this sandbox yet: whatever it did in an earlier one doesn't hold it back.
        return StartNow(attempt=_next_attempt(observed, container.name, status))
    policy = "Never" if restart_policy_of(pod, container) == "Never" else "OnFailure"
    rules = container.restart_policy_rules
    return decide_restart(
        policy, container.name, observed, status, now, rules=rules, back_off=back_off
    )


def _next_attempt(observed: Observed, name: str, status: ContainerStatus | None) -> int:
    latest = observed.latest(name)
    if latest is not None:
        return latest.attempt + 1
    return status.restart_count + 1 if status is not None and status.container_id else 0


def _passed_count(pod: Pod, present: Observed) -> int:
    """How many init containers, from the first, have passed in the present sandbox.

    Whatever comes before one that exists there has passed, even where it was removed since.
    """
    names = [container.name for container in pod.spec.init_containers]
    mains = {container.name for container in pod.spec.containers}
    if any(container.name in mains for container in present.containers):
        return len(names)
    for position in reversed(range(len(names))):
        attempts = present.attempts(names[position])
        if attempts:
            container = pod.spec.init_containers[position]
            if is_sidecar(container):
                passed = _has_come_up(pod, container, attempts, present)
            else:
                passed = any(map(_has_succeeded, attempts))
            return position + 1 if passed else position
    return 0


def _has_come_up(
    pod: Pod, sidecar: Container, attempts: Sequence[cri.Container], present: Observed
) -> bool:
    """Whether what comes after a sidecar may start: its startup probe has succeeded, or it has
    none and has run."""
    if sidecar.startup_probe is None:
        return any(container.started_at > 0 for container in attempts)
    return is_started(pod, sidecar, attempts[0], present.probe_results)


def _has_succeeded(container: cri.Container) -> bool:
    return container.state is cri.ContainerState.EXITED and container.exit_code == 0
