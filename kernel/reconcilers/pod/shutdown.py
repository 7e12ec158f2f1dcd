"""The end of a node that takes its Pods down with it."""

from functools import partial

import anyio

from kernel.cri.runtime import Container, ContainerState, Runtime, RuntimeFailure
from kernel.reconcilers.pod.observe import OWNER, Observed, observed
from kernel.reconcilers.pod.removal import grace_from_sandboxes

GRACE_SECONDS_MAX = 10


async def stop_all_pods(runtime: Runtime, owner: str) -> None:
    """Stop every container and sandbox of the agent that `owner` names, with the grace of its Pod
    but no more than `GRACE_SECONDS_MAX`. Nothing is removed: the next agent of that name sees how
    each has ended."""
    by_sandbox: dict[str, Observed] = {}
    labels = {OWNER: owner}
    try:
        containers = await runtime.containers(labels=labels)
        for sandbox in await runtime.sandboxes(labels=labels):
            own = [found for found in containers if found.sandbox_id == sandbox.id]
            by_sandbox[sandbox.id] = observed([sandbox], own)
    except RuntimeFailure:
        return  # the runtime is gone, and what it ran is beyond reach
    async with anyio.create_task_group() as tasks:
        for one in by_sandbox.values():
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
