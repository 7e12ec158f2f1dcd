"""The end of a node that takes its Pods down with it."""

from functools import partial

import anyio

from kernel.cri.runtime import Container, ContainerState, Runtime, RuntimeFailure
from kernel.reconcilers.pod.observe import Observed, observed
from kernel.reconcilers.pod.stop import grace_from_sandboxes

GRACE_SECONDS_MAX = 10


async def stop_all_pods(runtime: Runtime) -> None:
    """Stop every container and sandbox of the runtime, with the grace of its Pod but no more than
    `GRACE_SECONDS_MAX`. Nothing is removed: the next node agent sees how each has ended."""
    by_uid: dict[str, Observed] = {}
    try:
        containers = await runtime.containers()
        for sandbox in await runtime.sandboxes():
            own = [found for found in containers if found.sandbox_id == sandbox.id]
            by_uid[sandbox.id] = observed([sandbox], own)
    except RuntimeFailure:
        return  # the runtime is gone, and what it ran is beyond reach
    async with anyio.create_task_group() as tasks:
        for one in by_uid.values():
            tasks.start_soon(_stop_pod, runtime, one)


async def _stop_pod(runtime: Runtime, pod: Observed) -> None:
    grace = min(grace_from_sandboxes(pod), GRACE_SECONDS_MAX)
    async with anyio.create_task_group() as tasks:
        for container in pod.containers:
            if container.state is ContainerState.RUNNING:
                tasks.start_soon(partial(_stop_container, runtime, container, grace))
    for sandbox in pod.sandboxes:
        try:
            await runtime.stop_sandbox(sandbox.id)
        except RuntimeFailure:
            continue  # nothing more can be done for it; the others are still to be stopped


async def _stop_container(runtime: Runtime, container: Container, grace_seconds: float) -> None:
    try:
        await runtime.stop_container(container.id, grace_seconds=grace_seconds)
    except RuntimeFailure:
        return  # stopping its sandbox kills it
