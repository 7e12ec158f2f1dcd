"""Durable writes, one after the other and by 64 writers, against bare LMDB and etcd.

The order of the keys decides: new keys that follow one another, as those of the floor do, fall on
a few pages of head and history; keys spread over 64 places dirty a page of each view per writer.
Both are shown. The clients of etcd share one Python process with each other and the machine with
etcd, so its figure is a lower bound of what etcd can do.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anyio

from benches._etcd import missing_for_etcd, puts_per_second
from benches._floors import VALUE, synced_puts_per_second
from benches.harness import Benchmark, Figure, Samples
from kernel.clock import SystemClock
from kernel.store.log import Operation, Write
from kernel.store.store import Store

WRITERS = 64
WRITES_ALONE = 1000
WRITES_TOGETHER = 20_000
FLOOR = "bare LMDB, one put, one fsync"
SPREAD = f"{WRITERS} writers, keys spread over {WRITERS} places"
ETCD = f"etcd, {WRITERS} clients"


def _in_order(writer: int, number: int) -> str:
    return f"{number:06}-{writer:02}"


def _spread(writer: int, number: int) -> str:
    return f"{writer:02}-{number:06}"


async def _appends_per_second(
    writers: int, writes: int, name: Callable[[int, int], str] = _in_order
) -> float:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        async with Store.open_writer(Path(directory), clock=SystemClock()) as store:

            async def write(writer: int) -> None:
                for number in range(writes // writers):
                    key = f"/core/configmaps/default/{name(writer, number)}"
                    await store.commit(Write((Operation(key, VALUE, 0),), "bench"))

            started_at = time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for writer in range(writers):
                    tasks.start_soon(write, writer)
            return writes // writers * writers / (time.perf_counter() - started_at)


async def _sample() -> Samples:
    samples = {
        FLOOR: synced_puts_per_second(WRITES_ALONE),
        "1 writer": await _appends_per_second(1, WRITES_ALONE),
        f"{WRITERS} writers": await _appends_per_second(WRITERS, WRITES_TOGETHER),
        SPREAD: await _appends_per_second(WRITERS, WRITES_TOGETHER, _spread),
    }
    if not missing_for_etcd():
        samples[ETCD] = await puts_per_second(WRITERS)
        samples[f"{WRITERS} writers, against etcd"] = samples[f"{WRITERS} writers"]
    return samples


def _figures() -> tuple[Figure, ...]:
    figures = (
        Figure(FLOOR, "1/s"),
        Figure("1 writer", "1/s", FLOOR, aim="0.7 of it"),
        Figure(f"{WRITERS} writers", "1/s", FLOOR, aim="15 times it"),
        Figure(SPREAD, "1/s", FLOOR),
    )
    if reason := missing_for_etcd():
        print(f"etcd: left out, {reason}")
        return figures
    against = Figure(f"{WRITERS} writers, against etcd", "1/s", ETCD, aim="3 times it")
    return (*figures, Figure(ETCD, "1/s"), against)


BENCHMARKS = [
    Benchmark(
        name="store_appends",
        title="durable appends of 400 bytes",
        figures=_figures(),
        sample=_sample,
    )
]
