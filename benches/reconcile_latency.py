"""From "the write is acknowledged" to "the reconciler is called", within one process.

Measured with one write at a time: the writer waits for the reconciler before it writes again. A
negative figure means that the reconciler was called before the writer resumed, which is so where
the writer thread wakes both. The floors are what the event loop itself needs to run a task that an
event wakes, and one bare synced put.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread

from benches._floors import synced_puts_per_second
from benches.harness import Benchmark, Figure, Samples, percentile
from kernel import Client, ConfigMap, Kernel, ObjectMeta, Plugin, Request, reconciler
from kernel.store.store import Durability

WRITES = 500
MICROSECONDS = 1e6
WAKE_UP = "one task wakes another (floor), p50"
SYNCED_PUT = "bare LMDB, one put and one fsync (floor)"


async def _latencies(durability: Durability) -> tuple[list[float], list[float]]:
    """Seconds from each write's acknowledgement, and from its beginning, to the call."""
    called_at = 0.0
    called = anyio.Event()

    @reconciler(ConfigMap, name="measured", when=lambda found: found.metadata.name == "measured")
    async def measured(request: Request, client: Client) -> None:
        nonlocal called_at
        called_at = time.perf_counter()
        called.set()

    since_acknowledged, since_written = [], []
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        plugin = Plugin(name="measured", reconcilers=(measured,))
        async with Kernel.open(
            directory, runtime=None, plugins=[plugin], durability=durability
        ) as kernel:
            obj = await kernel.client.create(
                ConfigMap(metadata=ObjectMeta(name="measured"), data={"n": "0"})
            )
            await called.wait()
            for number in range(WRITES):
                called = anyio.Event()
                obj.data = {"n": str(number + 1)}
                written_at = time.perf_counter()
                obj = await kernel.client.update(obj)
                acknowledged_at = time.perf_counter()
                await called.wait()
                since_acknowledged.append(called_at - acknowledged_at)
                since_written.append(called_at - written_at)
    return since_acknowledged, since_written


async def _wake_ups() -> list[float]:
    """The floor: an event set by one task, seen by another."""
    latencies = []
    ping = anyio.Event()
    pong = anyio.Event()
    woken_at = 0.0

    async def wait() -> None:
        nonlocal woken_at
        while True:
            await ping.wait()
            woken_at = time.perf_counter()
            pong.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        for _ in range(WRITES):
            await anyio.lowlevel.checkpoint()
            pong = anyio.Event()
            set_at = time.perf_counter()
            ping.set()
            ping = anyio.Event()
            await pong.wait()
            latencies.append(woken_at - set_at)
        tasks.cancel_scope.cancel()
    return latencies


def _sample(durability: Durability) -> Callable[[], Awaitable[Samples]]:
    async def sample() -> Samples:
        put_seconds = 1 / await anyio.to_thread.run_sync(synced_puts_per_second, WRITES)
        wake_ups = await _wake_ups()
        since_acknowledged, since_written = await _latencies(durability)
        return {
            WAKE_UP: percentile(wake_ups, 0.5) * MICROSECONDS,
            SYNCED_PUT: put_seconds * MICROSECONDS,
            "acknowledged → called, p50": percentile(since_acknowledged, 0.5) * MICROSECONDS,
            "acknowledged → called, p99": percentile(since_acknowledged, 0.99) * MICROSECONDS,
            "write begun → called, p50": percentile(since_written, 0.5) * MICROSECONDS,
            "write begun → called, p99": percentile(since_written, 0.99) * MICROSECONDS,
        }

    return sample


BENCHMARKS = [
    Benchmark(
        name="reconcile_latency_process",
        title="from a write to the reconciler's call, durability process",
        figures=(
            Figure(WAKE_UP, "µs"),
            Figure("acknowledged → called, p50", "µs", WAKE_UP, aim="at most 60 µs"),
            Figure("acknowledged → called, p99", "µs", aim="at most 300 µs"),
            Figure("write begun → called, p50", "µs"),
            Figure("write begun → called, p99", "µs"),
        ),
        sample=_sample("process"),
    ),
    Benchmark(
        name="reconcile_latency_disk",
        title="from a write to the reconciler's call, durability disk",
        figures=(
            Figure(SYNCED_PUT, "µs"),
            Figure("acknowledged → called, p50", "µs"),
            Figure("acknowledged → called, p99", "µs"),
            Figure("write begun → called, p50", "µs", SYNCED_PUT, aim="at most it + 150 µs"),
            Figure("write begun → called, p99", "µs"),
        ),
        sample=_sample("disk"),
    ),
]
