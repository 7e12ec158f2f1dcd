"""fork, backup, restore, export, import: copies that go on where the first one was."""

import io
import json
import os
import sys
from pathlib import Path

import anyio
import pytest

from kernel.clock import ManualClock
from kernel.store.log import Operation, Write
from kernel.store.store import Store, StoreReader

from .conftest import Command, Outcome


def log_of(run: Command, directory: Path) -> str:
    done = run("log", "--json", "--data-dir", directory)
    assert done.code == 0
    return done.out


def failed(done: Outcome, message: str) -> bool:
    """It ended with one line that says what is wrong."""
    assert (done.code, done.out, done.error.count("\n")) == (1, "", 1), done
    return message in done.error


def test_a_fork_ends_at_a_moment_and_shares_nothing(
    run: Command, data: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    done = run("fork", data, new, "--at", "2026-01-01T00:02:30Z")
    assert (done.code, done.error) == (0, "")
    assert done.out == f"{new} goes on from revision 3 of {data} (3 entries)\n"
    assert log_of(run, new).splitlines() == log_of(run, data).splitlines()[:3]
    assert run("get", "cm", "-o", "name", "--data-dir", new).out == "configmap/a\n"

    async def write() -> None:
        async with Store.open_writer(new, clock=ManualClock(), durability="process") as store:
            await store.commit(Write([Operation("/core/configmaps/default/c", b"{}")]))

    before = log_of(run, data)
    anyio.run(write)
    assert log_of(run, data) == before


def test_a_fork_has_an_owner_mark_of_its_own(run: Command, data: Path, tmp_path: Path) -> None:
    """Else it would take the first one's containers in a shared containerd for its own."""
    run("fork", data, tmp_path / "a")
    run("fork", tmp_path / "b", "--data-dir", data)
    marks = {(tmp_path / name / "runtime-owner").read_text() for name in "ab"}
    assert len(marks) == 2


def test_a_backup_is_restored_whole(run: Command, data: Path, tmp_path: Path) -> None:
    file, new = tmp_path / "file", tmp_path / "new"
    done = run("backup", file, "--data-dir", data)
    assert done.out == f"{file} holds 5 entries ({file.stat().st_size} bytes)\n"
    assert file.stat().st_mode & 0o777 == 0o600, "Secrets are in it"
    done = run("restore", file, new)
    assert (done.code, done.out) == (0, f"{new} is at revision 5\n")
    assert log_of(run, new) == log_of(run, data)
    assert run("restore", file, "--data-dir", tmp_path / "other").code == 0
    assert run("verify", "--data-dir", new).code == 0


@pytest.mark.parametrize("position", [5, 60, 400, -3])
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    run: Command, data: Path, tmp_path: Path, position: int
) -> None:
    file, new = tmp_path / "file", tmp_path / "new"
    run("backup", file, "--data-dir", data)
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    done = run("restore", file, new)
    assert failed(done, str(file))
    assert not new.exists()


def test_an_export_comes_back_the_same(
    run: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, new, third = tmp_path / "file", tmp_path / "new", tmp_path / "third"
    assert run("export", "--json", file, "--data-dir", data).out == f"{file} holds 5 entries\n"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0] == {"podkernelExport": 1, "oldestRevision": 1, "revision": 5, "entries": 5}
    assert [line["verb"] for line in lines[1:]] == [
        *("create", "create", "update", "create", "delete")
    ]
    assert lines[3]["object"]["data"] == {"x": "2"}
    done = run("import", file, "--data-dir", new)
    assert (done.code, done.out, done.error) == (0, f"{new} is at revision 5\n", "")
    with StoreReader.open(data) as first, StoreReader.open(new) as second:
        assert first.entries(1) == second.entries(1)
        assert first.scan("/") == second.scan("/")
    exported = run("export", "--json", "--data-dir", new).out
    assert exported == file.read_text()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(exported.encode())))
    assert run("import", "--data-dir", third).code == 0
    assert log_of(run, third) == log_of(run, data)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda lines: lines[1:], "its first line is not that of an export"),
        (lambda lines: [], "its first line is not that of an export"),
        (lambda lines: [lines[0].replace('Export":1', 'Export":2'), *lines[1:]], "has format 2"),
        (lambda lines: lines[:-1], "is cut short: it ends at revision 4 of 5"),
        (lambda lines: [*lines[:3], "{}", *lines[4:]], "line 4: it is no entry"),
        (lambda lines: [*lines[:3], lines[3].replace("update", "upset")], "line 4: it is no entry"),
        (lambda lines: [*lines[:2], *lines[3:]], "entries are missing between 1 and 3"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "entry 2 comes after entry 2"),
        (
            lambda lines: [
                line.replace('"previousRevision":2', '"previousRevision":1') for line in lines
            ],
            "holds no log that can be",
        ),
    ],
)
def test_what_is_no_export_is_refused_and_leaves_nothing(
    run: Command, data: Path, tmp_path: Path, edit: object, message: str
) -> None:
    file, new = tmp_path / "file", tmp_path / "new"
    run("export", "--json", file, "--data-dir", data)
    assert callable(edit)
    file.write_text("\n".join(edit(file.read_text().splitlines())))
    assert failed(run("import", file, "--data-dir", new), message)
    assert not new.exists()
    assert [path for path in tmp_path.iterdir() if "incomplete" in path.name] == []


def test_a_target_that_is_not_empty_stays_as_it_is(
    run: Command, data: Path, tmp_path: Path
) -> None:
    file, target = tmp_path / "file", tmp_path / "target"
    run("backup", file, "--data-dir", data)
    run("export", "--json", tmp_path / "lines", "--data-dir", data)
    target.mkdir()
    (target / "mine").write_text("mine")
    for command in (
        ("fork", data, target),
        ("restore", file, target),
        ("import", tmp_path / "lines", "--data-dir", target),
    ):
        assert failed(run(*command), f"{target} is not an empty directory")
    assert os.listdir(target) == ["mine"]


@pytest.mark.parametrize(
    "command",
    [
        ("fork", "missing", "new"),
        ("backup", "new", "--data-dir", "missing"),
        ("export", "--json", "new", "--data-dir", "missing"),
        ("restore", "missing", "new"),
        ("import", "missing", "--data-dir", "new"),
        ("verify", "--data-dir", "missing"),
        ("get", "pods", "--data-dir", "missing"),
        ("diff", "pod/a", "1", "--data-dir", "missing"),
    ],
)
def test_what_is_not_there_is_one_line(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert failed(run(*command), "missing")
    assert not (tmp_path / "new").exists()
