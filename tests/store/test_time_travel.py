"""Reads as of a revision or a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.clock import NANOSECONDS_PER_SECOND, ManualClock
from kernel.store.errors import Compacted, FutureRevision
from kernel.store.log import Item, Operation, Write
from kernel.store.store import Durability, Store, StoreReader

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]


def delete(key: str) -> Write:
    return Write((Operation(key, None),))


async def write_a_past(store: Store, put: Put) -> None:
    """1 /a/x, 2 /a/y, 3 /a/x again, 4 /a/y deleted, 5 /b, 6 /a/y again."""
    await store.commit(put("/a/x", b"1"))
    await store.commit(put("/a/y", b"2"))
    await store.commit(put("/a/x", b"3"))
    await store.commit(delete("/a/y"))
    await store.commit(put("/b", b"5"))
    await store.commit(put("/a/y", b"6"))


async def test_a_key_as_it_was(directory: Path, durability: Durability, put: Put) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:
        await write_a_past(store, put)
    with StoreReader.open(directory) as reader:
        first, third = Item("/a/x", 1, b"1"), Item("/a/x", 3, b"3")
        past = [reader.get("/a/x", at=at) for at in range(7)]
        assert past == [None, first, first, third, third, third, third]
        second, sixth = Item("/a/y", 2, b"2"), Item("/a/y", 6, b"6")
        past = [reader.get("/a/y", at=at) for at in range(7)]
        assert past == [None, None, second, second, None, None, sixth]
        assert [reader.get("/none", at=at) for at in range(7)] == [None] * 7
        assert reader.get("/a", at=3) is None


async def test_a_collection_as_it_was_page_by_page(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability="process") as store:
        await write_a_past(store, put)
        seen = [[item.revision for item in store.scan("/", at=at)[0]] for at in range(7)]
        assert seen == [[], [1], [1, 2], [3, 2], [3], [3, 5], [3, 6, 5]]
        assert [store.scan("/", at=at)[1] for at in range(7)] == list(range(7))
        assert store.scan("/a/", at=3, limit=1) == ([Item("/a/x", 3, b"3")], 3)
        assert store.scan("/a/", at=3, after_key="/a/x") == ([Item("/a/y", 2, b"2")], 3)
        assert [store.count("/a/", at=at) for at in range(7)] == [0, 1, 2, 2, 1, 1, 2]
        assert store.count("/a/", at=3, after_key="/a/x") == 1


async def test_a_past_page_is_the_same_after_more_writes(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability="process") as store:
        for number in range(30):
            await store.commit(put(f"/k/{number:02}", b"old"))
        before, revision = store.scan("/k/")
        for number in range(0, 30, 3):
            await store.commit(delete(f"/k/{number:02}"))
            await store.commit(put(f"/k/{number:02}-new"))
        pages: list[Item] = []
        while page := store.scan(
            "/k/", at=revision, limit=7, after_key=pages[-1].key if pages else ""
        )[0]:
            pages.extend(page)
        assert pages == before


async def test_what_is_not_written_yet_is_refused(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability="process") as store:
        await write_a_past(store, put)
        for read in (
            lambda: store.get("/a/x", at=7),
            lambda: store.scan("/", at=7),
            lambda: store.count("/", at=7),
        ):
            with pytest.raises(FutureRevision, match=r"revision 7 is not written yet; .* is 6"):
                read()


async def test_what_is_compacted_is_refused_and_the_rest_is_exact(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:
        await write_a_past(store, put)
        expected = [store.scan("/", at=at) for at in range(4, 7)]
        await store.compact(4)
        assert [store.scan("/", at=at) for at in range(4, 7)] == expected
        for read in (
            lambda: store.get("/a/x", at=3),
            lambda: store.scan("/", at=0),
            lambda: store.count("/", at=3),
        ):
            with pytest.raises(Compacted, match="the oldest is 4"):
                read()


async def test_the_revision_of_a_time(directory: Path, put: Put) -> None:
    clock = ManualClock()
    async with Store.open_writer(directory, clock=clock, durability="process") as store:
        assert store.revision_at(clock.now_nanoseconds()) == 0
        start = clock.now_nanoseconds()
        for number in range(10):
            await store.commit(put(f"/a/{number}"))
            await store.commit(put(f"/a/{number}"))
            await clock.advance(1)
        for number in range(10):
            written_at = start + number * NANOSECONDS_PER_SECOND
            assert store.revision_at(written_at - 1) == 2 * number
            assert store.revision_at(written_at) == 2 * number + 2
        assert store.revision_at(2**63) == 20
        await store.compact(20)  # 1, 3, 5, … are gone
        assert [
            store.revision_at(start + number * NANOSECONDS_PER_SECOND) for number in range(10)
        ] == list(range(2, 21, 2))


class SteppedClock(ManualClock):
    """Wall time as it is told; the machine's may be set back."""

    told_nanoseconds = 1000

    def now_nanoseconds(self) -> int:
        return self.told_nanoseconds


async def test_times_never_decrease(directory: Path, durability: Durability, put: Put) -> None:
    clock = SteppedClock()
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        await store.commit(put("/a/x"))
        clock.told_nanoseconds = 500
        await store.commit(put("/a/x"))
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        await store.commit(put("/a/x"))
        clock.told_nanoseconds = 2000
        await store.commit(put("/a/x"))
        assert [one.time_nanoseconds for one in store.entries(1)[0]] == [1000, 1000, 1000, 2000]
        assert [store.revision_at(time) for time in (999, 1000, 1999, 2000)] == [0, 3, 3, 4]
