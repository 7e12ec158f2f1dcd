"""Compaction: what goes, what stays, who is told; room is used again; retention."""

import math
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, strategies as st

from kernel.clock import NANOSECONDS_PER_SECOND, ManualClock, SystemClock
from kernel.store import compaction
from kernel.store.compaction import SWEPT_ENTRIES_MAX, Retention
from kernel.store.errors import Compacted, FutureRevision
from kernel.store.log import Log, Operation, Write
from kernel.store.schema import CorruptEntry
from kernel.store.store import LOG_DIRECTORY_NAME, Durability, Store
from kernel.store.verification import verify
from kernel.store.watch import RECENT_MAX

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]

CLOCK = SystemClock()


def left(store: Store) -> list[int]:
    return [entry.revision for entry in store.entries(1, with_gaps=True)[0]]


async def test_what_was_replaced_goes_and_what_exists_stays(
    directory: Path, durability: Durability, put: Put
) -> None:
    """The example that kernel/store/schema.py draws."""
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        for key in ("/a", "/b", "/a"):
            await store.commit(put(key))
        await store.commit(Write((Operation("/b", None),)))
        for key in ("/c", "/d", "/a", "/e"):
            await store.commit(put(key))
        await store.compact(6)
        assert left(store) == [3, 5, 6, 7, 8]
        assert store.oldest_revision == 6
        assert [entry.revision for entry in store.entries(6)[0]] == [6, 7, 8]
        with pytest.raises(Compacted, match=r"revision 5 .* the oldest is 6"):
            store.entries(5)
        assert store.history("/a") == [3, 7]
        assert store.history("/b") == []
        await store.compact(2)  # it never goes back
        assert store.oldest_revision == 6
        with pytest.raises(FutureRevision):
            await store.compact(9)
        await store.compact(8)
        assert left(store) == [5, 6, 7, 8]
        (entry,) = await store.commit(put("/f"))
        assert entry.revision == 9


async def test_a_delete_at_the_compaction_point_goes_with_the_next_compaction(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        await store.commit(put("/a"))
        await store.commit(Write((Operation("/a", None),)))
        await store.compact(2)
        assert left(store) == [2]
        assert store.revision == 2
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        assert store.revision == 2
        await store.commit(put("/b"))
        await store.compact(3)
        assert left(store) == [3]
        assert store.oldest_revision == 3


async def test_a_compaction_that_was_cut_short_is_taken_up(directory: Path, put: Put) -> None:
    total = 3 * SWEPT_ENTRIES_MAX
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for _ in range(total):
            await store.commit(put("/a"))
        state = store.scan("/")
    log = Log(directory / LOG_DIRECTORY_NAME)
    compaction.begin(log, total - 1)
    assert compaction.sweep(log, total - 1), "there must be more to do"
    log.close()
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        assert store.oldest_revision == total - 1
        assert len(left(store)) > 2
        with pytest.raises(Compacted), store.watch("/", after_revision=1):
            pass
        await store.compact(0)
        assert left(store) == [total - 1, total]
        assert store.scan("/") == state


@pytest.mark.parametrize("lag", ["in memory", "on disk"])
async def test_a_watch_that_lags_behind_is_told_and_others_go_on(
    directory: Path, durability: Durability, put: Put, lag: str
) -> None:
    total = 10 if lag == "in memory" else RECENT_MAX + 10
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        with (
            store.watch("/a/", after_revision=0) as lagging,
            store.watch("/idle/", after_revision=0) as idle,
        ):
            async with anyio.create_task_group() as tasks:
                for number in range(total):
                    tasks.start_soon(store.commit, put(f"/a/{number % 3}"))
            await store.compact(total - 2)
            with pytest.raises(Compacted, match=f"the oldest is {total - 2}"):
                await anext(lagging)
            with pytest.raises(Compacted):
                await anext(lagging)
            with pytest.raises(Compacted), store.watch("/", after_revision=total - 3):
                pass
            with store.watch("/a/", after_revision=total - 2) as watch:
                assert [entry.revision for entry in await anext(watch)] == [total - 1, total]
            await store.commit(put("/idle/x"))
            assert [entry.revision for entry in await anext(idle)] == [total + 1]


async def test_an_idle_watch_outlives_what_is_kept_in_memory(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        with store.watch("/idle/", after_revision=0) as idle:
            await store.commit(put("/idle/x"))
            assert len(await anext(idle)) == 1
            for _ in range(RECENT_MAX * 2):
                await store.commit(put("/a/x"))
            await store.compact(store.revision)
            await store.commit(put("/idle/x"))
            assert [entry.revision for entry in await anext(idle)] == [RECENT_MAX * 2 + 2]


async def test_writers_go_on_while_a_compaction_runs(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        for _ in range(10):
            async with anyio.create_task_group() as tasks:
                for number in range(SWEPT_ENTRIES_MAX):
                    tasks.start_soon(store.commit, put(f"/k/{number % 10}"))
        written = 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.compact, store.revision)
            while len(left(store)) > 10 + written:
                await store.commit(put(f"/new/{written}"))
                written += 1
        assert written > 1
        assert len(store.scan("/k/")[0]) == 10
        assert len(store.scan("/new/")[0]) == written


async def test_a_damaged_entry_is_named_and_nothing_follows_it(directory: Path, put: Put) -> None:
    """What it says of its key and of the entry before it may be another's."""
    async with Store.open_writer(directory, clock=ManualClock()) as store:
        await store.commit(put("/a"))
        await store.commit(put("/second"))
        await store.commit(put("/a"))
    file = directory / LOG_DIRECTORY_NAME / "data.mdb"
    file.write_bytes(file.read_bytes().replace(b"/second", b"/\xffecond"))
    async with Store.open_writer(directory, clock=ManualClock()) as store:
        with pytest.raises(CorruptEntry, match="entry 2 is damaged"):
            await store.compact(3)
        assert store.entry(1) is not None


async def test_a_cancelled_compaction_is_as_if_it_came_later(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:
        for _ in range(SWEPT_ENTRIES_MAX * 4):
            await store.commit(put("/a"))
        state, total = store.scan("/"), store.revision
        for steps in range(6):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(store.compact, total // 2 + steps)
                    for _ in range(steps):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()
            assert store.scan("/") == state
            list(verify(store))
        await store.compact(total - 1)
        assert left(store) == [total - 1, total]
        with pytest.raises(Compacted), store.watch("/", after_revision=total - 2):
            pass


async def test_the_file_stops_growing_under_steady_churn(directory: Path, put: Put) -> None:
    data_file = directory / LOG_DIRECTORY_NAME / "data.mdb"
    retention = Retention(age_seconds=math.inf, entries_max=500)
    sizes: list[int] = []
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for round_number in range(20):
            for number in range(500):
                await store.commit(put(f"/k/{number % 50}", b"v" * (200 + number * 7 % 4000)))
            assert await store.retain(retention) == round_number * 500
            sizes.append(data_file.stat().st_size)
        assert len(left(store)) <= 500 + 50 + 1
    assert sizes[-1] == sizes[5], sizes


async def test_retention_by_age(directory: Path, put: Put) -> None:
    clock = ManualClock()
    async with Store.open_writer(directory, clock=clock, durability="process") as store:
        assert await store.retain(Retention()) == 0
        for _ in range(10):
            await store.commit(put("/a"))
            await clock.advance(60)
        assert await store.retain(Retention()) == 0
        # 10 minutes have passed; the state of 5 minutes ago is that of revision 6.
        assert await store.retain(Retention(age_seconds=300)) == 6
        assert await store.retain(Retention(age_seconds=0)) == 10
        assert left(store) == [10]


@given(
    newest=st.integers(0, 1000),
    of_age=st.integers(0, 1000),
    entries_max=st.integers(0, 1000),
)
def test_the_compaction_point_keeps_neither_too_old_nor_too_many(
    newest: int, of_age: int, entries_max: int
) -> None:
    of_age = min(of_age, newest)
    point = Retention(entries_max=entries_max).compaction_point(newest, of_age)
    assert 0 <= point <= newest
    assert newest - point <= entries_max
    assert point in (of_age, newest - entries_max)
    assert point >= of_age


@given(seconds=st.one_of(st.just(math.inf), st.floats(0, 1e12)))
def test_the_oldest_time_is_never_before_the_epoch(seconds: float) -> None:
    now = 1_700_000_000 * NANOSECONDS_PER_SECOND
    assert 0 <= Retention(age_seconds=seconds).oldest_nanoseconds(now) <= now
