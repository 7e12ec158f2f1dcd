"""When a probe asks, and what its answers amount to."""

import pytest
from hypothesis import given, strategies as st

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.container import Probe
from kernel.reconcilers.pod.probes.results import ProbeKind
from kernel.reconcilers.pod.probes.settings import ProbeSettings
from kernel.reconcilers.pod.probes.state import (
    ProbeState,
    first_wait_seconds,
    is_over,
    next_due,
    next_state,
)

READINESS, LIVENESS, STARTUP = ProbeKind.READINESS, ProbeKind.LIVENESS, ProbeKind.STARTUP


def settings(success: int = 1, failure: int = 3, delay_seconds: int = 0) -> ProbeSettings:
    probe = Probe(
        success_threshold=success,
        failure_threshold=failure,
        initial_delay_seconds=delay_seconds,
    )
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


@pytest.mark.parametrize(
    ("delay", "started_at", "now", "agent_began_at", "wait"),
    [
        (0, 100, 100, 0, 0),
        (5, 100, 101, 0, 4),
        (5, 100, 110, 0, 0),
        # What ran before the agent waits for a part of its period, here the half of 10 s,
        (0, 100, 200, 200, 5),
        (0, 100, 209, 200, 5),
        (7, 199, 200, 200, 6),
        # but not once the agent has been there for a period.
        (0, 100, 210, 200, 0),
    ],
)
def test_the_first_question(
    delay: int, started_at: int, now: int, agent_began_at: int, wait: float
) -> None:
    waits = first_wait_seconds(
        settings(delay_seconds=delay),
        started_at * NANOSECONDS_PER_SECOND,
        now * NANOSECONDS_PER_SECOND,
        agent_began_at * NANOSECONDS_PER_SECOND,
        chance=0.5,
    )
    assert waits == wait


@pytest.mark.parametrize(
    ("due", "now", "following"), [(10, 10, 12), (10, 11.5, 12), (10, 12, 12), (10, 17, 17)]
)
def test_questions_keep_their_rhythm_unless_one_takes_too_long(
    due: float, now: float, following: float
) -> None:
    assert next_due(due, now, 2) == following
