"""A write with the idempotency key of an earlier one is answered that one's entries."""

from pathlib import Path

import anyio
import pytest

from kernel.clock import ManualClock
from kernel.store import compaction
from kernel.store.errors import PreconditionFailed
from kernel.store.log import Log, Operation, Write
from kernel.store.schema import Entry
from kernel.store.store import LOG_DIRECTORY_NAME, Durability, Store
from kernel.store.verification import verify

pytestmark = pytest.mark.anyio


def create(key: str, idempotency_key: str, value: bytes = b"value") -> Write:
    """A write that can succeed once."""
    return Write((Operation(key, value, 0),), "actor", idempotency_key=idempotency_key)


async def test_a_repeated_write_happens_once(directory: Path, durability: Durability) -> None:
    clock = ManualClock()
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        first = await store.commit(create("/a/x", "k"))
        assert first[0].idempotency_key == "k"
        assert await store.commit(create("/a/x", "k")) == first
        assert store.remembered("k") == first
        assert store.remembered("other") == []
        with pytest.raises(PreconditionFailed):
            await store.commit(create("/a/x", "other"))
        with pytest.raises(PreconditionFailed):
            await store.commit(create("/a/x", ""))
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        await store.commit(create("/b", ""))
        assert await store.commit(create("/a/x", "k")) == first
        assert store.revision == 2


async def test_all_entries_of_the_write_are_answered(
    directory: Path, durability: Durability
) -> None:
    write = Write(
        (Operation("/a/x", b"1", 0), Operation("/a/x", b"2"), Operation("/a/x", None)),
        idempotency_key="k",
    )
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:
        first = await store.commit(write)
        await store.commit(create("/a/x", ""))
        assert len(first) == 3
        assert await store.commit(write) == first


async def test_writers_that_come_together_share_one_write_and_watchers_see_it_once(
    directory: Path, durability: Durability
) -> None:
    outcomes: list[list[Entry]] = []
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:

        async def write() -> None:
            outcomes.append(await store.commit(create("/a/x", "k")))

        with store.watch("/", after_revision=0) as watch:
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(write)
            await store.commit(create("/last", ""))
            seen: list[int] = []
            while not seen or seen[-1] < 2:
                seen.extend(entry.revision for entry in await anext(watch))
        assert seen == [1, 2]
        assert outcomes == [outcomes[0]] * 20


async def test_a_refused_write_is_not_remembered(directory: Path, durability: Durability) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:
        await store.commit(create("/a/x", ""))
        with pytest.raises(PreconditionFailed):
            await store.commit(create("/a/x", "k"))
        await store.commit(Write((Operation("/a/x", None),)))
        (entry,) = await store.commit(create("/a/x", "k"))
        assert entry.revision == 3


async def test_a_key_is_forgotten_with_its_entries(directory: Path, durability: Durability) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:
        pair = Write((Operation("/a", b""), Operation("/b", b"")), idempotency_key="pair")
        first = await store.commit(pair)
        await store.commit(create("/c", "later"))
        await store.compact(1)
        assert store.oldest_revision == 1, "a write is remembered as a whole or not at all"
        assert store.remembered("pair") == first
        await store.compact(2)
        assert store.remembered("pair") == []
        again = await store.commit(pair)
        assert [entry.revision for entry in again] == [4, 5]
        await store.compact(3)
        assert store.remembered("later") == []
        assert store.remembered("pair") == again


async def test_a_compacted_key_can_be_used_again_before_the_sweep_has_come_to_it(
    directory: Path, durability: Durability
) -> None:
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:
        write = Write((Operation("/a", b""),), idempotency_key="k")
        await store.commit(write)
    log = Log(directory / LOG_DIRECTORY_NAME)
    compaction.begin(log, 1)
    log.close()
    async with Store.open_writer(directory, clock=ManualClock(), durability=durability) as store:
        assert store.remembered("k") == []
        (again,) = await store.commit(write)
        assert again.revision == 2
        await store.compact(1)
        assert store.remembered("k") == [again]
        list(verify(store))
