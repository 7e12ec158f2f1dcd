"""A container's cgroup, for root: limits and weights, what it uses, whether memory ran out.

Versions 1 and 2; interface files: the kernel's admin-guide, cgroup-v2.rst and cgroup-v1. Standard
library alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from kernel.cri.process.layout import Record

# Ours alone; each container has a directory in it.
_PARENT = "podkernel"
_VERSION_1_CONTROLLERS = ("memory", "cpu", "cpuacct")
_VERSION_2_CONTROLLERS = ("memory", "cpu")
# What version 1 calls shares goes from 2 to 262144, what version 2 calls weight from 1 to 10000.
_SHARES_MIN, _SHARES_MAX = 2, 262_144
_WEIGHT_MIN, _WEIGHT_MAX = 1, 10_000
_NANOSECONDS_PER_MICROSECOND = 1000
_REMOVAL_ATTEMPTS = 20
_REMOVAL_PAUSE_SECONDS = 0.005


class Cgroups:
    """The cgroups that are mounted at `mount`. Methods raise `OSError`."""

    def __init__(self, mount: str = "/sys/fs/cgroup") -> None:
        self._mount = mount
        self._is_version_2 = os.path.exists(f"{mount}/cgroup.controllers")

    def _trees(self) -> list[str]:
        """Version 2 has one tree for all controllers, version 1 a tree for each."""
        if self._is_version_2:
            return [self._mount]
        return [f"{self._mount}/{name}" for name in _VERSION_1_CONTROLLERS]

    def _directories(self, container_id: str) -> list[str]:
        return [f"{tree}/{_PARENT}/{container_id}" for tree in self._trees()]

    def _directory(self, container_id: str, controller: str) -> str:
        directories = self._directories(container_id)
        if self._is_version_2:
            return directories[0]
        return directories[_VERSION_1_CONTROLLERS.index(controller)]

    def prepare(self) -> None:
        """Make the parent directory, with its controllers."""
        for tree in self._trees():
            # Without a hierarchy mounted there, it would be a directory like any other.
            os.stat(f"{tree}/cgroup.procs")
            os.makedirs(f"{tree}/{_PARENT}", exist_ok=True)
        if self._is_version_2:
            for directory in (self._mount, f"{self._mount}/{_PARENT}"):
                for name in _VERSION_2_CONTROLLERS:
                    _write(f"{directory}/cgroup.subtree_control", f"+{name}")

    def make(self, container: Record) -> None:
        """Make the container's cgroup with its limits."""
        self.prepare()
        for directory in self._directories(container["id"]):
            os.makedirs(directory, exist_ok=True)
        self.limit(container["id"], container["config"]["resources"])

    def limit(self, container_id: str, resources: Record) -> None:
        """Set the limits and weights of a container; zero leaves a thing as it is."""
        if self._is_version_2:
            self._limit_version_2(container_id, resources)
        else:
            self._limit_version_1(container_id, resources)

    def _limit_version_2(self, container_id: str, resources: Record) -> None:
        (directory,) = self._directories(container_id)
        if resources["memory_limit_bytes"] > 0:
            _write(f"{directory}/memory.max", str(resources["memory_limit_bytes"]))
            # As Kubernetes has it: when memory runs out, all of the container goes.
            _write(f"{directory}/memory.oom.group", "1")
        if resources["cpu_quota_microseconds"] > 0:
            quota, period = (
                resources["cpu_quota_microseconds"],
                resources["cpu_period_microseconds"],
            )
            _write(f"{directory}/cpu.max", f"{quota} {period}")
        if resources["cpu_shares"] > 0:
            _write(f"{directory}/cpu.weight", str(weight_of(resources["cpu_shares"])))

    def _limit_version_1(self, container_id: str, resources: Record) -> None:
        memory = self._directory(container_id, "memory")
        processor = self._directory(container_id, "cpu")
        if resources["memory_limit_bytes"] > 0:
            _write(f"{memory}/memory.limit_in_bytes", str(resources["memory_limit_bytes"]))
        if resources["cpu_quota_microseconds"] > 0:
            _write(f"{processor}/cpu.cfs_period_us", str(resources["cpu_period_microseconds"]))
            _write(f"{processor}/cpu.cfs_quota_us", str(resources["cpu_quota_microseconds"]))
        if resources["cpu_shares"] > 0:
            _write(f"{processor}/cpu.shares", str(resources["cpu_shares"]))

    def join(self, container_id: str) -> None:
        """Put this process, and so all that it starts, into the container's cgroup."""
        for directory in self._directories(container_id):
            _write(f"{directory}/cgroup.procs", "0")

    def ran_out_of_memory(self, container_id: str) -> bool:
        """Whether the kernel has killed any of its processes for want of memory. Never raises."""
        name = "memory.events" if self._is_version_2 else "memory.oom_control"
        with contextlib.suppress(OSError):
            numbers = _read_numbers(f"{self._directory(container_id, 'memory')}/{name}")
            return numbers.get("oom_kill", 0) > 0
        return False

    def cpu_nanoseconds(self, container_id: str) -> int:
        """What its processes have used since it was made, also those that have ended."""
        directory = self._directory(container_id, "cpuacct")
        if self._is_version_2:
            microseconds = _read_numbers(f"{directory}/cpu.stat")["usage_usec"]
            return microseconds * _NANOSECONDS_PER_MICROSECOND
        return _read_number(f"{directory}/cpuacct.usage")

    def memory_bytes(self, container_id: str) -> int:
        """The working set: without the pages of files that nobody has touched for a while."""
        directory = self._directory(container_id, "memory")
        if self._is_version_2:
            used, inactive = _read_number(f"{directory}/memory.current"), "inactive_file"
        else:
            used, inactive = (
                _read_number(f"{directory}/memory.usage_in_bytes"),
                "total_inactive_file",
            )
        return max(used - _read_numbers(f"{directory}/memory.stat").get(inactive, 0), 0)

    def kill(self, container_id: str) -> None:
        """Kill all that is in it, also what has forked meanwhile. Never raises."""
        killed: set[str] = set()
        while True:
            try:
                with open(f"{self._directories(container_id)[0]}/cgroup.procs") as file:
                    # Zeros are processes that can't be seen from here.
                    found = set(file.read().split()) - killed - {"0"}
            except OSError:
                return
            if not found:
                return
            for pid in found:
                with contextlib.suppress(OSError):
                    os.kill(int(pid), signal.SIGKILL)
            killed |= found

    def remove(self, container_id: str) -> None:
        """Remove the container's cgroup where it has one; its processes must be dead. Never
        raises."""
        for directory in self._directories(container_id):
            for _ in range(_REMOVAL_ATTEMPTS):
                try:
                    os.rmdir(directory)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    # The kernel needs a moment for those that were killed just now.
                    time.sleep(_REMOVAL_PAUSE_SECONDS)


def weight_of(shares: int) -> int:
    """Version 2's weight for version 1's shares, as Kubernetes converts it (KEP-2254)."""
    shares = min(max(shares, _SHARES_MIN), _SHARES_MAX)
    steps = (shares - _SHARES_MIN) * (_WEIGHT_MAX - _WEIGHT_MIN)
    return _WEIGHT_MIN + steps // (_SHARES_MAX - _SHARES_MIN)


def _write(path: str, content: str) -> None:
    with open(path, "w") as file:
        file.write(content)


def _read_number(path: str) -> int:
    with open(path) as file:
        return int(file.read())


def _read_numbers(path: str) -> dict[str, int]:
    """The lines of a file like `oom_kill 3`."""
    with open(path) as file:
        pairs = [line.split() for line in file]
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}
