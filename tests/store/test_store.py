"""The store's contract on both durabilities: commit, read, scan, entries, history, refusals."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from kernel.clock import ManualClock, SystemClock
from kernel.store.errors import PreconditionFailed, StoreClosed
from kernel.store.log import Item, Operation, Write
from kernel.store.schema import (
    ACTOR_BYTES_MAX,
    IDEMPOTENCY_KEY_BYTES_MAX,
    KEY_BYTES_MAX,
    Entry,
    Verb,
)
from kernel.store.store import Durability, Store, StoreReader

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]
DELETE = None


def delete(key: str, last_value: bytes = b"", *, expected_revision: int | None = None) -> Write:
    return Write((Operation(key, DELETE, expected_revision, last_value),))


async def test_a_new_store_is_empty(directory: Path, durability: Durability) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        assert store.revision == store.published_revision == 0
        assert store.oldest_revision == 1
        assert store.get("/a/b") is None
        assert store.scan("/") == ([], 0)
        assert store.entries(1) == ([], 0)
        assert store.history("/a/b") == []


async def test_an_entry_says_all_that_was_written(directory: Path, durability: Durability) -> None:
    clock = ManualClock()
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        (created,) = await store.commit(Write((Operation("/k/ä", b"1"),), "someone", 0))
        await clock.advance(2.5)
        (updated,) = await store.commit(Write((Operation("/k/ä", b"2"),), "other", 1))
        (deleted,) = await store.commit(
            Write((Operation("/k/ä", DELETE, last_value=b"last"),), "other", 2)
        )
        start = ManualClock().now_nanoseconds()
        assert created == Entry.make(1, start, Verb.CREATE, "/k/ä", b"1", 0, "someone", 0)
        later = start + 2_500_000_000
        assert updated == Entry.make(2, later, Verb.UPDATE, "/k/ä", b"2", 1, "other", 1)
        assert deleted == Entry.make(3, later, Verb.DELETE, "/k/ä", b"last", 2, "other", 2)
        assert store.entries(1) == ([created, updated, deleted], 3)
        assert store.entry(2) == updated
        assert store.entry(4) is None
        assert store.history("/k/ä") == [1, 2, 3]
        assert store.get("/k/ä") is None


async def test_what_is_written_is_there_after_opening_again(
    directory: Path, durability: Durability, put: Put
) -> None:
    clock = SystemClock()
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        await store.commit(put("/a/1", b"one"))
        await store.commit(put("/a/2", b"two"))
        await store.commit(delete("/a/1"))
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        assert store.revision == store.published_revision == 3
        assert store.scan("/") == ([Item("/a/2", 2, b"two")], 3)
        (entry,) = await store.commit(put("/a/1", b"again"))
        assert (entry.revision, entry.verb, entry.previous_revision) == (4, Verb.CREATE, 0)
        assert store.history("/a/1") == [1, 3, 4]


async def test_a_write_happens_only_at_the_revision_that_it_expects(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        await store.commit(put("/a/x", expected_revision=0))
        with pytest.raises(PreconditionFailed, match="is at revision 1, not 0") as refused:
            await store.commit(put("/a/x", expected_revision=0))
        assert (refused.value.key, refused.value.actual_revision) == ("/a/x", 1)
        with pytest.raises(PreconditionFailed):
            await store.commit(put("/a/y", expected_revision=1))
        with pytest.raises(PreconditionFailed):
            await store.commit(delete("/a/y", expected_revision=1))
        await store.commit(put("/a/x", b"2", expected_revision=1))
        with pytest.raises(PreconditionFailed):
            await store.commit(delete("/a/x", expected_revision=1))
        await store.commit(delete("/a/x", expected_revision=2))
        await store.commit(put("/a/x", b"new", expected_revision=0))
        with pytest.raises(PreconditionFailed):  # deleted and made again is not what it was
            await store.commit(put("/a/x", expected_revision=2))
        assert store.history("/a/x") == [1, 2, 3, 4]


async def test_operations_of_a_write_happen_together_or_not_at_all(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        entries = await store.commit(
            Write((Operation("/a/1", b"1"), Operation("/a/2", b"2"), Operation("/a/0", DELETE)))
        )
        assert [(entry.revision, entry.key) for entry in entries] == [(1, "/a/1"), (2, "/a/2")]
        with pytest.raises(PreconditionFailed):
            await store.commit(
                Write(
                    (
                        Operation("/a/1", b"changed", 1),
                        Operation("/a/3", b"3", 0),
                        Operation("/a/2", DELETE, 1),
                    )
                )
            )
        assert store.revision == 2
        assert [item.value for item in store.scan("/a/")[0]] == [b"1", b"2"]


async def test_operations_of_a_write_take_effect_in_order(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        await store.commit(put("/a/x", b"old"))
        replace = Write((Operation("/a/x", DELETE, 1, b"old"), Operation("/a/x", b"new", 0)))
        entries = await store.commit(replace)
        assert [(entry.verb, entry.previous_revision) for entry in entries] == [
            (Verb.DELETE, 1),
            (Verb.CREATE, 0),
        ]
        assert store.get("/a/x") == Item("/a/x", 3, b"new")
        assert store.history("/a/x") == [1, 2, 3]
        with pytest.raises(PreconditionFailed):
            await store.commit(replace)
        assert store.revision == 3


async def test_deleting_what_is_not_there_is_no_change(
    directory: Path, durability: Durability
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        assert await store.commit(delete("/a/nothing")) == []
        assert await store.commit(delete("/a/nothing", expected_revision=0)) == []
        assert store.revision == 0


async def test_of_many_who_expect_the_same_revision_one_succeeds(
    directory: Path, durability: Durability, put: Put
) -> None:
    outcomes: list[str] = []
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:

        async def attempt(number: int) -> None:
            try:
                await store.commit(put("/a/x", b"%d" % number, expected_revision=0))
                outcomes.append("written")
            except PreconditionFailed:
                outcomes.append("refused")

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(attempt, number)
        assert outcomes.count("written") == 1
        assert outcomes.count("refused") == 49
        assert store.revision == 1


async def test_concurrent_writers_get_contiguous_revisions(
    directory: Path, durability: Durability, put: Put
) -> None:
    revisions: list[int] = []
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:

        async def write(writer: int) -> None:
            for number in range(20):
                (entry,) = await store.commit(put(f"/w/{writer}", b"%d" % number))
                assert store.get(f"/w/{writer}") == Item(
                    f"/w/{writer}", entry.revision, b"%d" % number
                )
                assert store.published_revision >= entry.revision
                revisions.append(entry.revision)

        async with anyio.create_task_group() as tasks:
            for writer in range(20):
                tasks.start_soon(write, writer)
        assert sorted(revisions) == list(range(1, 401))


async def test_scan_answers_keys_in_order_page_by_page(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        for key in ("/b/2", "/a/1", "/b/1", "/b/10", "/bb/1", "/c"):
            await store.commit(put(key, key.encode()))
        items, revision = store.scan("/b/")
        assert revision == 6
        assert [item.key for item in items] == ["/b/1", "/b/10", "/b/2"]
        page, _ = store.scan("/b/", limit=2)
        assert [item.key for item in page] == ["/b/1", "/b/10"]
        rest, _ = store.scan("/b/", after_key="/b/10", limit=2)
        assert [item.key for item in rest] == ["/b/2"]
        assert store.scan("/b/", after_key="/b/2") == ([], 6)
        assert store.count("/b/") == 3
        assert store.count("/b/", after_key="/b/1") == 2
        assert store.count("/nothing/") == 0


async def test_entries_can_be_filtered_bounded_and_read_in_portions(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        for number in range(1, 11):
            await store.commit(put(f"/{'even' if number % 2 == 0 else 'odd'}/{number}"))

        def revisions(*arguments: int, **options: int | str) -> tuple[list[int], int]:
            found, looked_at = store.entries(*arguments, **options)  # type: ignore[arg-type]
            return [entry.revision for entry in found], looked_at

        assert revisions(8) == ([8, 9, 10], 10)
        assert revisions(0, last_revision=2) == ([1, 2], 2)
        assert revisions(11) == ([], 10)
        assert revisions(1, prefix="/even/", last_revision=5) == ([2, 4], 5)
        assert revisions(3, prefix="/even/", scan_limit=1) == ([], 3)
        assert revisions(3, prefix="/even/", scan_limit=2) == ([4], 4)


@pytest.mark.parametrize(
    "bad",
    [
        Write((Operation("/" + "k" * KEY_BYTES_MAX, b""),)),
        Write((Operation("", b""),)),
        Write((Operation("no/slash", b""),)),
        Write((Operation("/a/", b""),)),
        Write((Operation("/a/\udc80", b""),)),
        Write((Operation("/a/x", b""),), "a" * (ACTOR_BYTES_MAX + 1)),
        Write((Operation("/a/x", b""),), "\udcff"),
        Write((Operation("/a/x", b""),), "", -1),
        Write((Operation("/a/x", b""),), idempotency_key="i" * (IDEMPOTENCY_KEY_BYTES_MAX + 1)),
    ],
)
async def test_a_write_that_cannot_be_recorded_is_refused_and_harms_no_other(
    directory: Path, durability: Durability, put: Put, bad: Write
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:

        async def refused() -> None:
            with pytest.raises(ValueError, match=r"."):
                await store.commit(bad)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.commit, put("/a/good", b"1"))
            tasks.start_soon(refused)
            tasks.start_soon(store.commit, put("/a/good", b"2"))
        assert store.revision == 2


async def test_the_longest_key_and_actor_are_kept(directory: Path, durability: Durability) -> None:
    key = "/" + "k" * (KEY_BYTES_MAX - 1)
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        await store.commit(Write((Operation(key, b"v" * 3_000_000),), "a" * ACTOR_BYTES_MAX))
        entry = store.entry(1)
        assert entry is not None
        assert (entry.key, len(entry.value), len(entry.actor)) == (key, 3_000_000, ACTOR_BYTES_MAX)
        assert store.history(key) == [1]


async def test_commit_after_close_is_refused(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        await store.commit(put("/a/x"))
    with pytest.raises(StoreClosed):
        await store.commit(put("/a/x"))
    with pytest.raises(StoreClosed):
        store.get("/a/x")
    with pytest.raises(StoreClosed):
        store.scan("/")


async def test_what_was_accepted_before_the_close_is_written(
    directory: Path, durability: Durability, put: Put
) -> None:
    acknowledged: list[int] = []
    refused = 0

    async def write(store: Store, number: int) -> None:
        nonlocal refused
        try:
            (entry,) = await store.commit(put(f"/a/{number}"))
            acknowledged.append(entry.revision)
        except StoreClosed:
            refused += 1

    async with (
        anyio.create_task_group() as tasks,
        Store.open_writer(directory, clock=SystemClock(), durability=durability) as store,
    ):
        for number in range(100):
            tasks.start_soon(write, store, number)
        await anyio.lowlevel.checkpoint()
    assert len(acknowledged) + refused == 100
    with StoreReader.open(directory) as reader:
        assert reader.revision == len(acknowledged)
        assert sorted(acknowledged) == list(range(1, len(acknowledged) + 1))


async def test_a_cancelled_commit_happens_or_not_and_the_store_goes_on(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        for number in range(20):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    for writer in range(5):
                        tasks.start_soon(store.commit, put(f"/w/{number}-{writer}"))
                    if number % 2:
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()
        (entry,) = await store.commit(put("/last"))
        assert store.revision == store.published_revision == entry.revision
        entries, _ = store.entries(1)
        assert [one.revision for one in entries] == list(range(1, entry.revision + 1))
        assert len(store.scan("/w/")[0]) == entry.revision - 1


async def test_an_observer_and_a_watch_have_the_entry_before_commit_returns(
    directory: Path, durability: Durability, put: Put
) -> None:
    seen: list[str] = []
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        store.observe("/a/", lambda entry: seen.append(f"observed {entry.revision}"))
        with store.watch("/a/", after_revision=0) as watch:
            await store.commit(put("/a/x"))
            seen.append("returned")
            assert [entry.revision for entry in await anext(watch)] == [1]
        assert seen == ["observed 1", "returned"]


async def test_observers_see_their_prefix_until_they_end_and_fail_alone(
    directory: Path, durability: Durability, put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[str, int]] = []

    def failing(entry: Entry) -> None:
        raise RuntimeError(f"broken at {entry.revision}")

    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        store.observe("/", failing)
        end = store.observe("/a/", lambda entry: seen.append(("/a/", entry.revision)))
        store.observe("/a/x", lambda entry: seen.append(("/a/x", entry.revision)))
        with store.watch("/a/", after_revision=0) as watch:
            with anyio.fail_after(5):
                for key in ("/a/x", "/a/xy", "/b/x"):
                    await store.commit(put(key))
            end()
            end()
            await store.commit(put("/a/x"))
            found = [entry.revision for entry in await anext(watch)]
        assert found == [1, 2, 4]
        assert seen == [("/a/", 1), ("/a/x", 1), ("/a/", 2), ("/a/x", 4)]
        assert "an observer failed on revision 3 of /b/x" in caplog.text


async def test_a_task_that_only_writes_lets_others_run(
    directory: Path, durability: Durability, put: Put
) -> None:
    async with Store.open_writer(directory, clock=SystemClock(), durability=durability) as store:
        written = 0
        with anyio.move_on_after(0.05):
            for number in range(1_000_000):
                await store.commit(put("/a/x", b"%d" % number))
                written += 1
        assert 0 < written < 1_000_000
