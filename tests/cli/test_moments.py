"""Moments as people type them."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kernel.cli.failure import CommandFailure
from kernel.cli.moments import parse_moment
from kernel.clock import ManualClock

from .conftest import Command

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLOCK = ManualClock(start=NOW)


@given(st.integers(0, 10**15))
def test_a_number_is_a_revision(revision: int) -> None:
    assert parse_moment(str(revision), CLOCK) == revision


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_duration_is_that_long_ago(days: int, hours: int, minutes: int, seconds: int) -> None:
    ago = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert parse_moment(f"-{days}d{hours}h{minutes}m{seconds}s", CLOCK) == NOW - ago
    assert parse_moment(f"-{hours}h{minutes}m", CLOCK) == NOW - timedelta(
        hours=hours, minutes=minutes
    )


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_a_time_is_itself(naive: datetime, offset_minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    assert parse_moment(moment.isoformat(), CLOCK) == moment
    assert parse_moment(f"{naive.isoformat(' ')}z", CLOCK) == naive.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "-5", "5m", "-m", "-5m2h", "yesterday", "1.5", "-1.5h", "²", "9" * 30),
        *("2026-02-31T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00+1", "-99999999d"),
    ],
)
def test_anything_else_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(CommandFailure, match=r"is no moment: expected a revision \(42\)"):
        parse_moment(text, CLOCK)


@pytest.mark.parametrize(
    ("moment", "names"),
    [
        ("1", []),
        ("2", ["a"]),
        ("4", ["a", "b"]),
        ("5", ["b"]),
        ("2026-01-01T00:01:00Z", ["a"]),
        ("2026-01-01T00:01:59.9Z", ["a"]),
        ("2026-01-01 01:02:30+01:00", ["a"]),
        ("2026-01-01T00:03:00.000Z", ["a", "b"]),
        ("2026-01-01T00:04Z", ["b"]),
        ("-0s", ["b"]),
    ],
)
def test_get_at_a_moment(run: Command, data: Path, moment: str, names: list[str]) -> None:
    done = run("get", "cm", "-o", "name", "--at", moment, "--data-dir", data)
    assert (done.code, done.error) == (0, "")
    assert done.out.split() == [f"configmap/{name}" for name in names]


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        ("6", "revision 6 is not written yet; the newest is 5"),
        (
            "0",
            "the log does not reach back to revision 0: "
            "its oldest revision is 1, written 2026-01-01 00:00:00.000",
        ),
        (
            "2025-12-31T23:59:59Z",
            "the log does not reach back to 2025-12-31T23:59:59Z: "
            "its oldest revision is 1, written 2026-01-01 00:00:00.000",
        ),
        (
            "9000-01-01T00:00:00Z",
            "9000-01-01T00:00:00Z is still to come: no one knows the state then",
        ),
        (
            "soon",
            '"soon" is no moment: expected a revision (42), a time (2026-01-31T12:00:00Z) or how '
            "long ago (-5m, -2h30m)",
        ),
    ],
)
@pytest.mark.parametrize(
    "command", [("get", "cm", "--at"), ("why", "cm/a", "--at"), ("diff", "cm/a")]
)
def test_a_moment_out_of_reach_is_one_line(
    run: Command, data: Path, command: tuple[str, ...], moment: str, message: str
) -> None:
    done = run(*command, moment, "--data-dir", data)
    assert (done.code, done.out, done.error) == (1, "", f"podkernel: {message}\n")
