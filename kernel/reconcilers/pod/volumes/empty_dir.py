"""emptyDir: a directory as old as the Pod, on disk or in memory.

In memory it is a file system of its own, limited in size, where podkernel may mount one; else a
directory below /dev/shm. A file system is found again by a later podkernel, and gone with the
machine's, or a node's, orderly end.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from kernel.objects.pod import Pod
from kernel.objects.quantity import to_integer
from kernel.objects.runtime_identity import runtime_uid
from kernel.objects.volume import EmptyDirVolumeSource
from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.volumes.directories import SHARED_MEMORY, memory_directory
from kernel.reconcilers.pod.volumes.mounts import mount_in_memory

EVERYBODYS_MODE = 0o777
GROUPS_MODE = 0o2777


def prepare_empty_dir(
    pod: Pod,
    source: EmptyDirVolumeSource,
    path: Path,
    capacity: Mapping[str, str],
    *,
    may_mount: bool,
) -> Path:
    """Where the volume is: `path`, or a directory in memory. What is in it stays. Containers run
    as any user, so it is everybody's. `may_mount`: the runtime sees what is mounted now. Raises
    `ConfigError` and `OSError`."""
    if source.medium.startswith("HugePages"):
        raise ConfigError(f'emptyDir medium "{source.medium}" is not supported by podkernel')
    if source.medium not in ("", "Memory"):
        raise ConfigError(f'unknown storage medium "{source.medium}"')
    if source.medium == "Memory":
        size_bytes = memory_limit_bytes(pod, source, capacity)
        return _prepare_in_memory(pod, path, size_bytes, may_mount=may_mount)
    _make_directory(path, owning_group(pod))
    return path


def owning_group(pod: Pod) -> int | None:
    """The group that volumes are given to: `fsGroup`, where podkernel may do that."""
    security = pod.spec.security_context
    return security.fs_group if security and os.geteuid() == 0 else None


def memory_limit_bytes(pod: Pod, source: EmptyDirVolumeSource, capacity: Mapping[str, str]) -> int:
    """How large a volume in memory may grow: no larger than `sizeLimit`, than what the Pod's
    containers may use together, and than the node's memory; 0 where none of these is known (pure).

    https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
    """
    bounds = [capacity.get("memory", "0"), source.size_limit or "0"]
    of_containers = [container.resources.limits.get("memory") for container in pod.spec.containers]
    total = sum(to_integer(limit) for limit in of_containers if limit)
    known = [to_integer(bound) for bound in bounds]
    if all(of_containers):
        known.append(total)
    return min((bound for bound in known if bound > 0), default=0)


def _prepare_in_memory(pod: Pod, path: Path, size_bytes: int, *, may_mount: bool) -> Path:
    shared = memory_directory(runtime_uid(pod)) / path.name
    if shared.exists() or path.is_mount():
        return shared if shared.exists() else path
    group = owning_group(pod)
    if may_mount and _mount(path, size_bytes, group):
        return path
    if not os.access(SHARED_MEMORY, os.W_OK):
        raise ConfigError(f"no file system in memory may be mounted, nor {SHARED_MEMORY} be used")
    _make_directory(shared, group)
    return shared


def _mount(path: Path, size_bytes: int, group: int | None) -> bool:
    """False where this user may not mount."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        mode = EVERYBODYS_MODE if group is None else GROUPS_MODE
        mount_in_memory(path, size_bytes=size_bytes, mode=mode, group=group)
    except PermissionError:
        path.rmdir()
        return False
    return True


def _make_directory(path: Path, group: int | None) -> None:
    """Make it in one step, so that it is never there with other permissions."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"..{path.name}")
    new.mkdir(exist_ok=True)
    if group is not None:
        os.chown(new, -1, group)
    new.chmod(EVERYBODYS_MODE if group is None else GROUPS_MODE)
    new.rename(path)
