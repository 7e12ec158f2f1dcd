"""Ages: kubectl's steps, and that they never get finer with time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from kernel.apiserver.rows.ages import age, human_duration

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (10 * MINUTE, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 5 * MINUTE, "3h5m"),
        (8 * HOUR + 5 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + 3 * HOUR, "2d3h"),
        (8 * DAY + 3 * HOUR, "8d"),
        (729 * DAY, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 9 * DAY, "2y9d"),
        (9 * YEAR, "9y"),
    ],
)
def test_durations_read_as_in_kubectl(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def test_an_unknown_beginning_has_no_age() -> None:
    assert age(None, datetime(2026, 1, 1, tzinfo=UTC)) == "<unknown>"


@given(st.integers(0, 20 * YEAR))
def test_a_duration_is_what_its_text_says_within_its_last_unit(seconds: int) -> None:
    units = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "y": YEAR}
    text, total, digits, last_unit = human_duration(seconds), 0, "", 1
    for character in text:
        if character.isdigit():
            digits += character
        else:
            last_unit = units[character]
            total += int(digits) * last_unit
            digits = ""
    assert timedelta(0) <= timedelta(seconds=seconds - total) < timedelta(seconds=last_unit)
