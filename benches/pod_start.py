"""From "the Pod is created" to "it is Running", against the bare runtime calls of the same run.

The bare calls are those that the node agent has to make: run the sandbox, look for the image,
create the container, start it. The kernel also writes to disk meanwhile (the Pod, its binding,
Events, its status), which counts where the disk is slow: what one synced write costs is shown too.
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benches._floors import synced_puts_per_second
from benches._runtimes import (
    BarePod,
    Gate,
    Measured,
    bare_and_with_kernel,
    gated_pod,
    is_running,
    measured_runtimes,
    remove_pod,
)
from benches.harness import Benchmark, Figure, Samples, percentile
from kernel import Client, Pod
from kernel.cri.runtime import Runtime

PODS = {"process": 25, "containerd": 12}
PUTS = 100
MILLISECONDS = 1e3
WRITE = "one synced write to disk (floor)"
FLOOR = "bare runtime calls (floor), p50"


async def _bare(runtime: Runtime, directory: Path, pods: int) -> list[float]:
    times = []
    for number in range(pods):
        gate = Gate(directory / f"gate-{number}")
        pod = BarePod.gated(runtime, f"pod-{number}", directory, gate)
        began = time.perf_counter()
        await pod.run_sandbox()
        await pod.start_container()
        times.append(time.perf_counter() - began)
        await pod.remove()
    return times


async def _with_kernel(client: Client, directory: Path, pods: int) -> list[float]:
    times = []
    for number in range(pods):
        name = f"pod-{number}"
        pod = gated_pod(name, Gate(directory / f"gate-{number}"))
        began = time.perf_counter()
        await client.create(pod)
        await client.wait(Pod, name, is_running)
        times.append(time.perf_counter() - began)
        await remove_pod(client, name)
    return times


def _sample(measured: Measured) -> Callable[[], Awaitable[Samples]]:
    pods = PODS[measured.name]

    async def sample() -> Samples:
        floor, times = await bare_and_with_kernel(
            measured,
            lambda runtime, directory: _bare(runtime, directory, pods),
            lambda client, directory: _with_kernel(client, directory, pods),
        )
        return {
            WRITE: MILLISECONDS / synced_puts_per_second(PUTS),
            FLOOR: percentile(floor, 0.5) * MILLISECONDS,
            "Pod created → Running seen, p50": percentile(times, 0.5) * MILLISECONDS,
            "Pod created → Running seen, slowest": max(times) * MILLISECONDS,
        }

    return sample


def _benchmark(measured: Measured) -> Benchmark:
    return Benchmark(
        name=f"pod_start_{measured.name}",
        title=f"a Pod is created → it is Running, on {measured.name}",
        figures=(
            Figure(WRITE, "ms"),
            Figure(FLOOR, "ms"),
            Figure("Pod created → Running seen, p50", "ms", FLOOR),
            Figure("Pod created → Running seen, slowest", "ms"),
        ),
        sample=_sample(measured),
        repeats=3,
    )


BENCHMARKS = [_benchmark(measured) for measured in measured_runtimes()]
