"""The node's limits on the command line."""

import pytest

from kernel.cli.failure import CommandFailure
from kernel.cli.limits import parse_limits
from kernel.reconcilers.node_limits import NodeLimits


def test_limits_are_quantities() -> None:
    texts = [
        "container-log-bytes-max=64Ki",
        "runtime-down-seconds=500m",
        "disk-available-percent-min=7.5",
    ]
    assert parse_limits(texts) == NodeLimits(
        container_log_bytes_max=64 << 10, runtime_down_seconds=0.5, disk_available_percent_min=7.5
    )
    assert parse_limits([]) == NodeLimits()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("container-log-bytes-max", 'expected NAME=VALUE, got "container-log-bytes-max"'),
        ("container-log-byte-max=1", 'did you mean "container-log-bytes-max"?'),
        ("zzz=1", "there are container-log-bytes-max, "),
        ("container-log-bytes-max=a lot", "container-log-bytes-max: "),
        ("container-log-files-max=1", "container_log_files_max is at least 2"),
        ("container-log-files-max=2.5", "container_log_files_max"),
        ("image-gc-low-threshold-percent=90", "must be less than"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, said: str) -> None:
    with pytest.raises(CommandFailure) as failure:
        parse_limits([text])
    message = str(failure.value)
    assert message.startswith("--node-limit: ")
    assert said in message
    assert "\n" not in message
