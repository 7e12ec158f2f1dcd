"""One probe as a state machine: when it asks, and what its answers amount to (pure)."""

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.reconcilers.pod.probes.results import ProbeKind
from kernel.reconcilers.pod.probes.settings import ProbeSettings


class ProbeState(msgspec.Struct, frozen=True):
    """`result` is what holds: None until a threshold was reached for the first time. `latest` is
    the newest answer, and `in_row` how often it came in a row."""

    result: bool | None = None
    latest: bool | None = None
    in_row: int = 0


def next_state(state: ProbeState, is_well: bool, settings: ProbeSettings) -> ProbeState:
    """After one more answer. The result turns only with a threshold's number of answers."""
    in_row = state.in_row + 1 if state.latest is is_well else 1
    probe = settings.probe
    threshold = probe.success_threshold if is_well else probe.failure_threshold
    return ProbeState(is_well if in_row >= threshold else state.result, is_well, in_row)


def is_over(kind: ProbeKind, state: ProbeState) -> bool:
    """Whether there is nothing more to ask: the container has started, or is going to end."""
    match kind:
        case ProbeKind.STARTUP:
            return state.result is not None
        case ProbeKind.LIVENESS:
            return state.result is False
        case ProbeKind.READINESS:
            return False


def first_wait_seconds(
    settings: ProbeSettings, started_at: int, now: int, agent_began_at: int, chance: float
) -> float:
    """How long the first question waits: until `initialDelaySeconds` after the container's start.

    Containers that ran before the agent began would all be asked at once: for a period each waits
    for a random part of its period, given by `chance` in [0, 1). Times are in nanoseconds since
    the epoch.
    """
    delay = settings.probe.initial_delay_seconds * NANOSECONDS_PER_SECOND
    wait_seconds = max(started_at + delay - now, 0) / NANOSECONDS_PER_SECOND
    agent_seconds = (now - agent_began_at) / NANOSECONDS_PER_SECOND
    if started_at < agent_began_at and agent_seconds < settings.period_seconds:
        return max(wait_seconds, chance * settings.period_seconds)
    return wait_seconds


def next_due(due: float, now: float, period_seconds: float) -> float:
    """When to ask again after the question that was due at `due` has been answered: a period
    later, or at once where the answer took longer. Seconds on one monotonic clock."""
    return max(due + period_seconds, now)
