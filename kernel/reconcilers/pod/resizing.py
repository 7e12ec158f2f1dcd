"""Setting other amounts of cpu and memory for containers that run."""

from collections.abc import Sequence

from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.configuration.translate import linux_resources
from kernel.reconcilers.pod.decisions.resize import Resize
from kernel.reconcilers.pod.host import RESIZE, Host, PodMemory


async def resize_containers(
    host: Host, pod: Pod, resizes: Sequence[Resize], memory: PodMemory
) -> None:
    """Set them. What fails is remembered for the Pod's conditions, and tried again later."""
    for resize in resizes:
        wanted = linux_resources(pod, resize.definition, host.capacity)
        try:
            await _require_room(host, resize, wanted)
            await host.runtime.update_resources(resize.container.id, wanted)
        except cri.RuntimeUnavailable:
            raise
        except cri.RuntimeFailure as failure:
            memory.resize_failure = str(failure)
            memory.failed(RESIZE)
            return
        memory.resized[resize.container.id] = resize.definition.resources
    forget_failure(memory)


def forget_failure(memory: PodMemory) -> None:
    """Nothing is to be resized any more: what failed is not to be tried again."""
    memory.resize_failure = ""
    memory.succeeded(RESIZE)


async def _require_room(host: Host, resize: Resize, wanted: cri.LinuxResources) -> None:
    """Raise `RuntimeFailure`, in the kubelet's words, for less memory than is in use: the kernel
    would kill the container for it."""
    limit_bytes = wanted.memory_limit_bytes
    if not limit_bytes:
        return
    for usage in await host.runtime.usage(labels=resize.container.labels):
        if usage.container_id == resize.container.id and usage.memory_bytes > limit_bytes:
            raise cri.RuntimeFailure(
                f'attempting to set container "{resize.definition.name}" memory limit'
                f" ({limit_bytes}) below current usage ({usage.memory_bytes})"
            )
