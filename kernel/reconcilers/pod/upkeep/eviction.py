"""Pods that take more of the disk than they may: looked at now and then, and evicted."""

from contextlib import suppress
from pathlib import Path

import anyio.to_thread

from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import POD_UID, runtime_uid
from kernel.reconcilers.pod.decisions.deadline import PodFailure
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.observe import CONTAINER_NAME, Observed
from kernel.reconcilers.pod.upkeep.storage_limits import (
    EVICTED,
    StorageUsage,
    has_storage_limits,
    storage_excess,
)
from kernel.reconcilers.pod.volumes.directories import (
    memory_directory,
    pod_directory,
    volumes_directory,
)
from kernel.reconcilers.pod.volumes.usage import used_bytes

CHECK_SECONDS = 10
"""How often a Pod with limits is looked at, as often as by the kubelet."""


async def due_eviction(
    host: Host, pod: Pod, observed: Observed, memory: PodMemory
) -> PodFailure | None:
    """Why the Pod has to go now; said in an Event too. What has been decided stands in a file, for
    a later podkernel that finds the containers ended."""
    if memory.storage_checked_at is None and memory.eviction is None and has_storage_limits(pod):
        memory.eviction = _decided_before(host, pod)
    if seconds_to_next_check(host, pod, memory) == 0 and observed.running():
        memory.storage_checked_at = host.clock.monotonic_seconds()
        usage = await _usage(host, pod, observed)
        memory.eviction = storage_excess(pod, usage)
        if memory.eviction is not None and memory.first_time(EVICTED):
            _decision_file(host, pod).write_text(memory.eviction.message)
            await host.recorder.event(pod, "Warning", EVICTED, memory.eviction.message)
    return memory.eviction


def seconds_to_next_check(host: Host, pod: Pod, memory: PodMemory) -> float | None:
    """How long until the Pod's use of the disk is to be looked at; None: never (again)."""
    if memory.eviction is not None or not has_storage_limits(pod):
        return None
    if memory.storage_checked_at is None:
        return 0
    return max(memory.storage_checked_at + CHECK_SECONDS - host.clock.monotonic_seconds(), 0)


def _decision_file(host: Host, pod: Pod) -> Path:
    return pod_directory(host.pods_directory, runtime_uid(pod)) / "eviction"


def _decided_before(host: Host, pod: Pod) -> PodFailure | None:
    with suppress(FileNotFoundError):
        return PodFailure(EVICTED, _decision_file(host, pod).read_text())
    return None


async def _usage(host: Host, pod: Pod, observed: Observed) -> StorageUsage:
    uid = runtime_uid(pod)
    written = await _written_bytes(host.runtime, uid)
    return await anyio.to_thread.run_sync(_on_disk, host.pods_directory, pod, observed, written)


def _on_disk(
    pods_directory: Path, pod: Pod, observed: Observed, written: dict[str, int]
) -> StorageUsage:
    uid = runtime_uid(pod)
    volumes = {}
    for volume in pod.spec.volumes:
        if volume.empty_dir is not None:
            shared = memory_directory(uid) / volume.name
            on_disk = volumes_directory(pods_directory, uid) / volume.name
            volumes[volume.name] = used_bytes(shared if shared.exists() else on_disk)
    containers = dict(written)
    for container in observed.containers:
        if container.log_path:
            logs = used_bytes(Path(container.log_path).parent)
            containers[container.name] = written.get(container.name, 0) + logs
    return StorageUsage(volumes=volumes, containers=containers)


async def _written_bytes(runtime: cri.Runtime, uid: str) -> dict[str, int]:
    """What containers have written to their own file systems, zero where the runtime can't tell."""
    usages = await runtime.usage(labels={POD_UID: uid})
    return {usage.labels.get(CONTAINER_NAME, ""): usage.writable_layer_bytes for usage in usages}
