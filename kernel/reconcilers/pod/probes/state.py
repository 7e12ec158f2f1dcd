"""What the answers to one probe amount to (pure)."""

import msgspec

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
