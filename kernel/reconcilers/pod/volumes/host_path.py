"""hostPath: a file or directory of the node, once it is what `type` says.

https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types
"""

import stat
from collections.abc import Callable
from pathlib import Path

from kernel.objects.volume import HostPathVolumeSource
from kernel.reconcilers.pod.configuration.environment import ConfigError

_IS_TYPE: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def check_host_path(source: HostPathVolumeSource) -> Path:
    """The path, made where the type asks for that. Raises `ConfigError` and `OSError`."""
    path = Path(source.path)
    wanted = source.type or ""
    if not wanted:
        return path
    if wanted not in _IS_TYPE:
        raise ConfigError(f"{wanted} is an invalid volume type")
    if not path.exists():
        if wanted == "DirectoryOrCreate":
            path.mkdir(mode=0o755, parents=True)
        elif wanted == "FileOrCreate":
            path.touch(mode=0o644)
    is_type, description = _IS_TYPE[wanted]
    if not path.exists() or not is_type(path.stat().st_mode):
        raise ConfigError(f"hostPath type check failed: {path} is not {description}")
    return path
