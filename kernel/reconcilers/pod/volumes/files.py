"""Files that are replaced all at once, laid out as the kubelet's.

    <volume>/colour -> ..data/colour                    what a container reads, never replaced
    <volume>/..data -> ..2026_11_20_10_41_29.123456789  replaced by a rename: the only step seen
    <volume>/..2026_11_20_10_41_29.123456789/colour     the files of one version

A reader sees either all old files or all new ones, and a process that is killed in between leaves
nothing that the next write does not put right.
"""

import os
import shutil
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND

DATA_LINK = "..data"
NEW_DATA_LINK = "..data_tmp"
DIRECTORY_MODE = 0o755
GROUP_READS = 0o440
GROUP_ENTERS = stat.S_ISGID | 0o550


class File(msgspec.Struct, frozen=True):
    """A file's bytes, its permission bits, and the user it belongs to (None: this process's)."""

    content: bytes
    mode: int
    owner: int | None = None


Files = dict[str, File]
"""Files by their paths, relative to the volume."""


def write_files(directory: Path, files: Mapping[str, File], now: int, group: int | None) -> bool:
    """Put files in place of those that are there; False where they are there already. The version
    before them is left: it is one of `old_versions`.

    `now`, in nanoseconds since the epoch, names the version. They are readable to `group`, and
    belong to it, where one is given: what `fsGroup` does to a volume that nobody writes to.
    """
    wanted = {name: _as_can_be(file, group) for name, file in files.items()}
    directory.mkdir(parents=True, exist_ok=True)
    present = directory / DATA_LINK
    names = {PurePosixPath(name).parts[0] for name in wanted}
    if present.is_dir() and _content_of(present) == wanted:
        _unlink_others(directory, names)
        _link(directory, names)
        return False
    version = _new_version(directory, now)
    try:
        for name, file in wanted.items():
            _write(version, name, file)
        if group is not None:
            _give_to_group(directory, version, group)
        _link(directory, names)
    except OSError:
        # What was written so far must not keep a full disk full.
        shutil.rmtree(version, ignore_errors=True)
        raise
    new_link = directory / NEW_DATA_LINK
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(version.name)
    new_link.replace(present)
    _unlink_others(directory, names)
    return True


def old_versions(directory: Path) -> list[Path]:
    """The directories in it that nothing points to any more."""
    version = os.readlink(directory / DATA_LINK)
    return [
        entry
        for entry in directory.iterdir()
        if entry.name.startswith("..") and entry.name != version and not entry.is_symlink()
    ]


def has_files(directory: Path) -> bool:
    """Whether files have been put in place, even if they are none."""
    return (directory / DATA_LINK).is_dir()


def _as_can_be(file: File, group: int | None) -> File:
    """Readable to the group; and given to its owner if there is one to give it to."""
    user = os.geteuid()
    owner = file.owner if user == 0 and file.owner != user else None
    mode = file.mode if group is None else file.mode | GROUP_READS
    return File(file.content, mode, owner)


def _write(version: Path, name: str, file: File) -> None:
    path = version / name
    for parent in reversed(path.relative_to(version).parents[:-1]):
        (version / parent).mkdir(exist_ok=True)
        (version / parent).chmod(DIRECTORY_MODE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(file.content)
        os.fchmod(opened.fileno(), file.mode)
        if file.owner is not None:
            os.fchown(opened.fileno(), file.owner, -1)


def _give_to_group(directory: Path, version: Path, group: int) -> None:
    os.chown(directory, -1, group)
    directory.chmod(DIRECTORY_MODE | GROUP_ENTERS)
    for root, _, names in os.walk(version):
        os.chown(root, -1, group)
        os.chmod(root, DIRECTORY_MODE | GROUP_ENTERS)
        for name in names:
            os.chown(os.path.join(root, name), -1, group)


def _new_version(directory: Path, now: int) -> Path:
    """An empty directory named after the time; a later one where that is taken."""
    while True:
        seconds, nanoseconds = divmod(now, NANOSECONDS_PER_SECOND)
        moment = datetime.fromtimestamp(seconds, UTC)
        version = directory / f"..{moment:%Y_%m_%d_%H_%M_%S}.{nanoseconds:09}"
        if not version.exists():
            version.mkdir()
            version.chmod(DIRECTORY_MODE)
            return version
        now += 1


def _link(directory: Path, names: set[str]) -> None:
    for name in names:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA_LINK}/{name}")


def _unlink_others(directory: Path, names: set[str]) -> None:
    """Remove links to what is no more."""
    for entry in list(directory.iterdir()):
        if entry.name not in (*names, DATA_LINK) and entry.is_symlink():
            entry.unlink()


def _content_of(version: Path) -> Files:
    root = version.resolve()
    return {
        str(path.relative_to(root)): _present(path) for path in root.rglob("*") if path.is_file()
    }


def _present(path: Path) -> File:
    status = path.stat()
    owner = None if status.st_uid == os.geteuid() else status.st_uid
    return File(path.read_bytes(), stat.S_IMODE(status.st_mode), owner)
