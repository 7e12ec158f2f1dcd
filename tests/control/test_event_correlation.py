from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from kernel.control.event_correlation import (
    REPEAT_SECONDS,
    REPEATS_MAX,
    SIMILAR_MAX,
    Repeats,
    SimilarEvents,
)


def _combined(said: Sequence[tuple[float, str]]) -> list[bool]:
    similar = SimilarEvents()
    return [similar.is_combined("group", message, now) for now, message in said]


def test_the_tenth_different_message_is_combined() -> None:
    said = [(0.0, f"message {number}") for number in range(12)]
    assert _combined(said) == [False] * 9 + [True] * 3


def test_what_is_known_stays_an_event_of_its_own() -> None:
    said = [(0.0, f"message {number}") for number in range(10)]
    assert _combined([*said, (0, "message 3"), (0, "message 9")])[-2:] == [False, True]


@pytest.mark.parametrize(("pause_seconds", "combined"), [(600, True), (601, False)])
def test_after_ten_quiet_minutes_it_begins_anew(pause_seconds: float, combined: bool) -> None:
    said = [(0.0, f"message {number}") for number in range(10)]
    assert _combined([*said, (pause_seconds, "another")])[-1] is combined


def test_groups_don_t_disturb_each_other() -> None:
    similar = SimilarEvents()
    for number in range(20):
        similar.is_combined("one", f"message {number}", 0)
    assert not similar.is_combined("other", "message", 0)


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from("abcdefghijklmno"))))
def test_no_more_than_nine_are_events_of_their_own(said: list[tuple[float, str]]) -> None:
    ordered = sorted(said)
    combined = _combined(ordered)
    own = {
        message
        for (_, message), is_combined in zip(ordered, combined, strict=True)
        if not is_combined
    }
    assert len(own) < SIMILAR_MAX


def test_repeats_are_written_at_once_up_to_a_limit_and_then_slowly() -> None:
    repeats = Repeats()
    assert [repeats.may_write("pod", 0) for _ in range(30)] == [True] * 25 + [False] * 5
    assert not repeats.may_write("pod", REPEAT_SECONDS - 1)
    assert repeats.may_write("pod", REPEAT_SECONDS)
    assert not repeats.may_write("pod", REPEAT_SECONDS)
    assert repeats.may_write("other", 0)
    assert sum(repeats.may_write("pod", 1e6) for _ in range(100)) == REPEATS_MAX
