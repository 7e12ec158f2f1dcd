"""Every kind of damage is found, and the first bad entry is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest

from kernel.clock import SystemClock
from kernel.store import schema
from kernel.store.errors import StoreDamaged
from kernel.store.log import Operation, Write
from kernel.store.schema import Entry, Verb, pack_revision
from kernel.store.snapshot import PROGRESS_ENTRIES, Progress
from kernel.store.store import LOG_DIRECTORY_NAME, Store, StoreReader
from kernel.store.verification import verify

pytestmark = pytest.mark.anyio
Put = Callable[..., Write]

CLOCK = SystemClock()


async def make_store(directory: Path, put: Put, *, compacted: int = 0) -> None:
    """1 /a, 2 /b, 3 /a, 4 delete /b, 5 /b, 6 and 7 a write with an idempotency key, 8 /a."""
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        for key in ("/a", "/b", "/a"):
            await store.commit(put(key))
        await store.commit(Write((Operation("/b", None),)))
        await store.commit(put("/b"))
        await store.commit(
            Write((Operation("/c", b"c"), Operation("/d", b"d")), idempotency_key="once")
        )
        await store.commit(put("/a"))
        await store.compact(compacted)


def check(directory: Path) -> list[Progress]:
    with StoreReader.open(directory) as reader:
        return list(verify(reader))


@pytest.mark.parametrize("compacted", range(9))
async def test_a_sound_store_is_found_sound(directory: Path, put: Put, compacted: int) -> None:
    await make_store(directory, put, compacted=compacted)
    last = check(directory)[-1]
    assert last.done == last.total


async def test_an_empty_store_is_sound(directory: Path) -> None:
    async with Store.open_writer(directory, clock=CLOCK):
        pass
    assert check(directory)[-1] == Progress(0, 0)


async def test_progress_is_reported_and_a_store_can_be_checked_while_it_is_written(
    directory: Path, put: Put
) -> None:
    async with Store.open_writer(directory, clock=CLOCK, durability="process") as store:
        total = PROGRESS_ENTRIES + 1
        for number in range(total):
            await store.commit(put(f"/a/{number % 3}"))
        reports = []
        for report in verify(store):
            await store.commit(put("/later"))
            reports.append(report.done)
        assert reports == [0, PROGRESS_ENTRIES, total]


Change = Callable[[Any, dict[str, Any]], None]


def remove(view: str, key: bytes, value: bytes = b"") -> Change:
    def change(transaction: Any, databases: dict[str, Any]) -> None:
        assert transaction.delete(key, value, db=databases[view])

    return change


def set_to(view: str, key: bytes, value: bytes) -> Change:
    def change(transaction: Any, databases: dict[str, Any]) -> None:
        assert transaction.put(key, value, db=databases[view])

    return change


def rewrite(revision: int, **fields: Any) -> Change:
    """Put a record of the log anew, with some fields changed and its checksum right."""

    def change(transaction: Any, databases: dict[str, Any]) -> None:
        packed = pack_revision(revision)
        entry = Entry(revision, transaction.get(packed, db=databases["log"]))
        names = ("time_nanoseconds", "verb", "key", "value", "previous_revision", "actor", "cause")
        values = {name: getattr(entry, name) for name in (*names, "idempotency_key")}
        record = Entry.make(revision, **(values | fields)).record
        transaction.put(packed, record, db=databases["log"])

    return change


def flip(position: int) -> Change:
    def change(transaction: Any, databases: dict[str, Any]) -> None:
        record = bytearray(transaction.get(pack_revision(5), db=databases["log"]))
        record[position] ^= 1
        transaction.put(pack_revision(5), bytes(record), db=databases["log"])

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (flip(-1), "entry 5 is damaged"),
        (flip(0), "entry 5 is damaged"),
        (flip(20), "entry 5 is damaged"),
        (remove("log", pack_revision(1)), "entry 1 is missing; the next is 2"),
        (remove("log", pack_revision(4)), "entry 4 is missing; the next is 5"),
        (remove("log", pack_revision(8)), "history has 8 items, and the log has entries for 7"),
        (rewrite(6, time_nanoseconds=1), "entry 6 is older than the entry before it"),
        (rewrite(3, previous_revision=2), "entry 3 follows 2, but the history of /a has 1"),
        (rewrite(3, verb=Verb.CREATE), "entry 3, CREATE, can't follow entry 1"),
        (
            rewrite(3, verb=Verb.CREATE, previous_revision=0),
            "entry 3 creates /a, which exists since 1",
        ),
        (rewrite(8, value=b"other"), "/a is not what entry 8 has made it"),
        (rewrite(8, key="/e"), "entry 8 is not in the history of /e"),
        (remove("history", b"/a", pack_revision(3)), "entry 3 is not in the history of /a"),
        (
            set_to("history", b"/a", pack_revision(7)),
            "entry 8 follows 3, but the history of /a has 7",
        ),
        (set_to("history", b"/z", pack_revision(7)), "history has 9 items"),
        (remove("head", b"/b"), "/b is not what entry 5 has made it"),
        (set_to("head", b"/b", pack_revision(5) + b"other"), "/b is not what entry 5 has"),
        (set_to("head", b"/b", pack_revision(2) + b"value"), "/b is not what entry 5 has"),
        (
            set_to("head", b"/z", pack_revision(5)),
            "head has 5 items, and the log has entries for 4",
        ),
        (remove("idempotency", b"once"), "the idempotency key of entry 6 leads elsewhere"),
        (
            set_to("idempotency", b"once", schema.encode_remembered(6, 1)),
            "the idempotency key of entry 7 leads elsewhere",
        ),
        (set_to("idempotency", b"z", schema.encode_remembered(1, 1)), "idempotency has 2 items"),
        (set_to("meta", schema.META_COMPACTED, b"9"), "ends at 8, before its compaction point 9"),
        (set_to("meta", schema.META_SWEPT, b"3"), "more is compacted than 0: 3"),
    ],
)
async def test_damage_is_found_and_named(
    directory: Path, put: Put, change: Change, complaint: str
) -> None:
    await make_store(directory, put)
    with lmdb.open(str(directory / LOG_DIRECTORY_NAME), max_dbs=6) as environment:
        databases = {name: environment.open_db(name.encode()) for name in schema.DATABASES}
        with environment.begin(write=True) as transaction:
            change(transaction, databases)
    with pytest.raises(StoreDamaged, match=complaint):
        check(directory)


async def test_damage_behind_the_compaction_point_is_found(directory: Path, put: Put) -> None:
    await make_store(directory, put, compacted=7)
    with lmdb.open(str(directory / LOG_DIRECTORY_NAME), max_dbs=6) as environment:
        databases = {name: environment.open_db(name.encode()) for name in schema.DATABASES}
        with environment.begin(write=True) as transaction:
            remove("log", pack_revision(5))(transaction, databases)
    with pytest.raises(StoreDamaged, match="history has 5 items, and the log has entries for 4"):
        check(directory)
