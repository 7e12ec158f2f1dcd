"""Removing Pods from this machine: what runs under a uid, and what it has on disk."""

import shutil

import anyio
import anyio.to_thread

from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.reconcilers.pod.configuration.translate import GRACE_SECONDS
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.volumes.directories import (
    has_volumes,
    remove_pod_directory,
    remove_volumes,
)


async def kill_pod(host: Host, observed: Observed, *, grace_seconds: float) -> None:
    """Stop all containers of one uid, then stop and remove its sandboxes. A container that can't be
    stopped doesn't keep the others from it; its failure is raised then."""
    failures: list[cri.RuntimeFailure] = []

    async def stop(container: cri.Container) -> None:
        try:
            await host.runtime.stop_container(container.id, grace_seconds=grace_seconds)
        except cri.RuntimeFailure as failure:
            failures.append(failure)

    async with anyio.create_task_group() as tasks:
        for container in observed.running():
            tasks.start_soon(stop, container)
    if failures:
        raise failures[0]
    for sandbox in observed.sandboxes:
        await host.runtime.stop_sandbox(sandbox.id)
        await host.runtime.remove_sandbox(sandbox.id)
        host.api_access.release(sandbox.id)


def grace_from_sandboxes(observed: Observed) -> float:
    """The grace that a Pod was given, as its sandbox remembers it; for one without Pod."""
    for sandbox in observed.sandboxes:
        text = sandbox.annotations.get(GRACE_SECONDS, "")
        if text.isdigit():
            return int(text)
    return 0


async def remove_volumes_of_ended(host: Host, pod: Pod, observed: Observed) -> None:
    """Remove what the volumes of a Pod hold that has ended for good, as its status says by now."""
    uid = runtime_uid(pod)
    if not observed.running() and has_volumes(host.pods_directory, uid):
        await anyio.to_thread.run_sync(remove_volumes, host.pods_directory, uid)


async def forget_pod(host: Host, namespace: str, name: str, uid: str) -> None:
    """Remove volumes and logs of a Pod that is gone from the runtime."""
    logs = host.logs_directory / f"{namespace}_{name}_{uid}"

    def remove() -> None:
        shutil.rmtree(logs, ignore_errors=True)
        remove_pod_directory(host.pods_directory, uid)

    if logs.exists() or has_volumes(host.pods_directory, uid):
        await anyio.to_thread.run_sync(remove)  # these may be large
    else:
        remove()
