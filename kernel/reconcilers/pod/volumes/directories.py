"""Where a Pod's things are on this machine: `<pods directory>/<uid>`, and its part of /dev/shm."""

import errno
import os
import shutil
from pathlib import Path

from kernel.reconcilers.pod.volumes.mounts import mounted_below, unmount_below

SHARED_MEMORY = Path("/dev/shm")
VOLUMES = "volumes"
SUB_PATHS = "volume-subpaths"


def pod_directory(pods_directory: Path, uid: str) -> Path:
    """Everything that one Pod has on disk, but for its logs."""
    return pods_directory / uid


def volumes_directory(pods_directory: Path, uid: str) -> Path:
    """The directory with one entry for each volume that is made for the Pod."""
    return pod_directory(pods_directory, uid) / VOLUMES


def sub_paths_directory(pods_directory: Path, uid: str) -> Path:
    """Below it, parts of volumes are bound to `<volume>/<container>/<number of the mount>`."""
    return pod_directory(pods_directory, uid) / SUB_PATHS


def memory_directory(uid: str) -> Path:
    """Where volumes in memory are if no file system can be mounted for them."""
    return SHARED_MEMORY / f"podkernel-{uid}"


def has_volumes(pods_directory: Path, uid: str) -> bool:
    """Whether volumes of a Pod are on this machine's disk or in its memory."""
    directories = (volumes_directory(pods_directory, uid), memory_directory(uid))
    return any(directory.exists() for directory in directories)


def remove_volumes(pods_directory: Path, uid: str) -> None:
    """Remove the volumes of a Pod. What is mounted there is unmounted, and never removed. Raises
    `OSError`."""
    _remove(sub_paths_directory(pods_directory, uid))
    _remove(volumes_directory(pods_directory, uid))
    _remove(memory_directory(uid))


def remove_pod_directory(pods_directory: Path, uid: str) -> None:
    """Remove the volumes of a Pod and all else that it has on disk, but for its logs. Raises
    `OSError`."""
    remove_volumes(pods_directory, uid)
    _remove(pod_directory(pods_directory, uid))


def unmount_all(pods_directory: Path) -> None:
    """Unmount what is mounted for any Pod; never the directory of all of them, which may be a disk
    of its own. Raises `OSError`."""
    for directory in pods_directory.iterdir() if pods_directory.is_dir() else ():
        unmount_below(directory)


def _remove(directory: Path) -> None:
    if directory.exists():
        unmount_below(directory)
        if mounted_below(directory):  # locked by whoever made our mount namespace
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(directory))
        shutil.rmtree(directory, ignore_errors=True)
