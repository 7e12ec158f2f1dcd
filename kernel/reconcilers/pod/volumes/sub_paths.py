"""A part of a volume, found without leaving the volume.

Whoever may write to a volume may put a symbolic link in the place of a directory at any moment. So
links are followed once, to see where they lead; the path without links is then walked from
directory to directory, and no step of that follows a link.

Where the runtime sees what the node mounts, what was found is bound to a path of the node agent's
own, out of the containers' reach; that path is what the container is given. Elsewhere it is given
the path without links.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from kernel.reconcilers.pod.volumes.mounts import bind_descriptor, unmount_below

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OutsideVolume(Exception):
    """The path leads out of its volume."""


def make_sub_path(volume: Path, sub_path: str) -> Path:
    """Make the directories that are missing, with the volume's permission bits; answers the path
    without links. Raises `OutsideVolume` and `OSError`."""
    root, parts = _inside(volume, sub_path)
    path = root.joinpath(*parts)
    if not path.exists():
        with ExitStack() as opened:
            _walk(root, parts, opened, mode=stat.S_IMODE(root.stat().st_mode))
    return path


def bind_sub_path(volume: Path, sub_path: str, target: Path) -> Path:
    """Bind what is at `sub_path`, which exists, to `target`, in place of what was bound there;
    answers `target`. Raises `OutsideVolume` and `OSError`."""
    root, parts = _inside(volume, sub_path)
    with ExitStack() as opened:
        descriptor = _walk(root, parts[:-1], opened)
        if parts:
            flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(parts[-1], flags, dir_fd=descriptor)
            opened.callback(os.close, descriptor)
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISLNK(kind):
            raise OutsideVolume(f"{sub_path} has become a link")
        unmount_below(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISDIR(kind):
            _remove_other(target, is_directory=True)
            target.mkdir(exist_ok=True)
        else:
            _remove_other(target, is_directory=False)
            target.touch()
        bind_descriptor(descriptor, target)
    return target


def _inside(volume: Path, sub_path: str) -> tuple[Path, Sequence[str]]:
    root = volume.resolve()
    try:
        path = (root / sub_path).resolve()
    except RuntimeError as error:  # links in a circle
        raise OutsideVolume(str(error)) from error
    if not path.is_relative_to(root):
        raise OutsideVolume(f"{sub_path} leads out of the volume")
    return root, path.relative_to(root).parts


def _walk(root: Path, parts: Sequence[str], opened: ExitStack, *, mode: int | None = None) -> int:
    """A descriptor of the last directory; with `mode`, missing ones are made."""
    descriptor = os.open(root, _DIRECTORY)
    opened.callback(os.close, descriptor)
    for part in parts:
        is_new = False
        if mode is not None:
            try:
                os.mkdir(part, 0o700, dir_fd=descriptor)
                is_new = True
            except FileExistsError:
                pass
        descriptor = os.open(part, _DIRECTORY, dir_fd=descriptor)
        opened.callback(os.close, descriptor)
        if is_new and mode is not None:
            os.fchmod(descriptor, mode)
    return descriptor


def _remove_other(target: Path, *, is_directory: bool) -> None:
    if target.is_dir() and not is_directory:
        target.rmdir()
    elif target.is_file() and is_directory:
        target.unlink()
