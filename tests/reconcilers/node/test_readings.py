from pathlib import Path

import pytest

from kernel.clock import SystemClock
from kernel.reconcilers.node.readings import read_machine


def test_this_machine_is_read(tmp_path: Path) -> None:
    readings = read_machine(tmp_path, str(tmp_path), SystemClock())
    assert readings.images is not None
    assert readings.images.capacity_bytes == readings.pods.capacity_bytes
    assert 0 <= readings.pods.available_bytes <= readings.pods.capacity_bytes
    assert readings.memory_available_bytes > 0
    assert 0 < readings.process_ids < readings.process_ids_max


@pytest.mark.parametrize("directory", ["", "/nowhere/to/be/seen"])
def test_a_disk_that_can_not_be_seen_is_left_out(tmp_path: Path, directory: str) -> None:
    assert read_machine(tmp_path, directory, SystemClock()).images is None


def test_a_pods_directory_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        read_machine(tmp_path / "gone", "", SystemClock())
