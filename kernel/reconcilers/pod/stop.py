"""Stopping: containers with their hooks, in order and with grace, and an Event each."""

from collections.abc import Sequence

import anyio
from msgspec.structs import replace

from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.configuration.translate import grace_seconds as grace_of
from kernel.reconcilers.pod.decisions.plan import Stop
from kernel.reconcilers.pod.decisions.stop_order import sidecars_wait_for
from kernel.reconcilers.pod.hooks.running import Hook, HookFailure
from kernel.reconcilers.pod.host import ContainerHost, PodMemory
from kernel.reconcilers.pod.interrupt import given_up_after
from kernel.reconcilers.pod.observe import field_path

GRACE_SECONDS_MIN = 2
"""What is left between the stop signal and SIGKILL, however much of the grace is used up."""


async def stop_containers(
    host: ContainerHost,
    pod: Pod,
    stops: Sequence[Stop],
    memory: PodMemory,
    *,
    grace_seconds: float | None = None,
    whole_pod: bool = False,
) -> None:
    """Stop containers side by side, an Event for each; with `whole_pod` sidecars after the others.

    `grace_seconds` is for those that have none of their own; None is the Pod's. A preStop hook and
    the wait for a sidecar's turn take of it. One that can't be stopped doesn't keep the others from
    it; its failure is raised then.
    """
    shared = grace_of(pod) if grace_seconds is None else grace_seconds
    names = [stop.container.name for stop in stops]
    waits_for = sidecars_wait_for(pod, names) if whole_pod else {}
    ended = {name: anyio.Event() for name in names}
    failures: list[Exception] = []

    async def end(stop: Stop) -> None:
        name = stop.container.name
        grace = shared if stop.grace_seconds is None else stop.grace_seconds
        stopping = _Stopping(host, pod, memory, replace(stop, grace_seconds=grace))
        try:
            await stopping.run([ended[other] for other in waits_for.get(name, ())])
        except Exception as failure:  # whatever it is, the others have to end
            failures.append(failure)
        ended[name].set()

    async with anyio.create_task_group() as tasks:
        for stop in stops:
            tasks.start_soon(end, stop)
    if failures:
        raise failures[0]


class _Stopping:
    """The end of one container, within one grace."""

    def __init__(self, host: ContainerHost, pod: Pod, memory: PodMemory, stop: Stop) -> None:
        self._host = host
        self._pod = pod
        self._memory = memory
        self._container = stop.container
        self._message = stop.message or f"Stopping container {stop.container.name}"
        self._due = host.clock.monotonic_seconds() + (stop.grace_seconds or 0)

    async def run(self, others: Sequence[anyio.Event]) -> None:
        """Run the hook, wait until `others` have ended, and stop. Raises `RuntimeFailure`."""
        if self._memory.first_time(f"killing {self._container.id}"):
            await self._event("Normal", "Killing", self._message)
        await self._pre_stop()

        async def turn() -> None:
            for event in others:
                await event.wait()

        if others and self._seconds_left() > 0:
            await given_up_after(self._host.clock, self._seconds_left(), turn)
        grace = max(self._seconds_left(), GRACE_SECONDS_MIN)
        await self._host.runtime.stop_container(self._container.id, grace_seconds=grace)

    async def _pre_stop(self) -> None:
        """Run the preStop hook where there is one; one that has run is not run again."""
        container = _in_spec(self._pod, self._container.name)
        handler = container.lifecycle.pre_stop if container and container.lifecycle else None
        done = f"preStop of {self._container.id}"
        if container is None or handler is None or self._seconds_left() <= 0:
            return
        if self._memory.has_happened(done):
            return
        hook = Hook(self._host, self._pod, container, handler)

        async def run() -> None:
            await hook.run(self._container.id)

        try:
            is_late = await given_up_after(self._host.clock, self._seconds_left(), run)
        except HookFailure:
            is_late = True
        # A pause that was cut short has not failed.
        if is_late and handler.sleep is None:
            # Why is not said: what a command writes may be secret.
            await self._event("Warning", "FailedPreStopHook", "PreStopHook failed")
        self._memory.happened(done)

    def _seconds_left(self) -> float:
        return self._due - self._host.clock.monotonic_seconds()

    async def _event(self, type: str, reason: str, message: str) -> None:
        await self._host.recorder.event(
            self._pod, type, reason, message, field_path=field_path(self._pod, self._container.name)
        )


def _in_spec(pod: Pod, name: str) -> Container | None:
    every = (*pod.spec.init_containers, *pod.spec.containers)
    return next((container for container in every if container.name == name), None)
