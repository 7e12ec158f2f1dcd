"""How long a write waits while a log of a million entries is compacted."""

import functools
import time
from pathlib import Path

import anyio

from benches._floors import synced_puts_per_second
from benches._stores import VALUE, own_store_of
from benches.harness import Benchmark, Figure, Samples, percentile
from kernel.clock import SystemClock
from kernel.store.log import Operation, Write
from kernel.store.store import Store

ENTRIES = 1_000_000
KEYS = 10_000
COMPACTED_AT_ONCE = 20_000
QUIET_WRITES = 1000
MILLISECONDS = 1e3
FLOOR = "bare LMDB, one synced put"


@functools.cache
def _directory() -> Path:
    """Not shared with other benchmarks: each call compacts a little more of it."""
    return own_store_of(ENTRIES, KEYS)


async def _write(store: Store, number: int) -> float:
    """Seconds that one durable write takes."""
    started_at = time.perf_counter()
    key = f"/core/pods/default/web-{number * 7919 % KEYS:06}"
    await store.commit(Write((Operation(key, VALUE),)))
    return time.perf_counter() - started_at


async def _sample() -> Samples:
    floor = 1 / synced_puts_per_second(500)
    opening = Store.open_writer(_directory(), clock=SystemClock())
    async with opening as store:
        quiet = [await _write(store, number) for number in range(QUIET_WRITES)]
        during: list[float] = []
        ended_after = 0.0

        async def compact() -> None:
            nonlocal ended_after
            started_at = time.perf_counter()
            start = store.oldest_revision
            await store.compact(start + COMPACTED_AT_ONCE)
            ended_after = time.perf_counter() - started_at

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(compact)
            while not ended_after:
                during.append(await _write(store, len(during)))
    return {
        FLOOR: floor * MILLISECONDS,
        "a write, p50": percentile(quiet, 0.5) * MILLISECONDS,
        "a write, p99": percentile(quiet, 0.99) * MILLISECONDS,
        "a write, longest": max(quiet) * MILLISECONDS,
        "while it is compacted, p50": percentile(during, 0.5) * MILLISECONDS,
        "while it is compacted, p99": percentile(during, 0.99) * MILLISECONDS,
        "while it is compacted, longest": max(during) * MILLISECONDS,
        "entries compacted": COMPACTED_AT_ONCE / ended_after,
    }


BENCHMARKS = [
    Benchmark(
        name="compaction",
        title="durable writes to a log of 1 M entries, one after the other",
        figures=(
            Figure(FLOOR, "ms"),
            Figure("a write, p50", "ms", FLOOR),
            Figure("a write, p99", "ms"),
            Figure("a write, longest", "ms"),
            Figure("while it is compacted, p50", "ms", "a write, p50"),
            Figure("while it is compacted, p99", "ms"),
            Figure("while it is compacted, longest", "ms", aim="under 10 ms longer"),
            Figure("entries compacted", "1/s"),
        ),
        sample=_sample,
    )
]
