import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kernel.reconcilers.pod.volumes.files import File, old_versions, write_files
from tests.reconcilers.pod.made_up import START, seconds

STEPS = (
    *((os, name) for name in ("open", "fchmod", "readlink")),
    *((Path, name) for name in ("mkdir", "chmod", "symlink_to", "replace", "unlink", "iterdir")),
    (shutil, "rmtree"),
)


class Killed(BaseException):
    """The end of the process, as far as a test can have it."""


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Ends what runs inside at its `step`-th call to the file system."""
    left = step

    def wrapped(call: Any) -> Any:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return call(*arguments, **keywords)

        return counted

    with pytest.MonkeyPatch.context() as patching:
        for owner, name in STEPS:
            patching.setattr(owner, name, wrapped(getattr(owner, name)))
        yield


def _files(**texts: str) -> dict[str, File]:
    return {name.replace("__", "/"): File(text.encode(), 0o644) for name, text in texts.items()}


def _read(volume: Path) -> dict[str, str]:
    """What a container sees: names that lead nowhere are not there for it."""
    return {
        str(path.relative_to(volume)): path.read_text()
        for path in [*volume.glob("*"), *volume.glob("*/*")]
        if not path.relative_to(volume).parts[0].startswith("..") and path.is_file()
    }


def _texts(files: dict[str, File]) -> dict[str, str]:
    return {name: file.content.decode() for name, file in files.items()}


def test_the_layout_is_the_kubelet_s(tmp_path: Path) -> None:
    moment = seconds(0.123456789)
    write_files(tmp_path, _files(colour="blue", deep__size="9"), moment, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("..2027_01_15_08_00_00.123456789", "..data", "colour", "deep"),
    ]
    assert os.readlink(tmp_path / "..data") == "..2027_01_15_08_00_00.123456789"
    assert os.readlink(tmp_path / "deep") == "..data/deep"
    assert write_files(tmp_path, _files(colour="red", deep__size="9"), moment, None)
    assert os.readlink(tmp_path / "..data") == "..2027_01_15_08_00_00.123456790"
    assert old_versions(tmp_path) == [tmp_path / "..2027_01_15_08_00_00.123456789"]
    assert not write_files(tmp_path, _files(colour="red", deep__size="9"), moment, None)


def test_whoever_has_a_file_open_goes_on_reading_it(tmp_path: Path) -> None:
    write_files(tmp_path, _files(colour="blue"), START, None)
    with (tmp_path / "colour").open() as before:
        write_files(tmp_path, _files(colour="red"), START, None)
        assert before.read() == "blue"
    assert _read(tmp_path) == {"colour": "red"}


OLD = _files(colour="blue", size="9", deep__a="1")
NEW = _files(colour="red", deep__b="2", extra="x")


def test_a_kill_at_any_step_leaves_old_or_new_and_nothing_for_later(tmp_path: Path) -> None:
    for step in range(200):
        volume = tmp_path / str(step)
        write_files(volume, OLD, START, None)
        try:
            with killed_at(step):
                write_files(volume, NEW, seconds(1), None)
        except Killed:
            # Names of old files that are new ones too are read in one version or the other.
            assert _read(volume) in (_texts(OLD), _texts(NEW))
            write_files(volume, NEW, seconds(2), None)
            assert _read(volume) == _texts(NEW)
            versions = {path.name for path in volume.iterdir() if path.name.startswith("..2")}
            old = {path.name for path in old_versions(volume)}
            assert versions - old == {os.readlink(volume / "..data")}
        else:
            assert step > 10
            return
    raise AssertionError("a write has more than 200 steps")


_CONTENT = st.dictionaries(
    st.sampled_from(["a", "b", "c/d", "c/e", "f/g/h"]),
    st.builds(File, st.binary(max_size=3), st.sampled_from([0o600, 0o644, 0o444])),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(_CONTENT, min_size=1, max_size=4))
def test_the_last_write_is_what_is_there(tmp_path: Path, writes: list[dict[str, File]]) -> None:
    shutil.rmtree(tmp_path / "volume", ignore_errors=True)
    for number, files in enumerate(writes):
        write_files(tmp_path / "volume", files, seconds(number), None)
    found = {
        name: File((tmp_path / "volume" / name).read_bytes(), _mode(tmp_path / "volume" / name))
        for name in writes[-1]
    }
    assert found == writes[-1]
    names = {path.name for path in (tmp_path / "volume").iterdir() if path.name[:2] != ".."}
    assert names == {name.partition("/")[0] for name in writes[-1]}


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to groups")
def test_files_of_a_group_are_readable_to_it(tmp_path: Path) -> None:
    files = {"deep/secret": File(b"x", 0o400), "script": File(b"y", 0o755)}
    write_files(tmp_path / "volume", files, START, 2000)
    volume = tmp_path / "volume"
    assert [(_mode(volume / name), (volume / name).stat().st_gid) for name in files] == [
        *((0o440, 2000), (0o755, 2000)),
    ]
    for directory in (volume, volume / "..data/", volume / "deep/"):
        assert (_mode(directory), directory.stat().st_gid) == (0o2755, 2000)
    assert not write_files(volume, files, seconds(1), 2000)
