import os
from pathlib import Path

import pytest

from kernel.reconcilers.pod.volumes.mounts import mount_in_memory, unmount_below
from kernel.reconcilers.pod.volumes.usage import used_bytes

KIBIBYTE = 1024
CONTENT = b"x" * 64 * KIBIBYTE


def test_files_count_and_so_do_those_of_directories_below(tmp_path: Path) -> None:
    empty = used_bytes(tmp_path)
    (tmp_path / "a").write_bytes(CONTENT)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b").write_bytes(CONTENT)
    used = used_bytes(tmp_path) - empty
    assert 2 * len(CONTENT) <= used <= 2 * len(CONTENT) + 32 * KIBIBYTE


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    used = used_bytes(tmp_path)
    os.link(tmp_path / "a", tmp_path / "b")
    assert used_bytes(tmp_path) == used


def test_what_is_only_pointed_to_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_bytes(CONTENT)
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "link").symlink_to(tmp_path / "elsewhere")
    assert used_bytes(tmp_path / "volume") < len(CONTENT)


def test_a_hole_takes_no_room(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert used_bytes(tmp_path) < 64 * KIBIBYTE


def test_what_is_not_there_takes_none(tmp_path: Path) -> None:
    assert used_bytes(tmp_path / "none") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_what_is_mounted_below_does_not_count(tmp_path: Path) -> None:
    # With a space, which the kernel's list of mounts writes as \040.
    point = tmp_path / "a mount"
    point.mkdir()
    before = used_bytes(tmp_path)
    mount_in_memory(point, size_bytes=1 << 20, mode=0o700, group=None)
    try:
        (point / "a").write_bytes(CONTENT)
        assert used_bytes(tmp_path) <= before
    finally:
        unmount_below(tmp_path)
    assert not point.is_mount()
