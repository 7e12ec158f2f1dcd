"""From "the write is acknowledged" to "the reconciler is called", within one process.

Measured with one write at a time: the writer waits for the reconciler before it writes again. A
negative figure is possible and would mean that the reconciler ran before the writer resumed; the
floor is what the event loop itself needs to run a task that an event wakes.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.lowlevel

from benches.harness import Benchmark, Figure, Samples, percentile
from kernel import Client, ConfigMap, Kernel, ObjectMeta, Plugin, Request, reconciler
from kernel.store.store import Durability

WRITES = 500
MICROSECONDS = 1e6


async def _latencies(durability: Durability) -> list[float]:
    called_at = 0.0
    called = anyio.Event()

    @reconciler(ConfigMap, name="measured", when=lambda found: found.metadata.name == "measured")
    async def measured(request: Request, client: Client) -> None:
        nonlocal called_at
        called_at = time.perf_counter()
        called.set()

    latencies = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
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
                obj = await kernel.client.update(obj)
                acknowledged_at = time.perf_counter()
                await called.wait()
                latencies.append(called_at - acknowledged_at)
    return latencies


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
        floor = await _wake_ups()
        latencies = await _latencies(durability)
        return {
            "one task wakes another (floor), p50": percentile(floor, 0.5) * MICROSECONDS,
            "acknowledged → reconciler called, p50": percentile(latencies, 0.5) * MICROSECONDS,
            "acknowledged → reconciler called, p99": percentile(latencies, 0.99) * MICROSECONDS,
        }

    return sample


def _benchmark(durability: Durability) -> Benchmark:
    floor = "one task wakes another (floor), p50"
    return Benchmark(
        name=f"reconcile_latency_{durability}",
        title=f"write acknowledged → reconciler called, durability {durability}",
        figures=(
            Figure(floor, "µs"),
            Figure("acknowledged → reconciler called, p50", "µs", floor, aim="under 60 µs"),
            Figure("acknowledged → reconciler called, p99", "µs"),
        ),
        sample=_sample(durability),
    )


BENCHMARKS = [_benchmark("process"), _benchmark("disk")]
