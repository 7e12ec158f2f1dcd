from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.cri.runtime import START_INTERRUPTED, Container
from kernel.objects.pod_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
)
from kernel.reconcilers.pod.decisions.restart import (
    CONTAINER_HASH,
    KeepRunning,
    Never,
    RestartDecision,
    StartNow,
    WaitUntil,
    decide_restart,
)
from tests.reconcilers.pod.made_up import (
    START,
    created,
    exited,
    observe,
    running,
    sandbox,
    seconds,
)


def _decide(
    policy: str, *containers: Container, now: float = 1, status: ContainerStatus | None = None
) -> RestartDecision:
    return decide_restart(policy, "main", observe(*containers), status, seconds(now))


def test_what_never_ran_starts() -> None:
    assert _decide("Never") == StartNow()


def test_what_runs_is_left_alone() -> None:
    assert _decide("Always", exited("main", 0), running("main", 1)) == KeepRunning()


def test_what_was_made_but_not_started_is_started() -> None:
    expected = StartNow(2, 2, created_id="main-2")
    assert _decide("Always", created("main", 2)) == expected


def test_what_was_made_in_a_dead_sandbox_is_made_anew() -> None:
    found = observe(created("main", 2), sandboxes=[sandbox(0, ready=False), sandbox(1)])
    assert decide_restart("Never", "main", found, None, seconds(1)) == StartNow(3, 2)


@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_a_start_that_was_cut_off_is_made_up_for_whatever_the_policy(policy: str) -> None:
    cut_off = msgspec.structs.replace(
        exited("main", 2, code=128, restarts_in_row=2), reason=START_INTERRUPTED
    )
    assert _decide(policy, cut_off) == StartNow(2, 2, interrupted_id="main-2")


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [
        ("Always", 0, StartNow(1, 1)),
        ("Always", 1, StartNow(1, 1)),
        ("OnFailure", 0, Never(0)),
        ("OnFailure", 1, StartNow(1, 1)),
        ("Never", 0, Never(0)),
        ("Never", 1, Never(1)),
    ],
)
def test_the_policy_decides(policy: str, code: int, expected: RestartDecision) -> None:
    assert _decide(policy, exited("main", code=code)) == expected


@pytest.mark.parametrize(
    ("in_row", "wait_seconds"),
    [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (1000, 300)],
)
def test_the_back_off_doubles_to_five_minutes(in_row: int, wait_seconds: int) -> None:
    ended = exited("main", 7, code=1, ran=(0, 1), restarts_in_row=in_row)
    due = seconds(1 + wait_seconds)
    assert _decide("Always", ended) == WaitUntil(due, wait_seconds)
    assert _decide("Always", ended, now=1 + wait_seconds) == StartNow(8, in_row + 1)


def test_a_run_of_ten_minutes_begins_the_row_anew() -> None:
    short = exited("main", 7, ran=(0, 599.9), restarts_in_row=5)
    assert _decide("Always", short, now=600) == WaitUntil(seconds(599.9 + 160), 160)
    steady = exited("main", 7, ran=(0, 600), restarts_in_row=5)
    assert _decide("Always", steady, now=600) == StartNow(8, 1)


def test_a_container_without_the_annotation_counts_its_attempts() -> None:
    assert isinstance(_decide("Always", exited("main", 3, code=1)), WaitUntil)


def test_a_changed_definition_starts_whatever_the_policy() -> None:
    ended = exited("main", 4, annotations={CONTAINER_HASH: "old"})
    for container_hash, expected in (("new", StartNow(5)), ("old", Never(0))):
        decision = decide_restart(
            "Never", "main", observe(ended), None, seconds(1), container_hash=container_hash
        )
        assert decision == expected


def _status(state: ContainerState, last: ContainerState | None = None) -> ContainerStatus:
    return ContainerStatus(
        name="main",
        state=state,
        last_state=last or ContainerState(),
        restart_count=4,
        container_id="simulated://lost",
    )


def _ended(code: int) -> ContainerState:
    moment = datetime.fromtimestamp(START // NANOSECONDS_PER_SECOND, UTC)
    return ContainerState(
        terminated=ContainerStateTerminated(exit_code=code, started_at=moment, finished_at=moment)
    )


@pytest.mark.parametrize(
    ("policy", "status", "expected"),
    [
        ("Never", _status(_ended(0)), Never(0)),
        ("Never", _status(ContainerState(running=ContainerStateRunning())), Never(137)),
        ("OnFailure", _status(_ended(0)), Never(0)),
        ("Always", _status(_ended(0)), WaitUntil(seconds(80), 80)),
        (
            "Always",
            _status(ContainerState(waiting=ContainerStateWaiting()), _ended(1)),
            WaitUntil(seconds(80), 80),
        ),
    ],
)
def test_where_the_runtime_has_lost_it_the_status_counts(
    policy: str, status: ContainerStatus, expected: RestartDecision
) -> None:
    assert _decide(policy, status=status) == expected


@pytest.mark.parametrize("now", [0, 1000])
def test_an_end_that_nobody_saw_has_no_back_off(now: float) -> None:
    running_when_lost = _status(ContainerState(running=ContainerStateRunning()))
    assert _decide("Always", status=running_when_lost, now=now) == StartNow(5, 5)
    unknown = exited("main", 4, code=0, ran=(0, 1), finished_at=0, restarts_in_row=4)
    assert _decide("OnFailure", unknown, now=now) == StartNow(5, 5)


def test_a_status_of_something_that_never_ran_does_not_count() -> None:
    assert _decide("Never", status=ContainerStatus(name="main")) == StartNow()


@given(
    attempt=st.integers(0, 1000),
    in_row=st.integers(0, 1000),
    ran=st.integers(0, 2000),
    later=st.integers(0, 1000),
)
def test_it_starts_exactly_when_the_wait_is_over(
    attempt: int, in_row: int, ran: int, later: int
) -> None:
    ended = exited("main", attempt, code=1, ran=(0, ran), restarts_in_row=in_row)
    decision = _decide("Always", ended, now=ran + later)
    if isinstance(decision, WaitUntil):
        assert decision.due > seconds(ran + later)
        at_due = decide_restart("Always", "main", observe(ended), None, decision.due)
        assert isinstance(at_due, StartNow)
    else:
        assert isinstance(decision, StartNow)
        assert decision.attempt == attempt + 1
        assert decision.restarts_in_row <= in_row + 1
