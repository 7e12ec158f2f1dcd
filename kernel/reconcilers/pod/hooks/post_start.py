"""The postStart hook of a container that has just started.

That it is still to be run stands in a file beside the container's termination message, made before
the start: an agent that was killed meanwhile runs it again, at least once as in Kubernetes.
"""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from kernel.cri import runtime as cri
from kernel.objects.container import LifecycleHandler
from kernel.objects.pod import Container, Pod
from kernel.objects.pod_status import ContainerStateWaiting
from kernel.objects.runtime_identity import runtime_uid
from kernel.reconcilers.pod.decisions.plan import Stop
from kernel.reconcilers.pod.hooks.running import Hook, HookFailure
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.observe import Observed, field_path
from kernel.reconcilers.pod.stop import stop_containers
from kernel.reconcilers.pod.termination import message_file


def post_start_of(container: Container) -> LifecycleHandler | None:
    """The hook, where the container has one."""
    return container.lifecycle.post_start if container.lifecycle is not None else None


def hook_file(host: Host, pod: Pod, container_name: str, attempt: int) -> Path:
    """What is there as long as the hook of an attempt is to be run."""
    message = message_file(host.pods_directory, runtime_uid(pod), container_name, attempt)
    return message.with_suffix(".post-start")


class PostStart:
    """The hook of one attempt of a container."""

    def __init__(
        self, host: Host, memory: PodMemory, pod: Pod, container: Container, attempt: int
    ) -> None:
        self._host = host
        self._memory = memory
        self._pod = pod
        self._container = container
        self._handler = post_start_of(container)
        self._subject = f"postStart {container.name} {attempt}"
        self._file = hook_file(host, pod, container.name, attempt)

    def announce(self) -> None:
        """The container is about to be started: remember that the hook is to be run."""
        if self._handler is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    @property
    def is_due(self) -> bool:
        """Whether it is still to be run, and may be tried now."""
        return (
            self._handler is not None
            and self._file.exists()
            and not self._memory.must_wait(self._subject)
        )

    async def run(self, container_id: str) -> None:
        """Run it; where it fails, stop the container. The restart policy goes on from there."""
        if self._handler is None:
            return
        hook = Hook(self._host, self._pod, self._container, self._handler)
        try:
            await hook.run(container_id)
        except HookFailure as failure:
            await self._stop(container_id, str(failure))
        else:
            self._file.unlink(missing_ok=True)

    async def _stop(self, container_id: str, message: str) -> None:
        pod, name = self._pod, self._container.name
        # Why is not said in the Event: what a command writes may be secret.
        await self._host.recorder.event(
            *(pod, "Warning", "FailedPostStartHook", "PostStartHook failed"),
            field_path=field_path(pod, name),
        )
        try:
            container = await self._host.runtime.container_status(container_id)
            stops = [Stop(container, "FailedPostStartHook")]
            await stop_containers(self._host, pod, stops, self._memory)
        except cri.RuntimeFailure as failure:
            self._memory.failed(self._subject)
            await self._host.recorder.event(
                *(pod, "Warning", "FailedKillPod", f"error killing container {name}: {failure}"),
                field_path=field_path(pod, name),
            )
            return
        self._memory.succeeded(self._subject)
        self._file.unlink(missing_ok=True)
        waiting = ContainerStateWaiting(reason="PostStartHookError", message=message)
        self._memory.waiting[name] = waiting


def due_post_starts(
    host: Host, memory: PodMemory, pod: Pod, observed: Observed
) -> list[tuple[PostStart, str]]:
    """The hooks of running containers that an agent before this one has not come to the end of,
    and the containers' ids."""
    due = []
    for container, run in _with_hook(pod, observed):
        hook = PostStart(host, memory, pod, container, run.attempt)
        if hook.is_due:
            due.append((hook, run.id))
    return due


def with_post_starts(host: Host, pod: Pod, observed: Observed) -> Observed:
    """The same, with the containers named whose hook has not come to its end: to everybody else
    they have not started yet."""
    ids = frozenset(
        run.id
        for container, run in _with_hook(pod, observed)
        if hook_file(host, pod, container.name, run.attempt).exists()
    )
    return replace(observed, in_post_start=ids) if ids else observed


def _with_hook(pod: Pod, observed: Observed) -> Iterator[tuple[Container, cri.Container]]:
    """The containers that have such a hook and run, with what runs."""
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        latest = observed.latest(container.name)
        if post_start_of(container) is None or latest is None:
            continue
        if latest.state is cri.ContainerState.RUNNING:
            yield container, latest
