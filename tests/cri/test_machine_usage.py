import os
from pathlib import Path

import pytest

from kernel.clock import ManualClock, SystemClock
from kernel.cri.machine_usage import machine_usage

_STAT = "cpu  100 5 45 1000 50 0 7 3 99 98\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
_MEMORY = "MemTotal:  8192 kB\nMemFree:  1024 kB\nMemAvailable:  6144 kB\nHugePages_Total:  3\n"


def test_work_is_counted_and_idling_is_not(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(_STAT)
    (tmp_path / "meminfo").write_text(_MEMORY)
    usage = machine_usage(ManualClock(), proc=tmp_path)
    ticks = 100 + 5 + 45 + 0 + 7 + 3
    assert usage.cpu_nanoseconds == ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert usage.memory_bytes == 2048 * 1024
    assert usage.memory_available_bytes == 6144 * 1024


def test_a_machine_without_proc_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="meminfo"):
        machine_usage(ManualClock(), proc=tmp_path)


def test_this_machine_uses_something() -> None:
    usage = machine_usage(SystemClock())
    assert usage.cpu_nanoseconds > 0
    assert usage.memory_bytes > 0
