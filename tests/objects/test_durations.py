import pytest

from kernel.objects.durations import format_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0004, "0s"),
        (0.001, "1ms"),
        (0.2039, "203ms"),
        (0.9999, "999ms"),
        (1, "1s"),
        (15.012, "15.012s"),
        (60, "1m0s"),
        (65.5, "1m5.5s"),
        (3600, "1h0m0s"),
        (5025.1, "1h23m45.1s"),
    ],
)
def test_durations_are_written_as_go_prints_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
