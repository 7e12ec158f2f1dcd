"""What is left of the machine's memory, disks and process ids, read when it is asked."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from kernel.clock import Clock
from kernel.cri.machine_usage import machine_usage


class FileSystem(msgspec.Struct, frozen=True):
    """A file system, in bytes and files. Some count no files: both numbers are 0 then."""

    capacity_bytes: int
    available_bytes: int
    inodes: int
    inodes_free: int


class Readings(msgspec.Struct, frozen=True):
    """One look at the machine. `images` is None where the runtime keeps none, or where this
    process can't see."""

    memory_available_bytes: int
    pods: FileSystem
    images: FileSystem | None
    process_ids: int
    process_ids_max: int


def read_machine(pods_directory: Path, image_directory: str, clock: Clock) -> Readings:
    """What is left. Raises `OSError`."""
    return Readings(
        memory_available_bytes=machine_usage(clock).memory_available_bytes,
        pods=file_system(pods_directory),
        images=_image_file_system(image_directory),
        process_ids=_process_ids(),
        process_ids_max=int(Path("/proc/sys/kernel/pid_max").read_text()),
    )


def file_system(path: Path | str) -> FileSystem:
    """The file system that a path is on. Raises `OSError`."""
    status = os.statvfs(path)
    return FileSystem(
        capacity_bytes=status.f_frsize * status.f_blocks,
        available_bytes=status.f_frsize * status.f_bavail,
        inodes=status.f_files,
        inodes_free=status.f_favail,
    )


def _image_file_system(directory: str) -> FileSystem | None:
    with suppress(OSError):
        return file_system(directory) if directory else None
    return None


def _process_ids() -> int:
    """How many are taken: the second part of the fourth field, as in `3/512`."""
    fields = Path("/proc/loadavg").read_text().split()
    return int(fields[3].partition("/")[2])
