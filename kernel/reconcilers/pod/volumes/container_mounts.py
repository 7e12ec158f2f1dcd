"""Volumes of a Pod as mounts of one of its containers."""

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.container import VolumeMount
from kernel.objects.pod import Container
from kernel.reconcilers.pod.configuration.environment import ConfigError, expand, missing_references
from kernel.reconcilers.pod.volumes.sub_paths import OutsideVolume, bind_sub_path, make_sub_path

_PROPAGATION = {
    "None": "private",
    "HostToContainer": "host-to-container",
    "Bidirectional": "bidirectional",
}


class MountSources(msgspec.Struct, frozen=True):
    """What mounts are made of: volumes by name, those of them that no container may write to, and
    the directory below which parts of them are bound (None: the runtime would not see that)."""

    volumes: Mapping[str, Path]
    read_only: Collection[str] = ()
    sub_paths_directory: Path | None = None


def container_mounts(
    container: Container, sources: MountSources, environment: Mapping[str, str]
) -> tuple[cri.Mount, ...]:
    """The mounts, and what they need on disk. Raises `ConfigError` in the kubelet's words."""
    mounts = []
    for index, mount in enumerate(container.volume_mounts):
        volume = sources.volumes.get(mount.name)
        if volume is None:
            raise ConfigError(f'cannot find volume "{mount.name}" to mount into container')
        check_recursive_read_only(mount)
        sub_path = sub_path_of(mount, environment)
        if sub_path:
            volume = _part(container, index, volume, sub_path, sources)
        mounts.append(
            cri.Mount(
                host_path=str(volume),
                container_path=mount.mount_path,
                read_only=mount.read_only or mount.name in sources.read_only,
                propagation=_PROPAGATION.get(mount.mount_propagation or "None", "private"),
            )
        )
    return tuple(mounts)


def check_recursive_read_only(mount: VolumeMount) -> None:
    """No runtime that podkernel drives makes what is mounted below a volume read-only too. Raises
    `ConfigError` where a container can't do without (pure)."""
    wanted = mount.recursive_read_only
    if wanted == "Enabled":
        raise ConfigError(
            f'failed to resolve recursive read-only mode: volume "{mount.name}" requested recursive'
            " read-only mode, but it is not supported by the runtime"
        )


def sub_path_of(mount: VolumeMount, environment: Mapping[str, str]) -> str:
    """The part that is mounted, relative to the volume; empty where that is all of it. Raises
    `ConfigError` (pure)."""
    missing = missing_references(mount.sub_path_expr, environment)
    if missing:
        raise ConfigError(f"missing value for {', '.join(missing)}")
    path = mount.sub_path or expand(mount.sub_path_expr, environment)
    if PurePosixPath(path).is_absolute():
        raise ConfigError(f"error SubPath `{path}` must not be an absolute path")
    if ".." in PurePosixPath(path).parts:
        raise ConfigError(f"unable to provision SubPath `{path}`: must not contain '..'")
    return path


def _part(
    container: Container, index: int, volume: Path, sub_path: str, sources: MountSources
) -> Path:
    mount = container.volume_mounts[index]
    whose = f'for volumeMount "{mount.name}" of container "{container.name}"'
    try:
        path = make_sub_path(volume, sub_path)
    except (OutsideVolume, OSError) as error:
        raise ConfigError(f"failed to create subPath directory {whose}: {error}") from error
    if sources.sub_paths_directory is None:
        return path
    target = sources.sub_paths_directory / mount.name / container.name / str(index)
    try:
        return bind_sub_path(volume, sub_path, target)
    except (OutsideVolume, OSError) as error:
        raise ConfigError(f"failed to prepare subPath {whose}: {error}") from error
