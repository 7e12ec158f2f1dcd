"""Cgroups as files: which ones the process runtime writes and reads, for both versions."""

from pathlib import Path
from typing import Any

import pytest

from kernel.cri.process.cgroup import Cgroups, weight_of


def container(**resources: int) -> dict[str, Any]:
    nothing = {
        "memory_limit_bytes": 0,
        "cpu_quota_microseconds": 0,
        "cpu_period_microseconds": 100_000,
        "cpu_shares": 0,
    }
    return {"id": "c1", "config": {"resources": {**nothing, **resources}}}


LIMITED = container(memory_limit_bytes=64 << 20, cpu_quota_microseconds=50_000, cpu_shares=512)


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    for name in ("memory", "cpu", "cpuacct"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    return tmp_path


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    for name in ("cgroup.controllers", "cgroup.procs"):
        (tmp_path / name).touch()
    return tmp_path


def files(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_version_1_has_a_tree_for_each_controller(version_1: Path) -> None:
    cgroups = Cgroups(str(version_1))
    cgroups.make(LIMITED)
    memory, cpu = version_1 / "memory/podkernel/c1", version_1 / "cpu/podkernel/c1"
    assert files(memory) == {"memory.limit_in_bytes": str(64 << 20)}
    assert files(cpu) == {
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "50000",
        "cpu.shares": "512",
    }
    accounts = version_1 / "cpuacct/podkernel/c1"
    (accounts / "cpuacct.usage").write_text("123456789\n")
    (memory / "memory.usage_in_bytes").write_text("1000\n")
    (memory / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 300\n")
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    assert cgroups.cpu_nanoseconds("c1") == 123_456_789
    assert cgroups.memory_bytes("c1") == 700
    assert not cgroups.ran_out_of_memory("c1")
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert cgroups.ran_out_of_memory("c1")
    cgroups.join("c1")
    assert [(path / "cgroup.procs").read_text() for path in (memory, cpu, accounts)] == ["0"] * 3


def test_version_2_has_one_tree(version_2: Path) -> None:
    cgroups = Cgroups(str(version_2))
    cgroups.make(LIMITED)
    assert (version_2 / "cgroup.subtree_control").exists()
    directory = version_2 / "podkernel/c1"
    assert files(directory) == {
        "memory.max": str(64 << 20),
        "memory.oom.group": "1",
        "cpu.max": "50000 100000",
        "cpu.weight": "20",
    }
    (directory / "cpu.stat").write_text("usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n")
    (directory / "memory.current").write_text("1000\n")
    (directory / "memory.stat").write_text("anon 600\ninactive_file 300\n")
    (directory / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n")
    assert cgroups.cpu_nanoseconds("c1") == 1_234_000
    assert cgroups.memory_bytes("c1") == 700
    assert cgroups.ran_out_of_memory("c1")
    cgroups.join("c1")
    assert (directory / "cgroup.procs").read_text() == "0"


def test_what_is_not_limited_is_not_written(version_2: Path) -> None:
    Cgroups(str(version_2)).make(container())
    assert files(version_2 / "podkernel/c1") == {}


def test_where_no_cgroups_are_mounted_none_are_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cgroup\.procs"):
        Cgroups(str(tmp_path)).prepare()
    cgroups = Cgroups(str(tmp_path))
    assert not cgroups.ran_out_of_memory("c1")
    cgroups.remove("c1")


@pytest.mark.parametrize(
    ("shares", "weight"), [(0, 1), (2, 1), (102, 4), (1024, 39), (262_144, 10_000), (10**9, 10_000)]
)
def test_weights_are_kubernetes_own(shares: int, weight: int) -> None:
    assert weight_of(shares) == weight
