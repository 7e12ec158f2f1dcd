"""What is mounted on this machine: file systems in memory, and what is below a directory (Linux).

Python has no mount(2) of its own before 3.13; both calls go through libc. Every function raises
`OSError`.
"""

import ctypes
import errno
import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")
_MS_NOSUID, _MS_NODEV = 0x2, 0x4
_MS_BIND, _MS_REC = 0x1000, 0x4000
_MNT_DETACH = 0x2

_libc = ctypes.CDLL(None, use_errno=True)


def mount_in_memory(path: Path, *, size_bytes: int, mode: int, group: int | None) -> None:
    """Cover a directory with a file system in memory, empty, of at most `size_bytes` (0: half of
    the machine's memory), whose root has these permission bits and belongs to `group`."""
    options = f"mode={mode:o},gid={os.getegid() if group is None else group}"
    if size_bytes:
        options += f",size={size_bytes}"
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV)
    _check(_libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", flags, options.encode()), path)


def bind_descriptor(descriptor: int, target: Path) -> None:
    """Make what a descriptor of this process stands for appear at `target`, with what is mounted
    below it."""
    source = f"/proc/self/fd/{descriptor}".encode()
    flags = ctypes.c_ulong(_MS_BIND | _MS_REC)
    _check(_libc.mount(source, os.fsencode(target), None, flags, None), target)


def unmount_below(directory: Path) -> None:
    """Unmount all that is mounted on a directory and below it, also where it is still used: it is
    gone from the tree at once, and for good with its last user."""
    for path in reversed(mounted_below(directory)):
        try:
            _check(_libc.umount2(os.fsencode(path), _MNT_DETACH), path)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):  # somebody else was faster
                raise


def mounted_below(directory: Path) -> list[Path]:
    """The mount points on a directory and below it, in the order in which they were mounted."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []  # not Linux: there nothing is mounted for Pods
    real = directory.resolve()
    points = (Path(_OCTAL.sub(_character, line.split(" ")[4])) for line in lines)
    return [point for point in points if point.is_relative_to(real)]


def _character(octal: re.Match[str]) -> str:
    return chr(int(octal[1], 8))


def _check(result: int, path: Path) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
