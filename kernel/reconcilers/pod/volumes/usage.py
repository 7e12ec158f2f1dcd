"""How much room files take."""

import os
import stat
from pathlib import Path

_BLOCK_BYTES = 512


def used_bytes(directory: Path) -> int:
    """What a directory takes on its file system, as `du` counts it: blocks, and a file with several
    names once. What is mounted below is not counted; what vanishes meanwhile neither."""
    try:
        device = directory.stat().st_dev
    except OSError:
        return 0
    seen: set[int] = set()
    total = 0
    for root, directories, names in os.walk(directory, onerror=None):
        directories[:] = [name for name in directories if _device_of(root, name) == device]
        for name in (".", *names):
            try:
                found = os.lstat(os.path.join(root, name))
            except OSError:
                continue
            if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
                if found.st_ino in seen:
                    continue
                seen.add(found.st_ino)
            total += found.st_blocks * _BLOCK_BYTES
    return total


def _device_of(root: str, name: str) -> int | None:
    try:
        return os.lstat(os.path.join(root, name)).st_dev
    except OSError:
        return None
