"""What the answers to a probe amount to."""

import pytest
from hypothesis import given, strategies as st

from kernel.objects.container import Probe
from kernel.reconcilers.pod.probes.results import ProbeKind
from kernel.reconcilers.pod.probes.settings import ProbeSettings
from kernel.reconcilers.pod.probes.state import (
    ProbeState,
    is_over,
    next_state,
)

READINESS, LIVENESS, STARTUP = ProbeKind.READINESS, ProbeKind.LIVENESS, ProbeKind.STARTUP


def settings(success: int, failure: int) -> ProbeSettings:
    probe = Probe(success_threshold=success, failure_threshold=failure)
    return ProbeSettings(READINESS, probe, 10)


def after(answers: str, setting: ProbeSettings) -> ProbeState:
    """The state after answers such as `+--`."""
    state = ProbeState()
    for answer in answers:
        state = next_state(state, answer == "+", setting)
    return state


@pytest.mark.parametrize(
    ("success", "failure", "answers", "result"),
    [
        (1, 3, "", None),
        (1, 3, "+", True),
        (1, 3, "--", None),
        (1, 3, "---", False),
        (1, 3, "+--", True),
        (1, 3, "+---", False),
        (1, 3, "+--+--", True),
        (1, 3, "---+", True),
        (2, 1, "+", None),
        (2, 1, "++", True),
        (2, 1, "++-", False),
        (2, 1, "++-+", False),
        (2, 1, "++-++", True),
    ],
)
def test_a_result_turns_with_its_threshold(
    success: int, failure: int, answers: str, result: bool | None
) -> None:
    assert after(answers, settings(success, failure)).result is result


@given(st.text("+-"), st.integers(1, 4), st.integers(1, 4))
def test_the_result_is_that_of_the_last_long_enough_row(
    answers: str, success: int, failure: int
) -> None:
    last_well = answers.rfind("+" * success)
    last_sick = answers.rfind("-" * failure)
    expected = None if last_well == last_sick else last_well > last_sick
    assert after(answers, settings(success, failure)).result is expected


@pytest.mark.parametrize(
    ("kind", "result", "over"),
    [
        *((STARTUP, None, False), (STARTUP, True, True), (STARTUP, False, True)),
        *((LIVENESS, None, False), (LIVENESS, True, False), (LIVENESS, False, True)),
        *((READINESS, None, False), (READINESS, True, False), (READINESS, False, False)),
    ],
)
def test_what_has_started_or_is_going_to_end_is_asked_no_more(
    kind: ProbeKind, result: bool | None, over: bool
) -> None:
    assert is_over(kind, ProbeState(result)) is over
