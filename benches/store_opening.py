"""Opening a store with a long history, against one with a short one."""

import time

from benches._stores import store_of
from benches.harness import Benchmark, Figure, Samples, percentile
from kernel.clock import SystemClock
from kernel.store.store import Store

OPENINGS = 50
SHORT = "1,000 entries"
LONG = "1,000,000 entries"
MILLISECONDS = 1e3


async def _opening_seconds(entries: int, keys: int) -> float:
    directory = store_of(entries, keys)
    times = []
    for _ in range(OPENINGS):
        started_at = time.perf_counter()
        async with Store.open_writer(directory, clock=SystemClock()) as store:
            assert store.revision == entries
            times.append(time.perf_counter() - started_at)
    return percentile(times, 0.5)


async def _sample() -> Samples:
    return {
        SHORT: await _opening_seconds(1000, 100) * MILLISECONDS,
        LONG: await _opening_seconds(1_000_000, 100_000) * MILLISECONDS,
    }


BENCHMARKS = [
    Benchmark(
        name="store_opening",
        title="from the call to a store that can be written",
        figures=(Figure(SHORT, "ms"), Figure(LONG, "ms", SHORT, aim="at most 1.5 times it")),
        sample=_sample,
    )
]
