"""Making a Pod's volumes, and saying which one can't be made.

| volume | becomes |
| --- | --- |
| emptyDir | a directory; with medium Memory one in RAM |
| hostPath | itself, once its type is checked |
| configMap, secret, downwardAPI, projected | files, put in place all at once |

A volume that is there already is left as it is, but for files whose content has changed.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.objects.volume import EmptyDirVolumeSource, Volume
from kernel.reconcilers.pod.configuration.environment import ConfigError, Sources
from kernel.reconcilers.pod.volumes.directories import volumes_directory
from kernel.reconcilers.pod.volumes.empty_dir import owning_group, prepare_empty_dir
from kernel.reconcilers.pod.volumes.files import has_files, old_versions, write_files
from kernel.reconcilers.pod.volumes.host_path import check_host_path
from kernel.reconcilers.pod.volumes.objects import files_of, is_made_of_objects


class MountFailure(Exception):
    """A volume can't be made; the message is fit for a FailedMount Event."""

    def __init__(self, volume_name: str, reason: str):
        super().__init__(f'MountVolume.SetUp failed for volume "{volume_name}" : {reason}')


class PreparedVolumes(msgspec.Struct, frozen=True):
    """Where each volume is, by name. `is_current`: all files are as they should be; some may be
    older where an object is gone, or no longer has a key."""

    paths: Mapping[str, Path]
    is_current: bool


def prepare_volumes(
    pod: Pod, pods_directory: Path, sources: Sources, now: int, *, may_mount: bool
) -> PreparedVolumes:
    """Make what is missing, and bring files up to date. `now` is in nanoseconds since the epoch;
    `may_mount`: the runtime sees what is mounted now. Raises `MountFailure` for a volume that is
    not there and can't be made."""
    base = volumes_directory(pods_directory, runtime_uid(pod))
    paths: dict[str, Path] = {}
    is_current = True
    for volume in pod.spec.volumes:
        path = paths[volume.name] = base / volume.name
        try:
            with _failing_as_mount(volume):
                if is_made_of_objects(volume):
                    _write(pod, volume, path, sources, now)
                    for left in old_versions(path):
                        shutil.rmtree(left, ignore_errors=True)
                else:
                    paths[volume.name] = _make(pod, volume, path, sources, may_mount)
        except MountFailure:
            if not is_made_of_objects(volume) or not has_files(path):
                raise
            is_current = False
    return PreparedVolumes(paths, is_current)


def update_files(pod: Pod, pods_directory: Path, sources: Sources, now: int) -> list[MountFailure]:
    """Bring the files of volumes that are made of objects up to date; answers what failed. What
    they replace is left: `replaced_files`."""
    base = volumes_directory(pods_directory, runtime_uid(pod))
    failures: list[MountFailure] = []
    for volume in filter(is_made_of_objects, pod.spec.volumes):
        try:
            with _failing_as_mount(volume):
                _write(pod, volume, base / volume.name, sources, now)
        except MountFailure as failure:
            failures.append(failure)
    return failures


def replaced_files(pod: Pod, pods_directory: Path) -> list[Path]:
    """The directories that hold what `update_files` has replaced: nobody needs them any more."""
    base = volumes_directory(pods_directory, runtime_uid(pod))
    replaced: list[Path] = []
    for volume in filter(is_made_of_objects, pod.spec.volumes):
        with suppress(OSError):
            replaced += old_versions(base / volume.name)
    return replaced


@contextmanager
def _failing_as_mount(volume: Volume) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise MountFailure(volume.name, str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {(error.strerror or str(error)).lower()}"
        raise MountFailure(volume.name, reason if error.filename else str(error)) from error


def _write(pod: Pod, volume: Volume, path: Path, sources: Sources, now: int) -> None:
    write_files(path, files_of(pod, volume, sources), now, owning_group(pod))


def _make(pod: Pod, volume: Volume, path: Path, sources: Sources, may_mount: bool) -> Path:
    if volume.host_path is not None:
        return check_host_path(volume.host_path)
    source = volume.empty_dir
    if source is None and _source_name(volume):
        raise ConfigError(f"volume type {_source_name(volume)} is not supported by podkernel")
    return prepare_empty_dir(
        pod, source or EmptyDirVolumeSource(), path, sources.capacity, may_mount=may_mount
    )


def _source_name(volume: Volume) -> str:
    """The wire name of the volume's source, empty where it has none (an emptyDir then)."""
    wire: dict[str, object] = msgspec.to_builtins(volume)
    return next((name for name in wire if name != "name"), "")
