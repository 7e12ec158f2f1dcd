"""From a container's exit to the Pod's new status, and to the container's next run.

The container reads a FIFO until its end and exits; the time counts from the close of the other
end. The floors are the bare runtime in the same run: until its own event stream yields the exit,
and until create and start of the next attempt have returned. The status is seen by a watch in the
kernel's process, once it is on disk: what one synced write costs there and then is shown too.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
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
from kernel.cri.runtime import Runtime, RuntimeEvent, RuntimeEventType

EXITS = {"process": 25, "containerd": 12}
PUTS = 100
MILLISECONDS = 1e3

EVENT = "exit → the runtime's event (floor), p50"
BARE_RESTART = "exit → bare restart (floor), p50"
WRITE = "one synced write to disk (floor)"


@dataclass
class Times:
    """Seconds from each exit."""

    told: list[float] = field(default_factory=list)
    restarted: list[float] = field(default_factory=list)


async def _bare(runtime: Runtime, directory: Path, exits: int) -> Times:
    times = Times()
    async with runtime.events() as events:
        for number in range(exits):
            gate = Gate(directory / f"gate-{number}")
            pod = BarePod.gated(runtime, f"pod-{number}", directory, gate)
            await pod.run_sandbox()
            container_id = await pod.start_container()
            await gate.hold()
            exited_at = gate.release()
            await _exit_of(container_id, events)
            times.told.append(time.perf_counter() - exited_at)
            await pod.start_container(attempt=1)
            times.restarted.append(time.perf_counter() - exited_at)
            await pod.remove()
    return times


async def _exit_of(container_id: str, events: AsyncIterator[RuntimeEvent]) -> None:
    async for event in events:
        if event.id == container_id and event.type is RuntimeEventType.CONTAINER_EXITED:
            return


async def _with_kernel(client: Client, directory: Path, exits: int) -> Times:
    times = Times()
    for number in range(exits):
        gate = Gate(directory / f"gate-{number}")
        name = f"pod-{number}"
        await client.create(gated_pod(name, gate))
        pod = await client.wait(Pod, name, is_running)
        assert pod is not None
        await gate.hold()
        async with client.watch(
            Pod, name=name, from_revision=int(pod.metadata.resource_version)
        ) as events:
            exited_at = gate.release()
            told = False
            async for event in events:
                (status,) = event.object.status.container_statuses
                if status.state.running is None and not told:
                    told = True
                    times.told.append(time.perf_counter() - exited_at)
                if status.state.running is not None and status.restart_count == 1:
                    times.restarted.append(time.perf_counter() - exited_at)
                    break
        await remove_pod(client, name)
    return times


def _sample(measured: Measured) -> Callable[[], Awaitable[Samples]]:
    exits = EXITS[measured.name]

    async def sample() -> Samples:
        floor, times = await bare_and_with_kernel(
            measured,
            lambda runtime, directory: _bare(runtime, directory, exits),
            lambda client, directory: _with_kernel(client, directory, exits),
        )
        return {
            WRITE: MILLISECONDS / synced_puts_per_second(PUTS),
            EVENT: percentile(floor.told, 0.5) * MILLISECONDS,
            "exit → new status seen, p50": percentile(times.told, 0.5) * MILLISECONDS,
            "exit → new status seen, slowest": max(times.told) * MILLISECONDS,
            BARE_RESTART: percentile(floor.restarted, 0.5) * MILLISECONDS,
            "exit → restarted, p50": percentile(times.restarted, 0.5) * MILLISECONDS,
            "exit → restarted, slowest": max(times.restarted) * MILLISECONDS,
        }

    return sample


def _benchmark(measured: Measured) -> Benchmark:
    return Benchmark(
        name=f"exit_to_status_{measured.name}",
        title=f"a container's exit → the Pod's status, on {measured.name}",
        figures=(
            Figure(WRITE, "ms"),
            Figure(EVENT, "ms"),
            Figure("exit → new status seen, p50", "ms", EVENT),
            Figure("exit → new status seen, slowest", "ms"),
            Figure(BARE_RESTART, "ms"),
            Figure("exit → restarted, p50", "ms", BARE_RESTART),
            Figure("exit → restarted, slowest", "ms"),
        ),
        sample=_sample(measured),
        repeats=3,
    )


BENCHMARKS = [_benchmark(measured) for measured in measured_runtimes()]
