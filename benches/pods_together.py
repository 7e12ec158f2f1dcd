"""Many Pods at once on one node: until all run, against the bare runtime calls side by side.

Then the same beside a few Pods of which a call is slow (a postStart hook that takes as long as all
the others together): a call that waits behind a slow one would show.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from benches._runtimes import (
    IMAGE,
    BarePod,
    Measured,
    bare_and_with_kernel,
    is_running,
    measured_runtimes,
    remove_pod,
)
from benches.harness import Benchmark, Figure, Samples
from kernel import Client, Container, ObjectMeta, Pod, PodSpec
from kernel.cri.runtime import Runtime
from kernel.objects.container import ExecAction, Lifecycle, LifecycleHandler

PODS = 100
SLOW_PODS = 10
SLOW_SECONDS = 60
COMMAND = ["sleep", "600"]

FLOOR = f"{PODS} times the bare calls, side by side (floor)"
TOGETHER = f"{PODS} Pods created at once → all Running"
BESIDE_SLOW = f"the same beside {SLOW_PODS} Pods with a slow call"


def _pod(name: str, lifecycle: Lifecycle | None = None) -> Pod:
    container = Container(
        name="main",
        image=IMAGE,
        image_pull_policy="IfNotPresent",
        command=COMMAND,
        lifecycle=lifecycle,
    )
    spec = PodSpec(containers=[container], termination_grace_period_seconds=0)
    return Pod(metadata=ObjectMeta(name=name), spec=spec)


async def _bare(runtime: Runtime, directory: Path) -> float:
    pods = [BarePod(runtime, f"pod-{number}", directory, COMMAND) for number in range(PODS)]

    async def start(pod: BarePod) -> None:
        await pod.run_sandbox()
        await pod.start_container()

    began = time.perf_counter()
    await _side_by_side([partial(start, pod) for pod in pods])
    took = time.perf_counter() - began
    await _side_by_side([pod.remove for pod in pods])
    return took


async def _with_kernel(client: Client, directory: Path) -> tuple[float, float]:
    before = await _all_running(client, "before")
    command = ["sleep", str(SLOW_SECONDS)]
    slow = Lifecycle(post_start=LifecycleHandler(exec=ExecAction(command=command)))
    slow_names = [f"slow-{number}" for number in range(SLOW_PODS)]
    for name in slow_names:
        await client.create(_pod(name, slow))
    beside = await _all_running(client, "beside")
    await _side_by_side([partial(remove_pod, client, name) for name in slow_names])
    # Once more: each round is slower than the one before, as the machine is still clearing away
    # what that has left (network namespaces, shims), whatever else runs.
    after = await _all_running(client, "after")
    return (before + after) / 2, beside


async def _all_running(client: Client, prefix: str) -> float:
    names = [f"{prefix}-{number}" for number in range(PODS)]
    began = time.perf_counter()
    for name in names:
        await client.create(_pod(name))
    for name in names:
        await client.wait(Pod, name, is_running, timeout_seconds=SLOW_SECONDS)
    took = time.perf_counter() - began
    await _side_by_side([partial(remove_pod, client, name) for name in names])
    return took


async def _side_by_side(calls: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(call)


def _sample(measured: Measured) -> Callable[[], Awaitable[Samples]]:
    async def sample() -> Samples:
        floor, (alone, beside) = await bare_and_with_kernel(measured, _bare, _with_kernel)
        return {FLOOR: floor, TOGETHER: alone, BESIDE_SLOW: beside}

    return sample


def _benchmark(measured: Measured) -> Benchmark:
    return Benchmark(
        name=f"pods_together_{measured.name}",
        title=f"{PODS} Pods at once on one node, on {measured.name}",
        figures=(
            Figure(FLOOR, "s"),
            Figure(TOGETHER, "s", FLOOR),
            Figure(BESIDE_SLOW, "s", TOGETHER),
        ),
        sample=_sample(measured),
        repeats=1,
    )


BENCHMARKS = [_benchmark(measured) for measured in measured_runtimes()]
