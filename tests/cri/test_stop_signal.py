import pytest

from kernel.cri.stop_signal import signal_number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGTERM", 15),
        ("quit", 3),
        ("12", 12),
        ("SIGRTMIN", 34),
        ("SIGRTMIN+3", 37),
        ("SIGRTMINPLUS3", 37),
        ("SIGRTMAX", 64),
        ("SIGRTMAXMINUS14", 50),
        ("SIGRTMAX-1", 63),
        ("SIGRTMINPLUS40", None),
        ("SIGNONE", None),
        ("", None),
    ],
)
def test_signals_have_numbers(name: str, number: int | None) -> None:
    assert signal_number(name) == number
