"""Full maps, cut files, flipped bytes, file systems that take no writes: each is said clearly,
what is there can be read, and nothing is lost without a word."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest

from kernel.clock import SystemClock
from kernel.store.errors import DirectoryUnusable, StoreDamaged, StoreFull
from kernel.store.log import Write
from kernel.store.schema import CorruptEntry
from kernel.store.store import LOG_DIRECTORY_NAME, Durability, Projection, Store, StoreReader
from kernel.store.verification import verify

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]

CLOCK = SystemClock()
PAGE_BYTES = 4096

# ruff: noqa: ASYNC221, ASYNC240 -- these tests have nothing else to do


@pytest.fixture
def data_file(directory: Path) -> Path:
    return directory / LOG_DIRECTORY_NAME / "data.mdb"


async def fill(store: Store, put: Put, keys: int = 1_000_000) -> int:
    """Write until that is refused; answers how often it was not."""
    written = 0
    with suppress(StoreFull):
        while True:
            await store.commit(put(f"/a/{written % keys}", os.urandom(9000)))
            written += 1
    return written


async def test_a_full_map_refuses_writes_and_nothing_else(
    directory: Path, durability: Durability, put: Put
) -> None:
    opening = Store.open_writer(
        directory, clock=CLOCK, durability=durability, map_size_bytes=1024**2
    )
    async with opening as store:
        written = await fill(store, put)
        assert written > 10
        with pytest.raises(StoreFull, match="the map is full: no space left for the write"):
            await store.commit(put("/b", os.urandom(300_000)))
        for _ in range(3):
            with pytest.raises(StoreFull):
                await store.commit(put("/b", os.urandom(300_000)))
            with pytest.raises(StoreFull):
                await store.save_projection("fold", Projection(1, 1, os.urandom(300_000)))
        assert store.revision == store.published_revision == written
        assert len(store.scan("/a/")[0]) == written
        with store.watch("/", after_revision=0) as watch:
            assert len(await anext(watch)) == written
        list(verify(store))
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        (entry,) = await store.commit(put("/b", os.urandom(300_000)))
        assert entry.revision == written + 1
        list(verify(store))


LIMITED = """
import os, resource, sys, anyio
from pathlib import Path
from kernel.clock import SystemClock
from kernel.store.errors import StoreFull
from kernel.store.log import Operation, Write
from kernel.store.store import Store

async def main():
    directory, durability = Path(sys.argv[1]), sys.argv[2]
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
        written = 0
        try:
            while True:
                await store.commit(Write((Operation(f"/a/{written}", os.urandom(5000)),)))
                written += 1
        except StoreFull as error:
            print(error)
        assert written > 10
        assert len(store.scan("/a/")[0]) == store.revision == written
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        (entry,) = await store.commit(Write((Operation("/b", b""),)))
        print(entry.revision - written)

anyio.run(main)
"""


async def test_a_limit_on_the_size_of_files_refuses_writes_until_it_is_lifted(
    directory: Path, durability: Durability
) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", dedent(LIMITED), str(directory), durability],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.splitlines() == [
        f"{directory / LOG_DIRECTORY_NAME}: no space left for the write",
        "1",
    ]


@pytest.mark.parametrize("missing_pages", [1, 5, 1000])
async def test_a_file_cut_short_is_refused_and_left_alone(
    directory: Path, data_file: Path, put: Put, missing_pages: int
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for number in range(1000):
            await store.commit(put(f"/a/{number}", b"v" * 3000))
    size = data_file.stat().st_size
    os.truncate(data_file, max(size - missing_pages * PAGE_BYTES, 3 * PAGE_BYTES))
    cut = data_file.read_bytes()
    complaint = f"data.mdb is cut short: it has {len(cut)} bytes of {size}"
    with pytest.raises(StoreDamaged, match=complaint):
        async with Store.open_writer(directory, clock=CLOCK):
            pass
    with pytest.raises(StoreDamaged, match=complaint), StoreReader.open(directory):
        pass
    assert data_file.read_bytes() == cut


def flip(data_file: Path, pattern: bytes) -> int:
    """Flip a bit in all places of a text in a file; answers how many there were."""
    content = data_file.read_bytes()
    damaged = bytes([pattern[0] ^ 1]) + pattern[1:]
    data_file.write_bytes(content.replace(pattern, damaged))
    return content.count(pattern)


async def test_a_flipped_byte_is_named_and_the_rest_can_be_read(
    directory: Path, data_file: Path, put: Put
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for number in range(1, 10):
            await store.commit(put(f"/a/{number}", b"value number %d" % number))
        await store.commit(put("/a/3", b"another"))
    assert flip(data_file, b"value number 3") >= 1
    with StoreReader.open(directory) as reader:
        with pytest.raises(CorruptEntry, match="entry 3 is damaged: its checksum does not match"):
            reader.entry(3)
        with pytest.raises(CorruptEntry, match="entry 3 "):
            reader.get("/a/3", at=9)
        with pytest.raises(CorruptEntry, match="entry 3 "):
            reader.scan("/a/", at=9)
        with pytest.raises(StoreDamaged, match="entry 3 is damaged"):
            list(verify(reader))
        assert [item.revision for item in reader.scan("/a/")[0]] == [1, 2, 10, 4, 5, 6, 7, 8, 9]
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        (entry,) = await store.commit(put("/a/3", b"mended"))
        assert entry.revision == 11


async def test_a_damaged_tree_is_an_error_and_no_crash(
    directory: Path, data_file: Path, put: Put
) -> None:
    """Pages of zeros, as a file system leaves blocks that it has lost."""
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for number in range(2000):
            await store.commit(put(f"/a/{number:04}", b"v" * 1000))
    content = bytearray(data_file.read_bytes())
    middle = len(content) // PAGE_BYTES // 2 * PAGE_BYTES
    content[middle : middle + 100 * PAGE_BYTES] = bytes(100 * PAGE_BYTES)
    data_file.write_bytes(content)
    with StoreReader.open(directory) as reader, pytest.raises(StoreDamaged):
        list(verify(reader))


@pytest.fixture
def file_system(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a file system")
    place = tmp_path / "mounted"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.root
async def test_a_read_only_file_system_can_be_read_and_not_written(
    file_system: Path, put: Put
) -> None:
    directory = file_system / "data"
    async with Store.open_writer(directory, clock=CLOCK) as store:
        await store.commit(put("/a"))
    subprocess.run(["mount", "-o", "remount,ro", str(file_system)], check=True)
    with pytest.raises(DirectoryUnusable, match="Read-only file system"):
        async with Store.open_writer(directory, clock=CLOCK):
            pass
    with StoreReader.open(directory) as reader:
        assert [item.key for item in reader.scan("/")[0]] == ["/a"]
        list(verify(reader))
    subprocess.run(["mount", "-o", "remount,rw", str(file_system)], check=True)
    async with Store.open_writer(directory, clock=CLOCK) as store:
        (entry,) = await store.commit(put("/a"))
        assert entry.revision == 2


@pytest.mark.root
async def test_compaction_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room(
    file_system: Path, durability: Durability, put: Put
) -> None:
    directory = file_system / "data"
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        await fill(store, put, keys=7)
        state = store.scan("/")
        newest = store.revision
        refused = False
        try:
            await store.compact(newest)
        except StoreFull:
            refused = True
        assert store.scan("/") == state
        subprocess.run(["mount", "-o", "remount,size=16m", str(file_system)], check=True)
        await store.compact(newest)
        assert store.scan("/") == state
        assert store.oldest_revision == newest
        list(verify(store))
        subprocess.run(["mount", "-o", "remount,size=8500k", str(file_system)], check=refused)
        for _ in range(100):  # in the room that the compaction has made
            await store.commit(put("/a/0", os.urandom(9000)))
