"""When a probe asks, and which questions count."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.container import Probe
from kernel.reconcilers.pod.probes.results import ProbeKind
from kernel.reconcilers.pod.probes.rhythm import Rhythm, after, first_rhythm, next_question
from kernel.reconcilers.pod.probes.settings import ProbeSettings

READINESS, LIVENESS, STARTUP = ProbeKind.READINESS, ProbeKind.LIVENESS, ProbeKind.STARTUP


def first(
    kind: ProbeKind = READINESS,
    *,
    delay: int = 0,
    period: float = 10,
    age: float = 0,
    agent_age: float = math.inf,
) -> Rhythm:
    """The beginning for a container that started `age` seconds ago."""
    now = 10**6
    agent_began_at = 0 if math.isinf(agent_age) else now - agent_age
    return first_rhythm(
        ProbeSettings(kind, Probe(initial_delay_seconds=delay), period),
        round((now - age) * NANOSECONDS_PER_SECOND),
        now * NANOSECONDS_PER_SECOND,
        round(agent_began_at * NANOSECONDS_PER_SECOND),
        chance=0.5,
    )


def questions(
    rhythm: Rhythm, until: float, *, period: float = 10, takes: float = 0, has_result: bool = False
) -> list[tuple[float, bool]]:
    """What is asked up to a time, where each answer takes as long."""
    asked, now = [], 0.0
    while (question := next_question(rhythm, has_result=has_result)).due <= until:
        now = max(now, question.due)
        asked.append((round(now, 3), question.counts))
        now += takes
        rhythm = after(rhythm, question, now, period)
    return asked


@pytest.mark.parametrize(
    ("rhythm", "due", "begin"),
    [
        (first(), 1, 0),
        (first(STARTUP), 1, 0),
        (first(LIVENESS), 1, None),
        (first(period=0.2), 0.2, 0),
        (first(LIVENESS, delay=5), 5, None),
        (first(delay=5, age=2), 3, 3),
        (first(age=30), 0, 0),
        # What ran before the agent waits for a part of its period, here the half of 10 s,
        (first(age=100, agent_age=0), 5, None),
        (first(age=100, agent_age=9), 5, None),
        (first(delay=107, age=100, agent_age=0), 7, None),
        # but not once the agent has been there for a period.
        (first(age=100, agent_age=10), 0, None),
    ],
)
def test_the_beginning(rhythm: Rhythm, due: float, begin: float | None) -> None:
    assert (rhythm.due, rhythm.begin) == (due, begin)


def test_early_questions_lie_between_those_that_count() -> None:
    asked = questions(first(), 22)
    assert [due for due, counts in asked if counts] == [1, 11, 21]
    assert [due for due, counts in asked if not counts] == [
        0,
        0.1,
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        6.4,
        12.8,
    ]


@pytest.mark.parametrize(
    ("rhythm", "has_result", "expected"),
    [
        (first(), True, [1, 11, 21]),
        (first(LIVENESS), False, [1, 11, 21]),
        (first(delay=3), True, [3, 13, 23]),
        (first(age=100, agent_age=0), False, [5, 15, 25]),
    ],
)
def test_nothing_is_asked_early_without_need(
    rhythm: Rhythm, has_result: bool, expected: list[float]
) -> None:
    assert questions(rhythm, 25, has_result=has_result) == [(due, True) for due in expected]


def test_answers_that_take_long_are_followed_at_once() -> None:
    assert questions(first(LIVENESS), 40, takes=4) == [
        (1, True),
        (11, True),
        (21, True),
        (31, True),
    ]
    assert questions(first(LIVENESS, period=3), 14, takes=4, period=3) == [
        *((1, True), (5, True), (9, True), (13, True)),
    ]


@given(
    st.sampled_from(list(ProbeKind)),
    st.integers(0, 20),
    st.floats(0.01, 30),
    st.floats(0, 100),
    st.floats(0, 5),
)
def test_time_goes_on_and_what_counts_comes_each_period(
    kind: ProbeKind, delay: int, period: float, age: float, takes: float
) -> None:
    rhythm = first(kind, delay=delay, period=period, age=age)
    asked = questions(rhythm, min(20 * period, 60), period=period, takes=takes)
    times = [due for due, _ in asked]
    assert times == sorted(times)
    counted = [due for due, counts in asked if counts]
    for earlier, later in pairwise(counted):
        assert later - earlier <= max(period, takes) + takes + 0.01
    early = [due for due, counts in asked if not counts]
    assert len(early) <= 15
