"""The end of a node that takes its Pods down with it."""

from contextlib import suppress

import anyio
import msgspec

from kernel.clock import Clock
from kernel.cri.runtime import Runtime, RuntimeFailure
from kernel.objects.kind import Kind
from kernel.reconcilers.pod.decisions.plan import Stop
from kernel.reconcilers.pod.host import EventRecorder, PodMemory
from kernel.reconcilers.pod.observe import OWNER, Observed, observed
from kernel.reconcilers.pod.remains import remains_of
from kernel.reconcilers.pod.removal import grace_from_sandboxes
from kernel.reconcilers.pod.stop import stop_containers

GRACE_SECONDS_MAX = 10


class _Nobody:
    """Whom Events are told that nobody reads: the log is about to be closed."""

    async def event(
        self, obj: Kind, type: str, reason: str, message: str, *, field_path: str = ""
    ) -> None:
        pass


class _EndingHost(msgspec.Struct, frozen=True):
    """A `ContainerHost` at its end. What is in the node's own network is asked by loopback."""

    runtime: Runtime
    clock: Clock
    recorder: EventRecorder
    addresses: tuple[str, ...] = ("127.0.0.1",)


async def stop_all_pods(runtime: Runtime, clock: Clock, owner: str) -> None:
    """Stop every container and sandbox of the agent that `owner` names: with hooks, in order, and
    with the grace of its Pod but no more than `GRACE_SECONDS_MAX`. Nothing is removed: the next
    agent of that name sees how each has ended."""
    host = _EndingHost(runtime, clock, _Nobody())
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
            tasks.start_soon(_stop_pod, host, one)


async def _stop_pod(host: _EndingHost, pod: Observed) -> None:
    (sandbox,) = pod.sandboxes
    # What can't be stopped is killed with its sandbox.
    with suppress(RuntimeFailure):
        await stop_containers(
            host,
            remains_of(sandbox.uid, pod),
            [Stop(container) for container in pod.running()],
            PodMemory(sandbox.uid, host.clock),
            grace_seconds=min(grace_from_sandboxes(pod), GRACE_SECONDS_MAX),
            whole_pod=True,
        )
    # Nothing more can be done for one that stays; the others are still to be stopped.
    with suppress(RuntimeFailure):
        await host.runtime.stop_sandbox(sandbox.id)
