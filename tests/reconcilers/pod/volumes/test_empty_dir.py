import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.objects.pod import Pod, PodSecurityContext, ResourceRequirements
from kernel.objects.volume import EmptyDirVolumeSource
from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.volumes import empty_dir
from kernel.reconcilers.pod.volumes.directories import (
    has_volumes,
    memory_directory,
    remove_pod_directory,
    volumes_directory,
)
from kernel.reconcilers.pod.volumes.empty_dir import memory_limit_bytes, prepare_empty_dir
from tests.reconcilers.pod.node_under_test import container, make_pod

UID = "0f9a6e0c-empty-dir"
CAPACITY = {"memory": "8Gi"}
MEBIBYTE = 1 << 20

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Path]:
    """The directory of all Pods; nothing is left of the one that tests make."""
    yield tmp_path / "pods"
    remove_pod_directory(tmp_path / "pods", UID)


def _pod(group: int | None = None, *limits: str | None) -> Pod:
    containers = [
        container(
            f"c{number}", resources=ResourceRequirements(limits={"memory": limit} if limit else {})
        )
        for number, limit in enumerate(limits or (None,))
    ]
    pod = make_pod(*containers, security_context=PodSecurityContext(fs_group=group))
    pod.metadata.uid = UID
    return pod


def _prepare(
    pods: Path,
    medium: str = "",
    size: str | None = None,
    group: int | None = None,
    *,
    may_mount: bool = True,
) -> Path:
    source = EmptyDirVolumeSource(medium=medium, size_limit=size)
    path = volumes_directory(pods, UID) / "data"
    return prepare_empty_dir(_pod(group), source, path, CAPACITY, may_mount=may_mount)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("medium", ["", pytest.param("Memory", marks=needs_root)])
def test_everybody_may_write_and_what_is_there_stays(medium: str, pods: Path) -> None:
    path = _prepare(pods, medium)
    assert path == pods / UID / "volumes" / "data"
    assert _mode(path) == 0o777
    (path / "file").write_text("kept")
    assert (_prepare(pods, medium) / "file").read_text() == "kept"
    assert has_volumes(pods, UID)
    remove_pod_directory(pods, UID)
    assert list(pods.iterdir()) == []


@needs_root
@pytest.mark.parametrize("medium", ["", "Memory"])
def test_the_group_is_the_pod_s(medium: str, pods: Path) -> None:
    path = _prepare(pods, medium, group=2000)
    assert (path.stat().st_gid, _mode(path)) == (2000, 0o2777)


@needs_root
def test_memory_is_memory_of_the_size_that_was_asked_for(pods: Path) -> None:
    path = _prepare(pods, "Memory", "1Mi")
    assert path.is_mount()
    usage = os.statvfs(path)
    assert usage.f_blocks * usage.f_frsize == MEBIBYTE
    with pytest.raises(OSError, match="No space left on device"):
        (path / "file").write_bytes(b"x" * (MEBIBYTE + 1))


def test_where_the_runtime_sees_no_mounts_it_is_shared_memory(pods: Path) -> None:
    path = _prepare(pods, "Memory", may_mount=False)
    assert path == memory_directory(UID) / "data"
    assert _prepare(pods, "Memory") == path


def test_without_the_right_to_mount_it_is_shared_memory(
    pods: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    with monkeypatch.context() as refusing:
        refusing.setattr(empty_dir, "mount_in_memory", refuse)
        path = _prepare(pods, "Memory")
    assert path == memory_directory(UID) / "data"
    assert _prepare(pods, "Memory") == path
    assert has_volumes(pods, UID)
    remove_pod_directory(pods, UID)
    assert not path.exists()


@needs_root
def test_removal_takes_nothing_of_what_is_mounted_inside(pods: Path, tmp_path: Path) -> None:
    path = _prepare(pods)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (path / "here").mkdir()
    subprocess.run(["mount", "--bind", kept, path / "here"], check=True)
    remove_pod_directory(pods, UID)
    assert not path.exists()
    assert (kept / "file").exists()


@needs_root
def test_what_can_t_be_unmounted_is_not_removed(pods: Path, tmp_path: Path) -> None:
    """As where the machine's administrator has locked us in with it."""
    path = _prepare(pods)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (path / "here").mkdir()
    subprocess.run(["mount", "--bind", kept, path / "here"], check=True)
    script = (
        "import pathlib, sys\n"
        "from kernel.reconcilers.pod.volumes.directories import remove_pod_directory\n"
        "remove_pod_directory(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
    )
    locked = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", script]
    outcome = subprocess.run([*locked, pods, UID], capture_output=True, text=True, check=False)
    assert "Device or resource busy" in outcome.stderr
    assert (kept / "file").exists()


@pytest.mark.parametrize(
    ("medium", "message"),
    [
        ("HugePages", 'emptyDir medium "HugePages" is not supported by podkernel'),
        ("HugePages-2Mi", 'emptyDir medium "HugePages-2Mi" is not supported by podkernel'),
        ("Tape", 'unknown storage medium "Tape"'),
    ],
)
def test_other_media_are_refused(medium: str, message: str, pods: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        _prepare(pods, medium)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("size", "limits", "capacity", "expected"),
    [
        (None, (None,), "8Gi", 8 << 30),
        ("1Mi", (None,), "8Gi", MEBIBYTE),
        ("16Gi", (None,), "8Gi", 8 << 30),
        (None, ("64Mi", "64Mi"), "8Gi", 128 * MEBIBYTE),
        (None, ("64Mi", None), "8Gi", 8 << 30),
        ("1Mi", ("64Mi",), "8Gi", MEBIBYTE),
        ("1Gi", ("64Mi",), "8Gi", 64 * MEBIBYTE),
        ("0", (None,), "0", 0),
    ],
)
def test_how_large_memory_may_grow(
    size: str | None, limits: tuple[str | None, ...], capacity: str, expected: int
) -> None:
    source = EmptyDirVolumeSource(medium="Memory", size_limit=size)
    assert memory_limit_bytes(_pod(None, *limits), source, {"memory": capacity}) == expected
