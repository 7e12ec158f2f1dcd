"""What is to be done about a Pod that shall run (pure): sandbox, init order, restarts as one."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from kernel.cri import runtime as cri
from kernel.objects.container import ResourceRequirements
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.conditions import was_initialized
from kernel.reconcilers.pod.configuration.translate import container_hash
from kernel.reconcilers.pod.configuration.used_objects import (
    Configuration,
    changed_objects,
    started_with,
)
from kernel.reconcilers.pod.decisions.back_off import back_off_of
from kernel.reconcilers.pod.decisions.deadline import DEADLINE_EXCEEDED, PodFailure, deadline_of
from kernel.reconcilers.pod.decisions.ephemeral import ephemeral_starts
from kernel.reconcilers.pod.decisions.init_order import init_step
from kernel.reconcilers.pod.decisions.resize import (
    Amounts,
    Resizing,
    changed_resources,
    resizing,
    restarting_resources,
)
from kernel.reconcilers.pod.decisions.restart import (
    Never,
    RestartDecision,
    StartNow,
    WaitUntil,
    decide_restart,
    definition_changed,
)
from kernel.reconcilers.pod.decisions.restart_policy import may_be_restarted, restart_policy_of
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.probes.results import failed_probe, probe_of

EVICTION_GRACE_SECONDS = 1


class Stop(msgspec.Struct, frozen=True):
    """End a running container. `message` is what the Event says (empty: that it is stopped), and
    `grace_seconds` its own time between the stop signal and SIGKILL (None: the Pod's)."""

    container: cri.Container
    message: str = ""
    grace_seconds: float | None = None


class Plan(msgspec.Struct, frozen=True):
    """What to do now.

    `finished`: nothing of the Pod runs again; its sandbox may go. `new_sandbox_attempt`: make a
    sandbox, then plan anew. `stops`: end these containers before anything else; with `whole_pod`
    they are all that runs, and sidecars go after the others. `starts`: start these, by name.
    `back_offs`: start these later. `resizing`: other amounts of cpu and memory. `initialized`: all
    init containers have passed. `failure`: why the Pod ends as Failed whatever its containers say.
    """

    finished: bool = False
    new_sandbox_attempt: int | None = None
    stops: tuple[Stop, ...] = ()
    whole_pod: bool = False
    starts: Mapping[str, StartNow] = {}
    back_offs: Mapping[str, WaitUntil] = {}
    resizing: Resizing = Resizing()
    initialized: bool = False
    failure: PodFailure | None = None


def plan_pod(
    pod: Pod,
    observed: Observed,
    now: int,
    *,
    eviction: PodFailure | None = None,
    configurations: Mapping[str, Configuration] = {},
    capacity: Mapping[str, str] = {},
    resized: Mapping[str, ResourceRequirements] = {},
) -> Plan:
    """The next steps for a Pod that is not being deleted; `now` in nanoseconds since the epoch.

    `eviction` is why it has to go, if it has. `configurations` are what containers, by name, would
    be started with now: those that were started with another one are restarted. `capacity` is the
    node's; `resized` are amounts, by container id, that were set since the status was written.
    """
    if pod.status.phase in ("Succeeded", "Failed"):
        return Plan(finished=True, initialized=was_initialized(pod))
    mains = _main_decisions(pod, observed, now, configurations, resized)
    all_ended = all(isinstance(decision, Never) for decision in mains.values())
    has_exceeded = _has_exceeded_deadline(pod, observed, now, all_ended=all_ended)
    failure = DEADLINE_EXCEEDED if has_exceeded else eviction
    if failure is not None:
        ran = bool(observed.sandbox) and init_step(pod, observed, now).done
        grace_seconds = EVICTION_GRACE_SECONDS if failure is eviction else None
        end = _end(pod, observed, initialized=ran, grace_seconds=grace_seconds)
        return replace(end, failure=failure)
    if observed.sandbox is None:
        if all_ended or _ran_and_never_again(pod, observed):
            return Plan(finished=True, initialized=all_ended)
        attempt = observed.sandboxes[0].attempt + 1 if observed.sandboxes else 0
        return Plan(new_sandbox_attempt=attempt)
    init = init_step(pod, observed, now)
    if init.failed:
        return _end(pod, observed, initialized=False)
    ephemeral = ephemeral_starts(pod, observed)
    if not init.done:
        starts = {**init.starts, **ephemeral}
        return Plan(stops=_unhealthy(pod, observed), starts=starts, back_offs=init.back_offs)
    if all_ended:
        return _end(pod, observed, initialized=True)
    starts = {name: d for name, d in mains.items() if isinstance(d, StartNow)}
    back_offs = {name: d for name, d in mains.items() if isinstance(d, WaitUntil)}
    resize = resizing(pod, observed, capacity, resized)
    return Plan(
        stops=(
            _unhealthy(pod, observed)
            or _changed(pod, observed)
            or _reconfigured(observed, configurations)
            or _resized(resize)
        ),
        starts={**init.starts, **starts, **ephemeral},
        back_offs={**init.back_offs, **back_offs},
        resizing=resize,
        initialized=True,
    )


def _main_decisions(
    pod: Pod,
    observed: Observed,
    now: int,
    configurations: Mapping[str, Configuration],
    resized: Amounts,
) -> dict[str, RestartDecision]:
    statuses = {status.name: status for status in pod.status.container_statuses}
    back_off = back_off_of(pod.metadata.annotations)
    decisions: dict[str, RestartDecision] = {}
    for container in pod.spec.containers:
        latest = observed.latest(container.name)
        changed = changed_resources(pod, container, latest, resized) if latest else set()
        decision = decide_restart(
            _restart_policy(pod, container, observed),
            container.name,
            observed,
            statuses.get(container.name),
            now,
            rules=container.restart_policy_rules,
            container_hash=container_hash(container),
            back_off=back_off,
            is_resized=bool(changed & restarting_resources(container)),
        )
        present = configurations.get(container.name, {})
        if isinstance(decision, WaitUntil):
            decision = _at_once_if_changed(decision, latest, present)
        decisions[container.name] = decision
    return decisions


def _has_exceeded_deadline(pod: Pod, observed: Observed, now: int, *, all_ended: bool) -> bool:
    """Whether the Pod ran, or would have run, beyond its deadline: the end of one that restarts
    nothing may be the deadline's doing, which the time of the end tells."""
    due = deadline_of(pod)
    if due is None or now < due:
        return False
    last_end = max((container.finished_at for container in observed.containers), default=0)
    return not all_ended or last_end >= due


def _at_once_if_changed(
    wait: WaitUntil, latest: cri.Container | None, present: Configuration
) -> RestartDecision:
    """A container whose configuration has changed since is not held back by how it ended: that may
    just have been put right."""
    if latest is not None and changed_objects(started_with(latest), present):
        return StartNow(latest.attempt + 1)
    return wait


def _restart_policy(pod: Pod, container: Container, observed: Observed) -> str:
    """What a probe has ended did not complete, whatever exit code it chose."""
    policy = restart_policy_of(pod, container)
    latest = observed.latest(container.name)
    if policy != "OnFailure" or latest is None:
        return policy
    return "Always" if failed_probe(container, latest, observed.probe_results) else policy


def _ran_and_never_again(pod: Pod, observed: Observed) -> bool:
    """Without restarts, a Pod whose sandbox died after anything ran in it is over."""
    return not may_be_restarted(pod) and bool(observed.containers)


def _end(
    pod: Pod, observed: Observed, *, initialized: bool, grace_seconds: float | None = None
) -> Plan:
    """All that had to run has run: the sidecars end, and then the Pod is finished."""
    running = observed.running()
    stops = tuple(Stop(container, grace_seconds=grace_seconds) for container in running)
    return Plan(finished=not running, stops=stops, whole_pod=bool(stops), initialized=initialized)


def _unhealthy(pod: Pod, observed: Observed) -> tuple[Stop, ...]:
    """Running containers that a probe says have to be restarted, as the kubelet's messages and
    KEP-2238 (a probe's own grace) have it."""
    init_names = {container.name for container in pod.spec.init_containers}
    stops = []
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        latest = observed.latest(container.name)
        if latest is None or latest.state is not cri.ContainerState.RUNNING:
            continue
        kind = failed_probe(container, latest, observed.probe_results)
        probe = probe_of(container, kind) if kind is not None else None
        if kind is None or probe is None:
            continue
        is_init = container.name in init_names
        message = f"{'Init container' if is_init else 'Container'} {container.name}"
        message += f" failed {kind.value} probe"
        if not is_init and restart_policy_of(pod, container) != "Never":
            message += ", will be restarted"
        stops.append(Stop(latest, message, probe.termination_grace_period_seconds))
    return tuple(stops)


def _changed(pod: Pod, observed: Observed) -> tuple[Stop, ...]:
    """Running containers whose definition is another by now."""
    hashes = {container.name: container_hash(container) for container in pod.spec.containers}
    return tuple(
        Stop(container, f"Container {container.name} definition changed, will be restarted")
        for container in observed.running()
        if container.name in hashes and definition_changed(container, hashes[container.name])
    )


def _resized(resize: Resizing) -> tuple[Stop, ...]:
    """Running containers that a resize has to start anew."""
    return tuple(
        Stop(container, f"Container {container.name} resize requires restart")
        for container in resize.restarts
    )


def _reconfigured(
    observed: Observed, configurations: Mapping[str, Configuration]
) -> tuple[Stop, ...]:
    """Running containers that were started with something else than is there by now."""
    stops = []
    for container in observed.running():
        present = configurations.get(container.name, {})
        changed = changed_objects(started_with(container), present)
        if changed:
            message = f"{', '.join(changed)} changed, container {container.name} will be restarted"
            stops.append(Stop(container, message))
    return tuple(stops)
