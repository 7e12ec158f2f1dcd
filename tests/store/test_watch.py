"""Watches: from any revision, by prefix, from the log, from memory, live; complete, in order."""

from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskStatus

from kernel.clock import SystemClock
from kernel.store.errors import StoreClosed
from kernel.store.log import Write
from kernel.store.store import Durability, Store
from kernel.store.watch import CATCH_UP_SCAN_MAX, RECENT_MAX, Watch, prefixes

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]

CLOCK = SystemClock()


async def read_to(watch: Watch, last_revision: int) -> list[int]:
    """The revisions that a watch answers up to `last_revision`, which must be among them."""
    found: list[int] = []
    with anyio.fail_after(10):
        while not found or found[-1] < last_revision:
            batch = await anext(watch)
            assert batch, "a batch is never empty"
            found.extend(entry.revision for entry in batch)
    assert found[-1] == last_revision
    return found


@pytest.mark.parametrize(
    ("prefix", "revisions"),
    [
        ("/", [1, 2, 3, 4, 5, 6]),
        ("/core/", [1, 2, 3, 4, 5]),
        ("/core/pods/", [1, 2, 3]),
        ("/core/pods/default/", [1, 2]),
        ("/core/pods/default/web", [1]),
        ("/core/pods/default/web-1", [2]),
        ("/core/nodes//", [5]),
        ("/core/nodes//node", [5]),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_watch_sees_the_keys_of_its_prefix(
    directory: Path, put: Put, prefix: str, revisions: list[int], when: str
) -> None:
    keys = (
        *("/core/pods/default/web", "/core/pods/default/web-1", "/core/pods/other/web"),
        *("/core/podsets/default/web", "/core/nodes//node", "/x/y/z/a"),
    )
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        if when == "before":
            for key in keys:
                await store.commit(put(key))
        with store.watch(prefix, after_revision=0) as watch:
            if when == "after":
                for key in keys:
                    await store.commit(put(key))
            assert await read_to(watch, revisions[-1]) == revisions
            with anyio.move_on_after(0.01) as scope:
                await anext(watch)
            assert scope.cancelled_caught, "nothing else may come"


def test_the_prefixes_of_a_key() -> None:
    assert list(prefixes("/core/nodes//n")) == [
        *("/", "/core/", "/core/nodes/", "/core/nodes//", "/core/nodes//n")
    ]


@pytest.mark.parametrize("opened_again", [False, True])
@pytest.mark.parametrize("after_revision", [0, 1, 1500, RECENT_MAX, 3000, 3199, 3200])
async def test_a_watch_starts_at_any_revision(
    directory: Path, put: Put, opened_again: bool, after_revision: int
) -> None:
    """From the log where it is far behind, from memory where it is near, or live."""
    total = 3200
    assert total > RECENT_MAX > CATCH_UP_SCAN_MAX
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for number in range(total):
            await store.commit(put(f"/k/{number % 7}"))
        if not opened_again:
            with store.watch("/k/", after_revision=after_revision) as watch:
                await store.commit(put("/k/last"))
                assert await read_to(watch, total + 1) == list(range(after_revision + 1, total + 2))
    if opened_again:
        async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
            with store.watch("/k/", after_revision=after_revision) as watch:
                await store.commit(put("/k/last"))
                assert await read_to(watch, total + 1) == list(range(after_revision + 1, total + 2))


async def test_a_watch_of_the_future_waits_for_it(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        with store.watch("/", after_revision=2) as watch:
            assert watch.position == 2
            for _ in range(4):
                await store.commit(put("/a/x"))
            assert await read_to(watch, 4) == [3, 4]


async def test_a_watch_says_how_far_it_has_read(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        await store.commit(put("/a/x"))
        await store.commit(put("/b/x"))
        with store.watch("/a/", after_revision=0) as watch:
            assert watch.position == 0
            assert await read_to(watch, 1) == [1]
            assert watch.position == 2  # revision 2 is not its own, and so dealt with
            await store.commit(put("/b/x"))
            assert watch.position == 3
            await store.commit(put("/a/x"))
            assert watch.position == 2
            assert await read_to(watch, 4) == [4]
            assert watch.position == 4


async def test_a_waiting_reader_is_handed_entries_live(
    directory: Path, durability: Durability, put: Put
) -> None:
    received: list[int] = []
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:

        async def read(*, task_status: TaskStatus[None]) -> None:
            with store.watch("/a/", after_revision=0) as watch:
                task_status.started()
                received.extend(await read_to(watch, 50))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                await tasks.start(read)
                for _ in range(50):
                    await store.commit(put("/a/x"))
        assert received == list(range(1, 51))


async def test_a_slow_reader_misses_nothing_and_holds_little(directory: Path, put: Put) -> None:
    """It reads the log by itself, from where it stands."""
    total = CATCH_UP_SCAN_MAX + RECENT_MAX + 100
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        with store.watch("/a/", after_revision=0) as watch:
            with anyio.move_on_after(0.01):
                await anext(watch)  # nothing is there yet
            for _ in range(total):
                await store.commit(put("/a/x"))
            first = await anext(watch)
            assert len(first) <= CATCH_UP_SCAN_MAX
            rest = await read_to(watch, total)
            assert [entry.revision for entry in first] + rest == list(range(1, total + 1))


async def test_a_cancelled_read_loses_nothing(directory: Path, put: Put) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        found: list[int] = []
        with store.watch("/a/", after_revision=0) as watch:
            for round_number in range(30):
                with anyio.CancelScope() as scope:
                    async with anyio.create_task_group() as tasks:

                        async def read() -> None:
                            found.extend(entry.revision for entry in await anext(watch))

                        tasks.start_soon(read)
                        if round_number % 3:
                            await anyio.wait_all_tasks_blocked()
                        await store.commit(put("/a/x"))
                        if round_number % 2:
                            await anyio.lowlevel.checkpoint()
                        scope.cancel()
            await store.commit(put("/a/x"))
            total = store.revision
            found.extend(await read_to(watch, total))
        assert found == list(range(1, total + 1))


async def test_many_watches_each_get_all_and_only_their_own(
    directory: Path, durability: Durability, put: Put
) -> None:
    watchers, rounds = 200, 5
    received: dict[int, list[str]] = {}
    async with Store.open_writer(directory, clock=CLOCK, durability=durability) as store:

        async def read(number: int, *, task_status: TaskStatus[None]) -> None:
            received[number] = []
            with store.watch(f"/k/{number}/", after_revision=0) as watch:
                task_status.started()
                while len(received[number]) < rounds:
                    received[number].extend(entry.key for entry in await anext(watch))

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for number in range(watchers):
                    await tasks.start(read, number)
                for round_number in range(rounds):
                    async with anyio.create_task_group() as writers:
                        for number in range(watchers):
                            writers.start_soon(store.commit, put(f"/k/{number}/{round_number}"))
        assert received == {
            number: [f"/k/{number}/{round_number}" for round_number in range(rounds)]
            for number in range(watchers)
        }


async def test_closing_the_store_ends_watches_after_what_they_were_handed(
    directory: Path, durability: Durability, put: Put
) -> None:
    ends: list[tuple[str, list[int]]] = []

    async def read(store: Store, prefix: str, *, task_status: TaskStatus[None]) -> None:
        found: list[int] = []
        with store.watch(prefix, after_revision=0) as watch:
            task_status.started()
            try:
                async for batch in watch:
                    found.extend(entry.revision for entry in batch)
            except StoreClosed:
                ends.append((prefix, found))

    opening = Store.open_writer(directory, clock=CLOCK, durability=durability)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks, opening as store:
            await tasks.start(read, store, "/a/")
            await tasks.start(read, store, "/b/")
            await anyio.wait_all_tasks_blocked()
            await store.commit(put("/a/x"))
            await store.commit(put("/a/y"))
    assert sorted(ends) == [("/a/", [1, 2]), ("/b/", [])]


async def test_a_watch_that_is_behind_when_the_store_closes_says_so(
    directory: Path, put: Put
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for _ in range(RECENT_MAX + 10):
            await store.commit(put("/a/x"))
        behind = store.watch("/a/", after_revision=0)
        watch = behind.__enter__()
    with pytest.raises(StoreClosed):
        await anext(watch)
