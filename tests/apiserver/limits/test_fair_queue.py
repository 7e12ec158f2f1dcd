"""Who is served next, as a table and under any order of events."""

import pytest
from hypothesis import given, strategies as st

from kernel.apiserver.limits.fair_queue import FairQueue, QueueFull
from kernel.apiserver.limits.settings import Limits

LIMITS = Limits(seats=4, seats_per_user=3, waiting_per_user=5, turn_seconds=0.02)


def test_a_user_gets_so_many_seats_and_no_more() -> None:
    queue: FairQueue[str] = FairQueue(LIMITS)
    assert [queue.enter("alice", 1) for _ in range(4)] == [True, True, True, False]
    assert queue.enter("bob", 1)
    assert not queue.enter("carol", 1)
    assert queue.taken == 4


def test_free_seats_go_to_the_users_in_turn() -> None:
    queue: FairQueue[str] = FairQueue(LIMITS)
    for user in ("alice", "alice", "alice", "bob"):
        assert queue.enter(user, 1)
    for name in ("a1", "a2", "a3"):
        queue.wait("alice", 1, name)
    queue.wait("carol", 1, "c1")
    queue.wait("carol", 1, "c2")
    assert queue.leave("alice", 1) == ["a1"]
    assert queue.leave("bob", 1) == ["c1"]  # alice has all seats that one user may have
    assert queue.leave("alice", 1) == ["a2"]
    assert queue.leave("alice", 1) == ["c2"]
    assert (queue.taken, queue.waiting) == (4, 1)


def test_who_waits_for_a_wide_seat_is_not_overtaken() -> None:
    queue: FairQueue[str] = FairQueue(LIMITS)
    assert queue.enter("alice", 2)
    assert queue.enter("bob", 1)
    assert not queue.enter("carol", 2)
    queue.wait("carol", 2, "list")
    assert not queue.enter("dave", 1)
    queue.wait("dave", 1, "get")
    assert queue.leave("alice", 2) == ["list", "get"]


def test_one_who_may_have_no_more_keeps_nobody_else_waiting() -> None:
    queue: FairQueue[str] = FairQueue(LIMITS)
    assert queue.enter("alice", 3)
    queue.wait("alice", 1, "a1")
    assert queue.enter("bob", 1)


def test_too_many_that_wait_are_refused() -> None:
    queue: FairQueue[int] = FairQueue(LIMITS)
    queue.enter("alice", 3)
    for number in range(5):
        queue.wait("alice", 1, number)
    with pytest.raises(QueueFull):
        queue.wait("alice", 1, 5)
    queue.give_up("alice", 3)
    queue.wait("alice", 1, 5)
    assert queue.waiting == 5


def test_a_slow_user_is_served_once_a_turn_and_others_at_once() -> None:
    queue: FairQueue[str] = FairQueue(LIMITS)
    assert queue.enter("alice", 1)
    queue.spend("alice", 0.1)
    queue.leave("alice", 1)
    assert not queue.enter("alice", 1)
    for name in ("a1", "a2", "a3"):
        queue.wait("alice", 1, name)
    assert queue.enter("bob", 1)
    assert queue.leave("bob", 1) == []
    assert queue.next_turn() == ["a1"]
    queue.spend("alice", 0.0)
    assert queue.leave("alice", 1) == []
    assert queue.next_turn() == ["a2"]
    queue.leave("alice", 1)
    assert queue.next_turn() == ["a3"]
    queue.leave("alice", 1)
    assert queue.next_turn() == []
    assert queue.enter("alice", 1)


USERS = st.sampled_from(["alice", "bob", "carol"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), USERS, st.integers(1, 3)),
        st.tuples(st.just("leave"), st.integers(0, 7), st.sampled_from([0.0, 0.01, 0.03])),
        st.tuples(st.just("turn"), st.just(0), st.just(0)),
        st.tuples(st.just("give up"), st.integers(0, 7), st.just(0)),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_seat_is_given_twice_and_everybody_is_served(steps: list[tuple[str, ...]]) -> None:
    queue: FairQueue[tuple[str, int, object]] = FairQueue(LIMITS)
    seated: list[tuple[str, int, object]] = []
    waiting: list[tuple[str, int, object]] = []

    def seat(started: list[tuple[str, int, object]]) -> None:
        for one in started:
            waiting.remove(one)
            seated.append(one)

    def check() -> None:
        assert queue.taken == sum(seats for _, seats, _ in seated) <= LIMITS.seats
        for user in ("alice", "bob", "carol"):
            taken = sum(seats for name, seats, _ in seated if name == user)
            assert taken <= LIMITS.seats_per_user
        assert queue.waiting == len(waiting)

    for kind, first, second in steps:
        if kind == "ask":
            request = (str(first), int(second), object())
            if queue.enter(request[0], request[1]):
                seated.append(request)
            elif sum(one[0] == request[0] for one in waiting) < LIMITS.waiting_per_user:
                waiting.append(request)
                queue.wait(request[0], request[1], request)
        elif kind == "leave" and seated:
            user, seats, _ = seated.pop(int(first) % len(seated))
            queue.spend(user, float(second))
            seat(queue.leave(user, seats))
        elif kind == "give up" and waiting:
            one = waiting.pop(int(first) % len(waiting))
            queue.give_up(one[0], one)
        elif kind == "turn" and queue.needs_turn:
            seat(queue.next_turn())
        check()
    for _ in range(500):  # whoever waits is served, as long as those who are served leave
        if not seated and not waiting:
            break
        if seated:
            user, seats, _ = seated.pop(0)
            seat(queue.leave(user, seats))
        assert seated or queue.needs_turn
        if queue.needs_turn:
            seat(queue.next_turn())
        check()
    assert not waiting
