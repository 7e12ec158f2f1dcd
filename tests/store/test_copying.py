"""Forks, backups, imports, shrinking: the copy answers as the first did, and shares nothing."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import anyio
import pytest

from kernel.clock import SystemClock
from kernel.store.backup import BackupDamaged, back_up
from kernel.store.copying import fork, import_entries, restore, shrink
from kernel.store.errors import (
    Compacted,
    DirectoryHeld,
    DirectoryUnusable,
    FutureRevision,
    StoreError,
    UnknownFormat,
)
from kernel.store.log import Operation, Write
from kernel.store.schema import Entry
from kernel.store.snapshot import PROGRESS_ENTRIES, Progress
from kernel.store.store import LOG_DIRECTORY_NAME, Projection, Store, StoreReader
from kernel.store.verification import verify

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]

CLOCK = SystemClock()

# ruff: noqa: ASYNC240 -- these tests have nothing else to do


def finish(steps: Iterable[Progress]) -> Progress:
    """Iterate to the end; answers the last report."""
    reports = list(steps)
    assert [one.done for one in reports] == sorted(one.done for one in reports)
    return reports[-1]


def all_of(directory: Path) -> object:
    """Everything that can be read from a store, which must be sound."""
    with StoreReader.open(directory) as reader:
        finish(verify(reader))
        entries, _ = reader.entries(1, with_gaps=True)
        return (
            *(reader.revision, reader.oldest_revision, entries, reader.scan("/")),
            {entry.key: reader.history(entry.key) for entry in entries},
            [reader.remembered(key) for key in ("one", "two")],
            reader.projection("fold"),
        )


@pytest.fixture
async def source(directory: Path, put: Put) -> Path:
    """A store of 60 entries, compacted to 20."""
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for number in range(14):
            await store.commit(put(f"/k/{number % 4}", b"%d" % number))
            await store.commit(put(f"/once/{number}"))
            await store.commit(Write((Operation(f"/k/{number % 3}", None),)))
        await store.compact(20)
        pair = (Operation("/a/1", b"1"), Operation("/a/2", b"2"))
        await store.commit(Write(pair, "actor", 7, "one"))
        await store.save_projection("fold", Projection(store.revision, 3, b"state"))
        while store.revision < 60:
            await store.commit(put("/k/0", b"x" * 5000))
    return directory


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "some" / "target"


async def test_a_fork_is_what_the_first_was_at_a_revision(source: Path, target: Path) -> None:
    with StoreReader.open(source) as reader:
        for at in (20, 21, 33, 42, 43, 60):
            place = target.with_name(f"at-{at}")
            report = finish(fork(reader, place, at=at))
            with StoreReader.open(place) as copy:
                finish(verify(copy))
                assert copy.revision == at
                assert copy.scan("/") == reader.scan("/", at=at)
                assert copy.entries(20) == reader.entries(20, last_revision=at)
                assert report.done == report.total == len(copy.entries(1, with_gaps=True)[0])
                with pytest.raises(Compacted):
                    copy.get("/k/0", at=19)
                seen = reader.projection("fold")
                assert seen is not None
                assert copy.projection("fold") == (seen if seen.revision <= at else None)
        with pytest.raises(Compacted):
            finish(fork(reader, target, at=19))
        with pytest.raises(FutureRevision):
            finish(fork(reader, target, at=61))
        assert not target.exists()


async def test_a_fork_and_its_source_go_different_ways(
    source: Path, target: Path, put: Put
) -> None:
    async with Store.open_writer(source, clock=CLOCK, durability="process") as store:
        finish(fork(store, target))
        before = all_of(target)
        await store.commit(put("/k/0", b"source"))
        assert all_of(target) == before
        async with Store.open_writer(target, clock=CLOCK, durability="process") as copy:
            (entry,) = await copy.commit(put("/k/0", b"copy"))
            assert entry.revision == 61
            await copy.compact(61)
            item = store.get("/k/0")
            assert item is not None
            assert item.value == b"source"


@pytest.mark.parametrize("there", ["a file", "something in it"])
async def test_what_is_there_is_not_overwritten(source: Path, target: Path, there: str) -> None:
    target.parent.mkdir()
    if there == "a file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "mine").write_text("mine")
    with (
        StoreReader.open(source) as reader,
        pytest.raises(DirectoryUnusable, match="is not an empty directory"),
    ):
        finish(fork(reader, target))
    assert list(target.parent.iterdir()) == [target]


async def test_a_copy_that_is_given_up_leaves_nothing(source: Path, target: Path) -> None:
    with StoreReader.open(source) as reader:
        copying = iter(fork(reader, target))
        next(copying)
        assert any(target.parent.iterdir())
        copying.close()  # type: ignore[attr-defined]
    assert list(target.parent.iterdir()) == []


async def test_a_backup_restores_all_while_the_source_is_written(
    source: Path, target: Path, tmp_path: Path, put: Put
) -> None:
    before = all_of(source)
    file = tmp_path / "backup"
    async with Store.open_writer(source, clock=CLOCK, durability="process") as store:
        steps = back_up(store, file)
        next(iter(steps))
        await store.commit(put("/k/0", b"later"))
        await store.compact(61)
        finish(steps)
    assert file.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.iterdir() if "incomplete" in one.name] == []
    target.mkdir(parents=True)
    finish(restore(file, target))
    assert all_of(target) == before
    assert list(target.parent.iterdir()) == [target]


async def test_a_cut_or_flipped_backup_is_refused(
    source: Path, target: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    with StoreReader.open(source) as reader:
        finish(back_up(reader, file))
    whole = file.read_bytes()
    for length in (0, 5, 17, 30, 200, len(whole) // 2, len(whole) - 32, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(BackupDamaged, match="backup"):
            finish(restore(file, target))
    for position in (*range(0, 400, 7), *range(400, len(whole), 1999), len(whole) - 1):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        file.write_bytes(damaged)
        with pytest.raises(BackupDamaged, match="damaged"):
            finish(restore(file, target))
    file.write_bytes(whole + b"\0")
    with pytest.raises(BackupDamaged):
        finish(restore(file, target))
    assert not target.exists()
    with pytest.raises(DirectoryUnusable, match="No such file"):
        finish(restore(tmp_path / "none", target))


async def test_a_backup_of_another_format_is_refused(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup"
    with monkeypatch.context() as patched, StoreReader.open(source) as reader:
        patched.setattr("kernel.store.backup.FORMAT", 2)
        finish(back_up(reader, file))
    with pytest.raises(UnknownFormat, match=r"has format 2\.1; this podkernel knows format 1\.1"):
        finish(restore(file, target))


async def test_a_backup_that_can_not_be_written_says_so(source: Path, tmp_path: Path) -> None:
    with (
        StoreReader.open(source) as reader,
        pytest.raises(DirectoryUnusable, match="No such file or directory"),
    ):
        finish(back_up(reader, tmp_path / "none" / "backup"))


async def test_entries_can_be_imported(source: Path, target: Path) -> None:
    with StoreReader.open(source) as reader:
        entries, _ = reader.entries(1, with_gaps=True)
    report = finish(import_entries(entries, target, oldest_revision=20, total=len(entries)))
    assert report == Progress(len(entries), len(entries))
    with StoreReader.open(source) as first, StoreReader.open(target) as copy:
        finish(verify(copy))
        assert copy.entries(1, with_gaps=True) == first.entries(1, with_gaps=True)
        assert copy.scan("/") == first.scan("/")
        assert copy.remembered("one") == first.remembered("one") != []
        assert copy.oldest_revision == 20


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ([0, 2], "entries are missing between 1 and 3"),
        ([1, 2], "entries are missing between 0 and 2"),
        ([0, 1, 1], "entry 2 comes after entry 2"),
        ([1, 0], "missing between 0 and 2"),
    ],
)
async def test_entries_in_no_good_order_are_refused(
    directory: Path, target: Path, put: Put, order: list[int], complaint: str
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for _ in range(3):
            await store.commit(put("/a/x"))
        entries, _ = store.entries(1)

    def chosen() -> Iterator[Entry]:
        return (entries[index] for index in order)

    with pytest.raises(StoreError, match=complaint):
        finish(import_entries(chosen(), target))
    assert not target.exists()


async def test_shrinking_gives_room_back_and_changes_nothing(directory: Path, put: Put) -> None:
    data_file = directory / LOG_DIRECTORY_NAME / "data.mdb"
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        async with anyio.create_task_group() as tasks:
            for number in range(PROGRESS_ENTRIES + 10):
                tasks.start_soon(store.commit, put(f"/k/{number % 10}", b"v" * 1000))
        await store.compact(store.revision)
        with pytest.raises(DirectoryHeld):
            finish(shrink(directory))
    before, size = all_of(directory), data_file.stat().st_size
    finish(shrink(directory))
    assert data_file.stat().st_size < size / 10
    assert all_of(directory) == before
    assert sorted(one.name for one in directory.iterdir()) == ["log", "writer.lock"]
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        (entry,) = await store.commit(put("/k/0"))
        assert entry.revision == PROGRESS_ENTRIES + 11


async def test_shrinking_needs_a_store(target: Path) -> None:
    with pytest.raises(DirectoryUnusable):
        finish(shrink(target))
    assert not target.exists()
