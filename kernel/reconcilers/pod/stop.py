"""Stopping: containers with grace and an Event each, whole Pods, and what they have on disk."""

import shutil
from collections.abc import Mapping, Sequence

import anyio
import anyio.to_thread

from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.observe import Observed, field_path
from kernel.reconcilers.pod.plan import Stop
from kernel.reconcilers.pod.translate import GRACE_SECONDS, grace_seconds as grace_of
from kernel.reconcilers.pod.volumes.directories import has_volumes, remove_pod_directory


async def stop_containers(
    host: Host,
    pod: Pod,
    stops: Sequence[Stop],
    memory: PodMemory,
    *,
    grace_seconds: float | None = None,
) -> None:
    """Stop containers side by side, an Event for each. `grace_seconds` is for those that have none
    of their own; None is the Pod's."""
    for stop in stops:
        name = stop.container.name
        if memory.first_time(f"killing {stop.container.id}"):
            message = stop.message or f"Stopping container {name}"
            await host.recorder.event(
                pod, "Normal", "Killing", message, field_path=field_path(pod, name)
            )
    shared_grace = grace_of(pod) if grace_seconds is None else grace_seconds
    graces = {
        stop.container.id: shared_grace if stop.grace_seconds is None else stop.grace_seconds
        for stop in stops
    }
    await _stop_all(host, graces)


async def kill_pod(host: Host, observed: Observed, *, grace_seconds: float) -> None:
    """Stop all containers of one uid, then stop and remove its sandboxes."""
    await _stop_all(host, {container.id: grace_seconds for container in observed.running()})
    for sandbox in observed.sandboxes:
        await host.runtime.stop_sandbox(sandbox.id)
        await host.runtime.remove_sandbox(sandbox.id)


async def _stop_all(host: Host, grace_seconds: Mapping[str, float]) -> None:
    """Stop containers, given by id with their grace. One that can't be stopped doesn't keep the
    others from it; its failure is raised then."""
    failures: list[cri.RuntimeFailure] = []

    async def stop(container_id: str, grace: float) -> None:
        try:
            await host.runtime.stop_container(container_id, grace_seconds=grace)
        except cri.RuntimeFailure as failure:
            failures.append(failure)

    async with anyio.create_task_group() as tasks:
        for container_id, grace in grace_seconds.items():
            tasks.start_soon(stop, container_id, grace)
    if failures:
        raise failures[0]


def grace_from_sandboxes(observed: Observed) -> float:
    """The grace that a Pod was given, as its sandbox remembers it; for one without Pod."""
    for sandbox in observed.sandboxes:
        text = sandbox.annotations.get(GRACE_SECONDS, "")
        if text.isdigit():
            return int(text)
    return 0


async def forget_pod(host: Host, namespace: str, name: str, uid: str) -> None:
    """Remove volumes and logs of a Pod that is gone from the runtime."""
    shutil.rmtree(host.logs_directory / f"{namespace}_{name}_{uid}", ignore_errors=True)
    if has_volumes(host.pods_directory, uid):
        # These may be large.
        await anyio.to_thread.run_sync(remove_pod_directory, host.pods_directory, uid)
    else:
        remove_pod_directory(host.pods_directory, uid)
