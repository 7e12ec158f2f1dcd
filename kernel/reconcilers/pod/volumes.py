"""Volumes on this machine's disk, below `<pods directory>/<uid>/volumes`.

| volume | becomes |
| --- | --- |
| emptyDir | a directory; with medium Memory one below /dev/shm, where that can be written |
| hostPath | itself, once its type is checked |
| configMap, secret, downwardAPI, projected | files, put in place all at once |

A volume that is there already is left as it is, but for files whose content has changed.
"""

import base64
import itertools
import os
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from kernel.objects.pod import Container, Pod
from kernel.objects.volume import (
    DownwardAPIVolumeFile,
    HostPathVolumeSource,
    KeyToPath,
    Volume,
    VolumeProjection,
)
from kernel.reconcilers.pod.environment import (
    ConfigError,
    Sources,
    config_map_named,
    field_value,
    resource_value,
    secret_named,
)
from kernel.reconcilers.pod.observe import runtime_uid

DEFAULT_MODE = 0o644
SHARED_MEMORY = Path("/dev/shm")
DATA_LINK = "..data"
VOLUMES = "volumes"


class MountFailure(Exception):
    """A volume can't be made; the message is fit for a FailedMount Event."""

    def __init__(self, volume_name: str, reason: str):
        super().__init__(f'MountVolume.SetUp failed for volume "{volume_name}" : {reason}')


class _File(msgspec.Struct, frozen=True):
    content: bytes
    mode: int


def pod_directory(pods_directory: Path, uid: str) -> Path:
    """Everything that one Pod has on disk, but for its logs."""
    return pods_directory / uid


def prepare_volumes(pod: Pod, pods_directory: Path, sources: Sources) -> dict[str, Path]:
    """Make what is missing; answers where each volume is. Raises `MountFailure`."""
    uid = runtime_uid(pod)
    base = pod_directory(pods_directory, uid) / VOLUMES
    paths: dict[str, Path] = {}
    for volume in pod.spec.volumes:
        try:
            paths[volume.name] = _prepare(pod, volume, base / volume.name, uid, sources)
        except (ConfigError, OSError) as error:
            raise MountFailure(volume.name, str(error)) from error
    return paths


def has_volumes(pods_directory: Path, uid: str) -> bool:
    """Whether volumes of a Pod are on this machine's disk or in its memory."""
    directories = (pod_directory(pods_directory, uid) / VOLUMES, _memory_directory(uid))
    return any(directory.exists() for directory in directories)


def remove_pod_directory(pods_directory: Path, uid: str) -> None:
    """Remove the volumes of a Pod and all else that it has on disk, but for its logs."""
    for directory in (pod_directory(pods_directory, uid), _memory_directory(uid)):
        if directory.exists():
            shutil.rmtree(directory, ignore_errors=True)


def prepare_sub_paths(container: Container, volumes: Mapping[str, Path]) -> None:
    """Make the directories that `subPath` names and that are missing. Raises `ConfigError`."""
    for mount in container.volume_mounts:
        if not mount.sub_path or mount.name not in volumes:
            continue
        root = volumes[mount.name].resolve()
        path = (root / mount.sub_path).resolve()
        if not path.is_relative_to(root):
            raise ConfigError(f'subPath "{mount.sub_path}" leads out of volume "{mount.name}"')
        if not path.exists():
            path.mkdir(parents=True)


def _prepare(pod: Pod, volume: Volume, path: Path, uid: str, sources: Sources) -> Path:
    if volume.host_path is not None:
        return _check_host_path(volume.host_path)
    files = _files_of(pod, volume, sources)
    if files is not None:
        _write_files(path, files)
        return path
    empty_dir = volume.empty_dir
    if empty_dir is None and _source_name(volume):
        raise ConfigError(f"volume type {_source_name(volume)} is not supported by podkernel")
    in_memory = empty_dir is not None and empty_dir.medium == "Memory"
    if in_memory and os.access(SHARED_MEMORY, os.W_OK):
        path = _memory_directory(uid) / volume.name
    if not path.exists():
        path.mkdir(parents=True)
        _open_to_all(path, pod)
    return path


def _memory_directory(uid: str) -> Path:
    return SHARED_MEMORY / f"podkernel-{uid}"


def _open_to_all(path: Path, pod: Pod) -> None:
    """Containers run as any user: an emptyDir is everybody's, and of the group `fsGroup`."""
    path.chmod(0o777)
    group = pod.spec.security_context.fs_group if pod.spec.security_context else None
    if group is not None and os.geteuid() == 0:
        os.chown(path, -1, group)
        path.chmod(0o2777)


def _source_name(volume: Volume) -> str:
    """The wire name of the volume's source, empty where it has none (an emptyDir then)."""
    wire: dict[str, object] = msgspec.to_builtins(volume)
    return next((name for name in wire if name != "name"), "")


# hostPath

_IS_TYPE: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


def _check_host_path(source: HostPathVolumeSource) -> Path:
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


# Files from objects

_Files = dict[str, _File]


def _files_of(pod: Pod, volume: Volume, sources: Sources) -> _Files | None:
    """The files of a volume that is made of objects; None where it is not."""
    if volume.config_map is not None:
        source = volume.config_map
        return _config_map_files(
            sources, source.name, source.optional, source.items, source.default_mode
        )
    if volume.secret is not None:
        secret = volume.secret
        return _secret_files(
            sources, secret.secret_name, secret.optional, secret.items, secret.default_mode
        )
    if volume.downward_api is not None:
        downward = volume.downward_api
        return _downward_files(pod, downward.items, downward.default_mode, sources)
    if volume.projected is not None:
        files: _Files = {}
        for projection in volume.projected.sources:
            files |= _projected_files(pod, projection, volume.projected.default_mode, sources)
        return files
    return None


def _projected_files(
    pod: Pod, projection: VolumeProjection, default_mode: int | None, sources: Sources
) -> _Files:
    if projection.config_map is not None:
        part = projection.config_map
        return _config_map_files(sources, part.name, part.optional, part.items, default_mode)
    if projection.secret is not None:
        secret = projection.secret
        return _secret_files(sources, secret.name, secret.optional, secret.items, default_mode)
    if projection.downward_api is not None:
        return _downward_files(pod, projection.downward_api.items, default_mode, sources)
    wire: dict[str, object] = msgspec.to_builtins(projection)
    kind = next(iter(wire), "of an unknown type")
    raise ConfigError(f"projected source {kind} is not supported by podkernel")


def _config_map_files(
    sources: Sources,
    name: str,
    optional: bool | None,
    items: Sequence[KeyToPath],
    default_mode: int | None,
) -> _Files:
    config_map = config_map_named(sources, name, optional)
    content: dict[str, bytes] = {}
    if config_map is not None:
        content = {key: text.encode() for key, text in config_map.data.items()}
        content |= {key: base64.b64decode(data) for key, data in config_map.binary_data.items()}
    missing = "configmap references non-existent config key: "
    return _chosen(content, items, default_mode, bool(optional), missing)


def _secret_files(
    sources: Sources,
    name: str,
    optional: bool | None,
    items: Sequence[KeyToPath],
    default_mode: int | None,
) -> _Files:
    secret = secret_named(sources, name, optional)
    data = secret.data if secret else {}
    content = {key: base64.b64decode(encoded) for key, encoded in data.items()}
    missing = "references non-existent secret key: "
    return _chosen(content, items, default_mode, bool(optional), missing)


def _chosen(
    content: Mapping[str, bytes],
    items: Sequence[KeyToPath],
    default_mode: int | None,
    optional: bool,
    missing: str,
) -> _Files:
    """All keys as files of their names, or those that `items` lists."""
    mode = DEFAULT_MODE if default_mode is None else default_mode
    if not items:
        return {key: _File(data, mode) for key, data in content.items()}
    files: _Files = {}
    for item in items:
        if item.key in content:
            item_mode = mode if item.mode is None else item.mode
            files[_safe(item.path)] = _File(content[item.key], item_mode)
        elif not optional:
            raise ConfigError(missing + item.key)
    return files


def _downward_files(
    pod: Pod, items: Sequence[DownwardAPIVolumeFile], default_mode: int | None, sources: Sources
) -> _Files:
    files: _Files = {}
    for item in items:
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref.field_path, sources)
        elif item.resource_field_ref is not None:
            text = resource_value(pod, item.resource_field_ref, sources)
        else:
            text = ""
        mode = item.mode if item.mode is not None else default_mode
        files[_safe(item.path)] = _File(text.encode(), DEFAULT_MODE if mode is None else mode)
    return files


def _safe(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        raise ConfigError(f'path "{path}" must be relative and must not contain ".."')
    return path


def _write_files(directory: Path, files: Mapping[str, _File]) -> None:
    """Put files in place so that a reader sees either all old or all new ones.

    As the kubelet lays them out: the files stand in a directory of this version, `..data` points
    to it, and each name is a link through `..data`; replacing that one link replaces all.
    """
    present = directory / DATA_LINK
    if present.exists() and _content_of(present) == files:
        return
    old = present.resolve() if present.exists() else None
    version = _new_version(directory)
    for name, file in files.items():
        path = version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    new_link = directory / "..data_new"
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(version.name)
    new_link.replace(present)
    _link_names(directory, {PurePosixPath(name).parts[0] for name in files})
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _new_version(directory: Path) -> Path:
    for number in itertools.count(1):
        version = directory / f"..version_{number}"
        if not version.exists():
            version.mkdir(parents=True)
            return version
    raise AssertionError("counting does not end")


def _link_names(directory: Path, names: set[str]) -> None:
    for entry in directory.iterdir():
        if not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
    for name in names:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA_LINK}/{name}")


def _content_of(version: Path) -> _Files:
    root = version.resolve()
    return {
        str(path.relative_to(root)): _File(path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in root.rglob("*")
        if path.is_file()
    }
