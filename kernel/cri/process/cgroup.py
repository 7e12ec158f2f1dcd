"""Memory and CPU limits of a container, for root: a cgroup of its own, version 1 or 2.

Interface files: the kernel's admin-guide, cgroup-v2.rst and cgroup-v1. Standard library alone.
"""

from __future__ import annotations

import contextlib
import os

from kernel.cri.process.layout import Record

_MOUNT = "/sys/fs/cgroup"
# Ours alone; each container with limits has a directory in it.
_PARENT = "podkernel"
_CONTROLLERS = ("memory", "cpu")


def _write(path: str, content: str) -> None:
    with open(path, "w") as file:
        file.write(content)


def _is_version_2() -> bool:
    return os.path.exists(f"{_MOUNT}/cgroup.controllers")


def _hierarchies() -> list[str]:
    """Version 2 has one tree for all controllers, version 1 a tree for each."""
    return [_MOUNT] if _is_version_2() else [f"{_MOUNT}/{name}" for name in _CONTROLLERS]


def _directories(container_id: str) -> list[str]:
    return [f"{tree}/{_PARENT}/{container_id}" for tree in _hierarchies()]


def prepare() -> None:
    """Make the parent directory, with its controllers. Raises `OSError` where we may not."""
    for tree in _hierarchies():
        os.makedirs(f"{tree}/{_PARENT}", exist_ok=True)
    if _is_version_2():
        for directory in (_MOUNT, f"{_MOUNT}/{_PARENT}"):
            for name in _CONTROLLERS:
                _write(f"{directory}/cgroup.subtree_control", f"+{name}")


def has_limits(container: Record) -> bool:
    resources = container["config"]["resources"]
    return bool(resources["memory_limit_bytes"] > 0 or resources["cpu_quota_microseconds"] > 0)


def make(container: Record) -> None:
    """Make the container's cgroup with its limits. Raises `OSError`."""
    prepare()
    resources = container["config"]["resources"]
    memory = resources["memory_limit_bytes"]
    quota, period = resources["cpu_quota_microseconds"], resources["cpu_period_microseconds"]
    directories = _directories(container["id"])
    for directory in directories:
        os.makedirs(directory, exist_ok=True)
    if _is_version_2():
        if memory > 0:
            _write(f"{directories[0]}/memory.max", str(memory))
        if quota > 0:
            _write(f"{directories[0]}/cpu.max", f"{quota} {period}")
        return
    if memory > 0:
        _write(f"{directories[0]}/memory.limit_in_bytes", str(memory))
    if quota > 0:
        _write(f"{directories[1]}/cpu.cfs_period_us", str(period))
        _write(f"{directories[1]}/cpu.cfs_quota_us", str(quota))


def join(container: Record) -> None:
    """Put this process, and so all that it starts, into the container's cgroup."""
    for directory in _directories(container["id"]):
        _write(f"{directory}/cgroup.procs", "0")


def ran_out_of_memory(container: Record) -> bool:
    """Whether the kernel has killed any of its processes for want of memory."""
    name = "memory.events" if _is_version_2() else "memory.oom_control"
    with contextlib.suppress(OSError), open(f"{_directories(container['id'])[0]}/{name}") as file:
        for line in file:
            key, _, count = line.partition(" ")
            if key == "oom_kill":
                return int(count) > 0
    return False


def remove(container_id: str) -> None:
    """Remove the container's cgroup where it has one; its processes must be dead."""
    for directory in _directories(container_id):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
