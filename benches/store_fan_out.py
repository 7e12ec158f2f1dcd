"""Watches in process: many that match, and many that don't."""

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc

from benches.harness import Benchmark, Figure, Samples, percentile
from kernel.clock import SystemClock
from kernel.store.log import Operation, Write
from kernel.store.store import Store

MATCHING = 1000
BYSTANDERS = 10_000
BURST = 32  # writes that are on their way together
BURSTS = 40
SINGLE_WRITES = 300
LONE_WATCHER = "a write with 1 watcher, p50"
MICROSECONDS = 1e6


@asynccontextmanager
async def _store() -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        clock = SystemClock()
        async with Store.open_writer(Path(directory), clock=clock, durability="process") as store:
            yield store


async def _deliveries_per_second(burst: int, bursts: int) -> float:
    """Writers write in bursts; each of the watchers has to see every entry."""
    total = burst * bursts
    async with _store() as store:

        async def watch(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            seen = 0
            with store.watch("/core/pods/", after_revision=0) as watching:
                task_status.started()
                while seen < total:
                    for _ in await anext(watching):
                        seen += 1

        async with anyio.create_task_group() as watchers:
            for _ in range(MATCHING):
                await watchers.start(watch)
            await anyio.wait_all_tasks_blocked()
            started_at = time.perf_counter()
            for _ in range(bursts):
                async with anyio.create_task_group() as writers:
                    for number in range(burst):
                        write = Write((Operation(f"/core/pods/default/{number}", b"x" * 400),))
                        writers.start_soon(store.commit, write)
        return MATCHING * total / (time.perf_counter() - started_at)


async def _write_seconds(bystanders: int) -> float:
    """From a write to the one watcher that it matters to, while others watch other keys."""
    times = []
    async with _store() as store:

        async def watch(key: str, *, task_status: anyio.abc.TaskStatus[None]) -> None:
            with store.watch(key, after_revision=0) as watching:
                task_status.started()
                await anext(watching)

        with ExitStack() as stack:
            async with anyio.create_task_group() as tasks:
                for number in range(bystanders):
                    await tasks.start(watch, f"/core/pods/default/other-{number}")
                watching = stack.enter_context(
                    store.watch("/core/pods/default/web", after_revision=0)
                )
                for _ in range(SINGLE_WRITES):
                    started_at = time.perf_counter()
                    await store.commit(Write((Operation("/core/pods/default/web", b"x" * 400),)))
                    await anext(watching)
                    times.append(time.perf_counter() - started_at)
                tasks.cancel_scope.cancel()
    return percentile(times, 0.5)


async def _sample() -> Samples:
    many = f"with {BYSTANDERS:,} watchers of which 1 matches, p50"
    return {
        f"{MATCHING:,} watchers, {BURST} writes at a time": await _deliveries_per_second(
            BURST, BURSTS
        ),
        f"{MATCHING:,} watchers, one write at a time": await _deliveries_per_second(1, BURSTS * 4),
        LONE_WATCHER: await _write_seconds(0) * MICROSECONDS,
        many: await _write_seconds(BYSTANDERS - 1) * MICROSECONDS,
    }


BENCHMARKS = [
    Benchmark(
        name="store_fan_out",
        title="entries that reach watches in the same process",
        figures=(
            Figure(f"{MATCHING:,} watchers, {BURST} writes at a time", "1/s", aim="1 M/s"),
            Figure(f"{MATCHING:,} watchers, one write at a time", "1/s"),
            Figure(LONE_WATCHER, "µs"),
            Figure(
                f"with {BYSTANDERS:,} watchers of which 1 matches, p50",
                "µs",
                LONE_WATCHER,
                aim="at most 1.3 times it",
            ),
        ),
        sample=_sample,
    )
]
