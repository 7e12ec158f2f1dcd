import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.cri.runtime import Mount
from kernel.objects.pod import VolumeMount
from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.volumes.container_mounts import (
    MountSources,
    container_mounts,
    sub_path_of,
)
from kernel.reconcilers.pod.volumes.mounts import unmount_below
from tests.reconcilers.pod.node_under_test import container

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """An empty volume beside something that is none of its business."""
    directory = tmp_path / "volume"
    directory.mkdir()
    directory.chmod(0o2775)
    (tmp_path / "secret").write_text("keep out")
    yield directory
    unmount_below(tmp_path)


def _mounts(volume: Path, *mounts: VolumeMount, bound: bool = False) -> tuple[Mount, ...]:
    parts = volume.parent / "parts" if bound else None
    sources = MountSources({"data": volume}, sub_paths_directory=parts)
    return container_mounts(container(volume_mounts=list(mounts)), sources, {"DIRECTORY": "logs"})


def _of(path: str = "", **fields: Any) -> VolumeMount:
    return VolumeMount(name="data", mount_path="/x", sub_path=path, **fields)


def test_whole_volumes_are_mounted_as_they_are(volume: Path) -> None:
    mounts = (
        VolumeMount(name="data", mount_path="/data", read_only=True),
        VolumeMount(name="data", mount_path="/in", mount_propagation="HostToContainer"),
        VolumeMount(name="data", mount_path="/shared", mount_propagation="Bidirectional"),
        VolumeMount(name="data", mount_path="/maybe", recursive_read_only="IfPossible"),
    )
    assert _mounts(volume, *mounts) == (
        Mount(str(volume), "/data", read_only=True),
        Mount(str(volume), "/in", propagation="host-to-container"),
        Mount(str(volume), "/shared", propagation="bidirectional"),
        Mount(str(volume), "/maybe"),
    )


def test_what_nobody_may_write_to_is_mounted_read_only(volume: Path) -> None:
    sources = MountSources({"data": volume, "other": volume}, {"data"})
    mounts = [
        VolumeMount(name="data", mount_path="/data"),
        VolumeMount(name="data", mount_path="/part", sub_path="part"),
        VolumeMount(name="other", mount_path="/other"),
    ]
    made = container_mounts(container(volume_mounts=mounts), sources, {})
    assert [mount.read_only for mount in made] == [True, True, False]


def test_missing_directories_are_made_with_the_volume_s_permissions(volume: Path) -> None:
    (mount,) = _mounts(volume, _of("a/b"))
    assert mount == Mount(str(volume / "a" / "b"), "/x")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (volume / "a", volume / "a/b")} == {
        0o2775
    }


def test_an_expression_is_expanded(volume: Path) -> None:
    (mount,) = _mounts(volume, _of(sub_path_expr="$(DIRECTORY)/today"))
    assert mount.host_path == str(volume / "logs" / "today")


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (_of("../other"), "unable to provision SubPath `../other`: must not contain '..'"),
        (_of("/etc"), "error SubPath `/etc` must not be an absolute path"),
        (_of(sub_path_expr="$(B)/$(EMPTY)/$(A)"), "missing value for A, B, EMPTY"),
    ],
)
def test_parts_that_cannot_be_named(mount: VolumeMount, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        sub_path_of(mount, {"EMPTY": ""})
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (
            VolumeMount(name="none", mount_path="/x"),
            'cannot find volume "none" to mount into container',
        ),
        (
            _of(recursive_read_only="Enabled"),
            'failed to resolve recursive read-only mode: volume "data" requested recursive'
            " read-only mode, but it is not supported by the runtime",
        ),
    ],
)
def test_mounts_that_are_refused(mount: VolumeMount, message: str, volume: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        _mounts(volume, mount)
    assert str(raised.value) == message


@pytest.mark.parametrize("bound", [False, pytest.param(True, marks=needs_root)])
@pytest.mark.parametrize(
    ("target", "sub_path"),
    [
        ("..", "link"),
        ("..", "link/new"),
        ("../secret", "link"),
        ("/etc", "link/passwd"),
        ("link", "link"),
        ("../nowhere", "link/a"),
    ],
)
def test_links_do_not_lead_out(target: str, sub_path: str, bound: bool, volume: Path) -> None:
    (volume / "link").symlink_to(target)
    before = sorted(volume.parent.iterdir())
    with pytest.raises(ConfigError) as raised:
        _mounts(volume, _of(sub_path), bound=bound)
    assert str(raised.value).startswith(
        'failed to create subPath directory for volumeMount "data" of container "main": '
    )
    assert sorted(volume.parent.iterdir()) == before


def test_links_within_the_volume_are_followed_once(volume: Path) -> None:
    (volume / "v1").mkdir()
    (volume / "now").symlink_to("v1")
    (mount,) = _mounts(volume, _of("now/data"))
    assert mount.host_path == str(volume / "v1" / "data")


@needs_root
def test_what_was_found_stays_what_it_was(volume: Path) -> None:
    (volume / "file").write_text("one")
    (volume / "directory").mkdir()
    mounts = _mounts(volume, _of("file"), _of("directory"), bound=True)
    file, directory = (Path(mount.host_path) for mount in mounts)
    assert directory == volume.parent / "parts" / "data" / "main" / "1"
    (volume / "file").unlink()
    (volume / "file").symlink_to("../secret")
    (volume / "directory" / "inside").touch()
    (volume / "directory").rename(volume / "elsewhere")
    (volume / "directory").symlink_to("..")
    assert file.read_text() == "one"
    assert [path.name for path in directory.iterdir()] == ["inside"]


@needs_root
def test_a_new_attempt_gets_what_is_there_by_then(volume: Path) -> None:
    (volume / "thing").write_text("one")
    (first,) = _mounts(volume, _of("thing"), bound=True)
    (volume / "thing").unlink()
    (volume / "thing").write_text("two")
    (second,) = _mounts(volume, _of("thing"), bound=True)
    assert first == second
    assert Path(second.host_path).read_text() == "two"
    (volume / "thing").unlink()
    (third,) = _mounts(volume, _of("thing"), bound=True)
    assert Path(third.host_path).is_dir()
