"""Entries read in order from the log, against a bare cursor over the same file."""

import time

import lmdb

from benches._stores import store_of
from benches.harness import Benchmark, Figure, Samples
from kernel.clock import SystemClock
from kernel.store.store import LOG_DIRECTORY_NAME, Store, StoreReader

ENTRIES = 1_000_000
KEYS = 10_000
BATCH = 1024
FLOOR = "bare LMDB cursor"


def _bare() -> float:
    path = str(store_of(ENTRIES, KEYS) / LOG_DIRECTORY_NAME)
    with lmdb.open(path, max_dbs=6, readonly=True) as environment:
        log = environment.open_db(b"log", create=False)
        started_at = time.perf_counter()
        with environment.begin(db=log) as transaction:
            count = 0
            for _, _ in transaction.cursor():
                count += 1
        return count / (time.perf_counter() - started_at)


def _entries() -> float:
    with StoreReader.open(store_of(ENTRIES, KEYS)) as reader:
        started_at = time.perf_counter()
        revision = count = 0
        while True:
            entries, revision = reader.entries(revision + 1, scan_limit=BATCH)
            if not entries:
                return count / (time.perf_counter() - started_at)
            for _ in entries:
                count += 1


async def _watch(prefix: str, wanted: int) -> float:
    opening = Store.open_writer(store_of(ENTRIES, KEYS), clock=SystemClock(), durability="process")
    async with opening as store:
        with store.watch(prefix, after_revision=0) as watch:
            started_at = time.perf_counter()
            count = 0
            while count < wanted:
                for _ in await anext(watch):
                    count += 1
            return count / (time.perf_counter() - started_at)


async def _sample() -> Samples:
    return {
        FLOOR: _bare(),
        "entries in order": _entries(),
        "a watch from revision 1": await _watch("/", ENTRIES),
    }


BENCHMARKS = [
    Benchmark(
        name="store_reading",
        title="entries read from a log of 1 M, in order",
        figures=(
            Figure(FLOOR, "1/s"),
            Figure("entries in order", "1/s", FLOOR, aim="0.4 of it"),
            Figure("a watch from revision 1", "1/s", FLOOR),
        ),
        sample=_sample,
    )
]
