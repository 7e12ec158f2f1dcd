"""Directories that can't be used, are held, damaged, foreign or full; readers beside a writer."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import lmdb
import pytest

from kernel.clock import SystemClock
from kernel.store import schema
from kernel.store.errors import (
    DirectoryHeld,
    DirectoryUnusable,
    StoreClosed,
    StoreFull,
    UnknownFormat,
)
from kernel.store.log import Write
from kernel.store.store import Durability, Store, StoreReader

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]

CLOCK = SystemClock()
HOLD = """
import sys, anyio
from pathlib import Path
from kernel.clock import SystemClock
from kernel.store.log import Operation, Write
from kernel.store.store import Store

async def main():
    async with Store.open_writer(Path(sys.argv[1]), clock=SystemClock()) as store:
        for line in sys.stdin:
            (entry,) = await store.commit(Write((Operation(line.strip(), b"held"),)))
            print(entry.revision, flush=True)

anyio.run(main)
"""


@pytest.fixture
def holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the directory open for writing, and writes the keys it is told."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory), "--a-flag"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            tell(process, "/a/first")
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str], key: str) -> int:
    """Have the other process write a key; answers the revision."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{key}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


# ruff: noqa: ASYNC222, ASYNC240 -- these tests have nothing else to do


def run_as_nobody(code: str, *arguments: str) -> str:
    """The output of a Python program that runs without root's rights."""
    # What the interpreter loads late may lie where only root can read.
    preparation = "import os; anyio.run(anyio.sleep, 0)\n"
    preparation += "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    completed = subprocess.run(
        [sys.executable, "-c", IMPORTS + preparation + dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


IMPORTS = """
import sys, anyio
from pathlib import Path
from kernel.clock import SystemClock
from kernel.store.store import Store, StoreReader
from kernel.store.errors import StoreError
directory = Path(sys.argv[1])

async def open_writer():
    async with Store.open_writer(directory, clock=SystemClock()):
        pass
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give up its rights")


async def test_a_second_writer_is_told_who_holds_the_directory(
    directory: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(DirectoryHeld) as refused:
        async with Store.open_writer(directory, clock=CLOCK):
            pass
    assert f"{directory} is in use by process {holder.pid} (" in str(refused.value)
    assert "--a-flag" in str(refused.value)


async def test_the_same_process_can_not_hold_it_twice(directory: Path) -> None:
    async with Store.open_writer(directory, clock=CLOCK):
        with pytest.raises(DirectoryHeld, match=str(os.getpid())):
            async with Store.open_writer(directory, clock=CLOCK):
                pass


async def test_the_lock_ends_with_a_killed_holder_and_is_handed_over_in_order(
    directory: Path, holder: subprocess.Popen[str], put: Put
) -> None:
    holder.kill()
    holder.wait()
    for revision in (2, 3):
        async with Store.open_writer(directory, clock=CLOCK) as store:
            (entry,) = await store.commit(put("/a/second"))
            assert entry.revision == revision


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
async def test_a_forked_child_does_not_keep_the_directory(directory: Path) -> None:
    reading, writing = os.pipe()
    async with Store.open_writer(directory, clock=CLOCK):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the parent's end is closed
            os._exit(0)
    try:
        async with Store.open_writer(directory, clock=CLOCK) as store:
            assert store.revision == 0
    finally:
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


async def test_readers_see_what_another_process_has_committed(
    directory: Path, holder: subprocess.Popen[str]
) -> None:
    with StoreReader.open(directory) as reader:
        assert reader.revision == 1
        assert tell(holder, "/a/second") == 2
        assert reader.revision == 2
        assert [item.key for item in reader.scan("/a/")[0]] == ["/a/first", "/a/second"]
        assert [entry.key for entry in reader.entries(2)[0]] == ["/a/second"]
        holder.kill()
        holder.wait()
        assert reader.history("/a/second") == [2]
    with pytest.raises(StoreClosed):
        reader.get("/a/first")


@pytest.mark.parametrize("there", ["nothing", "empty directory", "file"])
def test_a_reader_needs_a_store(directory: Path, there: str) -> None:
    if there == "file":
        directory.write_text("something else")
    elif there == "empty directory":
        (directory / "log").mkdir(parents=True)
    with pytest.raises(DirectoryUnusable, match=str(directory)), StoreReader.open(directory):
        pass
    if there == "nothing":
        assert not directory.exists(), "a reader makes nothing"


@pytest.mark.parametrize("place", ["", "log"])
async def test_a_file_in_place_of_a_directory(directory: Path, place: str) -> None:
    (directory / place).parent.mkdir(exist_ok=True)
    (directory / place).write_text("something else")
    with pytest.raises(DirectoryUnusable, match=str(directory)):
        async with Store.open_writer(directory, clock=CLOCK):
            pass


@pytest.mark.parametrize("garbage", [b"no database" * 1000, b"short", b"\0" * 8192])
async def test_garbage_in_place_of_the_log(directory: Path, garbage: bytes) -> None:
    (directory / "log").mkdir(parents=True)
    (directory / "log" / "data.mdb").write_bytes(garbage)
    with pytest.raises(DirectoryUnusable, match=str(directory)):
        async with Store.open_writer(directory, clock=CLOCK):
            pass
    with pytest.raises(DirectoryUnusable, match=str(directory)), StoreReader.open(directory):
        pass
    assert (directory / "log" / "data.mdb").read_bytes() == garbage


async def test_a_database_of_another_program_is_left_alone(directory: Path) -> None:
    (directory / "log").mkdir(parents=True)
    with lmdb.open(str(directory / "log"), max_dbs=2) as foreign:
        foreign.open_db(b"theirs")
    with pytest.raises(DirectoryUnusable, match="not an event log"):
        async with Store.open_writer(directory, clock=CLOCK):
            pass
    with lmdb.open(str(directory / "log"), max_dbs=2) as foreign:
        assert foreign.stat()["entries"] == 1


async def test_another_format_is_refused_and_named(directory: Path) -> None:
    async with Store.open_writer(directory, clock=CLOCK):
        pass
    with lmdb.open(str(directory / "log"), max_dbs=6) as environment:
        meta = environment.open_db(b"meta")
        with environment.begin(db=meta, write=True) as transaction:
            transaction.put(schema.META_FORMAT, b"99")
    with pytest.raises(UnknownFormat, match="has format 99; this podkernel knows format 1"):
        async with Store.open_writer(directory, clock=CLOCK):
            pass
    with pytest.raises(UnknownFormat, match="99"), StoreReader.open(directory):
        pass


@needs_root
async def test_a_directory_without_permission(tmp_path: Path, directory: Path, put: Put) -> None:
    for place in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        place.chmod(0o755)
    async with Store.open_writer(directory, clock=CLOCK) as store:
        await store.commit(put("/a/x"))
    directory.chmod(0o755)
    attempt = """
    for what in ("write", "read"):
        try:
            if what == "write":
                anyio.run(open_writer)
            else:
                with StoreReader.open(directory):
                    pass
        except StoreError as error:
            print(what, type(error).__name__, error)
    """
    written, read = run_as_nobody(attempt, str(directory)).splitlines()
    assert written == f"write DirectoryUnusable {directory}: Permission denied"
    assert read.startswith(f"read DirectoryUnusable {directory}")
    assert read.endswith("Permission denied")
    directory.chmod(0o700)
    assert run_as_nobody(attempt, str(directory)).splitlines() == [
        f"write DirectoryUnusable {directory}: Permission denied",
        f"read DirectoryUnusable {directory}: Permission denied",
    ]


async def test_a_flipped_byte_is_found(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for number in range(1, 6):
            await store.commit(put(f"/a/{number}", b"value-%d" % number))
    with lmdb.open(str(directory / "log"), max_dbs=6) as environment:
        log = environment.open_db(b"log")
        with environment.begin(db=log, write=True) as transaction:
            records = {
                schema.unpack_revision(revision): record
                for revision, record in transaction.cursor()
            }
    for revision, record in records.items():
        schema.verify_entry(revision, record)
    record = records[3]
    for position in range(len(record)):
        for bit in (0x01, 0x80):
            damaged = bytearray(record)
            damaged[position] ^= bit
            with pytest.raises(schema.CorruptEntry, match="entry 3 is damaged"):
                schema.verify_entry(3, bytes(damaged))
    with pytest.raises(schema.CorruptEntry):
        schema.verify_entry(2, record)  # intact, and not its place
    with pytest.raises(schema.CorruptEntry):
        schema.verify_entry(3, record[:-1])


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB in memory."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def resize(file_system: Path, size: str) -> None:
    """Give a mounted file system in memory another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(file_system)], check=True)


def fill(ballast: Path) -> None:
    """Take what room there is."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


@pytest.mark.root
async def test_a_full_disk_refuses_writes_and_nothing_else(
    small_file_system: Path, durability: Durability, put: Put
) -> None:
    directory = small_file_system / "data"
    opening = Store.open_writer(directory, clock=CLOCK, durability=durability)
    async with opening as store:
        written = 0

        async def fill() -> None:
            nonlocal written
            for number in range(1000):
                await store.commit(put(f"/a/{number:04}", os.urandom(8000)))
                written += 1

        with pytest.raises(StoreFull) as refused:
            await fill()
        assert str(refused.value) == f"{directory / 'log'}: no space left for the write"
        assert 10 < written < 1000
        for _ in range(3):
            with pytest.raises(StoreFull):
                await store.commit(put("/a/big", os.urandom(100_000)))
        assert store.revision == store.published_revision == written
        assert len(store.scan("/a/")[0]) == written
        with store.watch("/a/", after_revision=0) as watch:
            assert len(await anext(watch)) == written
        resize(small_file_system, "4m")
        (entry,) = await store.commit(put("/a/big", os.urandom(100_000)))
        assert entry.revision == written + 1
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        assert store.revision == written + 1
        assert [entry.revision for entry in store.entries(1)[0]] == list(range(1, written + 2))


@pytest.mark.root
async def test_a_store_on_a_full_disk_can_be_opened_or_says_why_not(
    small_file_system: Path, put: Put
) -> None:
    directory = small_file_system / "data"
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        await store.commit(put("/a/x"))
    fill(small_file_system / "ballast")
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        assert store.get("/a/x") is not None
    with pytest.raises(DirectoryUnusable, match="No space left"):
        async with Store.open_writer(small_file_system / "new", clock=CLOCK):
            pass
