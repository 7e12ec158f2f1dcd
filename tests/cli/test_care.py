"""verify, compact, and the progress of long work."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from kernel.cli import progress
from kernel.cli.progress import show_progress, showing_progress
from kernel.clock import ManualClock
from kernel.store.snapshot import Progress
from kernel.store.store import Store

from .conftest import Command


def test_a_sound_store_is_said_to_be(run: Command, data: Path) -> None:
    done = run("verify", "--data-dir", data)
    sound = f"{data} is sound: 5 entries, revisions 1 to 5, 2 objects\n"
    assert (done.code, done.out, done.error) == (0, sound, "")


def test_damage_is_named(run: Command, data: Path) -> None:
    file = data / "log" / "data.mdb"
    content = file.read_bytes()
    assert b'"x":"1"' in content, "the state of revision 2"
    file.write_bytes(content.replace(b'"x":"1"', b'"x":"7"'))
    done = run("verify", "--data-dir", data)
    assert (done.code, done.out) == (1, "")
    assert "entry 2 is damaged" in done.error


def test_a_damaged_entry_ends_the_log_with_a_line(run: Command, data: Path) -> None:
    file = data / "log" / "data.mdb"
    file.write_bytes(file.read_bytes().replace(b"configmaps/default/b", b"configmaps/default/\xff"))
    done = run("log", "--data-dir", data)
    assert (done.code, done.error.count("\n")) == (1, 1)
    assert "entry 4 is damaged" in done.error
    assert len(done.out.splitlines()) == 4, "the heading and what is before it"


def test_compacting_where_nothing_is_makes_nothing(run: Command, tmp_path: Path) -> None:
    done = run("compact", "--shrink", "--data-dir", tmp_path / "mistyped")
    assert done.code == 1
    assert "there is no event log in it" in done.error
    assert not (tmp_path / "mistyped").exists()


def test_compacting_forgets_the_past_and_shrinking_gives_room_back(
    run: Command, data: Path
) -> None:
    done = run("compact", "--at", "4", "--shrink", "--data-dir", data)
    assert (done.code, done.error) == (0, "")
    begins, shrunk = done.out.splitlines()
    assert begins == f"{data} begins with revision 4 now"
    file = data / "log" / "data.mdb"
    assert shrunk.startswith(f"{file} has {file.stat().st_size} bytes now, instead of ")
    assert run("verify", "--data-dir", data).code == 0
    assert run("get", "cm", "-o", "name", "--at", "4", "--data-dir", data).out == (
        "configmap/a\nconfigmap/b\n"
    )
    refused = run("get", "cm", "--at", "3", "--data-dir", data).error
    assert "the log does not reach back to revision 3: its oldest revision is 4" in refused
    assert (
        "(the state before it is no longer in the log)"
        not in run("log", "cm/b", "--data-dir", data).out
    )


def test_without_a_moment_a_day_is_kept(run: Command, data: Path) -> None:
    """Its entries are of New Year's Day 2026, and the newest of any state is kept."""
    done = run("compact", "--data-dir", data)
    assert done.out == f"{data} begins with revision 5 now\n"
    assert run("get", "cm", "-o", "name", "--data-dir", data).out == "configmap/b\n"


def test_what_is_held_by_a_writer_is_not_compacted(run: Command, data: Path) -> None:
    async def beside() -> None:
        async with Store.open_writer(data, clock=ManualClock(), durability="process"):
            done = await anyio.to_thread.run_sync(lambda: run("compact", "--data-dir", data))
            assert done.code == 1
            assert f"{data} is in use by process" in done.error

    anyio.run(beside)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--retain-age", "a week"),
            '--retain-age: "a week" is no duration: expected one such as 90s, 1h30m or 7d',
        ),
        (("--retain-age", "24"), "--retain-age: "),
        (("--retain-entries", "-1"), "--retain-entries: -1 is less than 0"),
    ],
)
def test_a_retention_that_makes_no_sense_is_refused_at_the_start(
    run: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run("dev", *arguments, "--data-dir", tmp_path / "new")
    assert (done.code, done.out) == (1, "")
    assert done.error.startswith(f"podkernel: {message}")
    assert not (tmp_path / "new").exists()


def work(clock: ManualClock, seconds: float) -> Iterator[Progress]:
    for done in range(0, 101, 10):
        yield Progress(done, 100)
        anyio.run(clock.advance, seconds)


def test_quick_work_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_progress(work(ManualClock(), 0), "working") == 100
    assert capsys.readouterr() == ("", "")


def test_slow_work_says_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    with showing_progress("working", clock) as report:
        for one in work(clock, 2):
            report(one)
    out, error = capsys.readouterr()
    assert out == ""
    assert error.splitlines() == [
        "working: 10 of 100 entries (10 %)",
        "working: 40 of 100 entries (40 %)",
        "working: 70 of 100 entries (70 %)",
        "working: 100 of 100 entries (100 %)",
    ]


def test_slow_work_has_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)  # type: ignore[attr-defined]
    clock = ManualClock()
    with showing_progress("working", clock) as report:
        for one in work(clock, 2):
            report(one)
    assert "working" in capsys.readouterr().err
