"""When a machine is short of something."""

from typing import Any

import msgspec
import pytest

from kernel.reconcilers.node.pressure import Pressure, PressureMemory, pressures
from kernel.reconcilers.node.readings import FileSystem, Readings
from kernel.reconcilers.node_limits import NodeLimits

HALF_FULL = FileSystem(capacity_bytes=1000, available_bytes=500, inodes=1000, inodes_free=500)
PLENTY = Readings(
    memory_available_bytes=1 << 40,
    pods=HALF_FULL,
    images=HALF_FULL,
    process_ids=10,
    process_ids_max=1000,
)


def disk(**changes: int) -> FileSystem:
    return msgspec.structs.replace(HALF_FULL, **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"memory_available_bytes": 100 << 20}, set()),
        ({"memory_available_bytes": (100 << 20) - 1}, {Pressure.MEMORY}),
        ({"pods": disk(available_bytes=100)}, set()),
        ({"pods": disk(available_bytes=99)}, {Pressure.DISK}),
        ({"pods": disk(inodes_free=50)}, set()),
        ({"pods": disk(inodes_free=49)}, {Pressure.DISK}),
        ({"pods": disk(inodes=0, inodes_free=0)}, set()),
        ({"images": disk(available_bytes=150)}, set()),
        ({"images": disk(available_bytes=149)}, {Pressure.DISK}),
        ({"images": None}, set()),
        ({"process_ids": 999}, set()),
    ],
)
def test_the_kubelet_s_thresholds(changes: dict[str, Any], expected: set[Pressure]) -> None:
    assert pressures(msgspec.structs.replace(PLENTY, **changes), NodeLimits()) == expected


def test_process_ids_have_a_threshold_where_one_is_set() -> None:
    limits = NodeLimits(process_ids_available_percent_min=10)
    busy = msgspec.structs.replace(PLENTY, process_ids=901)
    assert pressures(busy, limits) == {Pressure.PROCESS_IDS}


def test_a_pressure_lasts_a_while() -> None:
    memory = PressureMemory(NodeLimits(pressure_transition_seconds=300))
    short = msgspec.structs.replace(PLENTY, memory_available_bytes=0)
    assert memory.lasting(PLENTY, 0) == set()
    assert memory.lasting(short, 10) == {Pressure.MEMORY}
    assert memory.lasting(PLENTY, 309) == {Pressure.MEMORY}
    assert memory.lasting(PLENTY, 310) == set()


def test_without_a_transition_it_ends_at_once() -> None:
    memory = PressureMemory(NodeLimits(pressure_transition_seconds=0))
    short = msgspec.structs.replace(PLENTY, memory_available_bytes=0)
    assert memory.lasting(short, 10) == {Pressure.MEMORY}
    assert memory.lasting(PLENTY, 10) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"container_log_files_max": 1},
        {"container_log_bytes_max": 0},
        {"parallel_image_pulls_max": 0},
        {"image_gc_low_threshold_percent": 85},
        {"image_gc_high_threshold_percent": 101},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|at least"):
        NodeLimits(**wrong)
