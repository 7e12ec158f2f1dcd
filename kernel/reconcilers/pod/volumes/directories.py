"""Where a Pod's things are on this machine: `<pods directory>/<uid>`, and its part of /dev/shm."""

import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
VOLUMES = "volumes"


def pod_directory(pods_directory: Path, uid: str) -> Path:
    """Everything that one Pod has on disk, but for its logs."""
    return pods_directory / uid


def volumes_directory(pods_directory: Path, uid: str) -> Path:
    """The directory with one entry for each volume that is made for the Pod."""
    return pod_directory(pods_directory, uid) / VOLUMES


def memory_directory(uid: str) -> Path:
    """Where volumes in memory are if no file system can be mounted for them."""
    return SHARED_MEMORY / f"podkernel-{uid}"


def has_volumes(pods_directory: Path, uid: str) -> bool:
    """Whether volumes of a Pod are on this machine's disk or in its memory."""
    directories = (volumes_directory(pods_directory, uid), memory_directory(uid))
    return any(directory.exists() for directory in directories)


def remove_pod_directory(pods_directory: Path, uid: str) -> None:
    """Remove the volumes of a Pod and all else that it has on disk, but for its logs."""
    for directory in (pod_directory(pods_directory, uid), memory_directory(uid)):
        if directory.exists():
            shutil.rmtree(directory, ignore_errors=True)
