"""Getting the image of one container: there already, pulled, or why not; with the Events."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from kernel.background import background_tasks
from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.objects.pod_status import ContainerStateWaiting
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.images.policy import (
    ImageProblem,
    back_off_message,
    must_pull,
    never_pulled,
    pull_back_off_seconds,
    pull_failed,
    pull_policy,
    pull_waits,
    pulled_message,
)
from kernel.reconcilers.pod.images.pull_progress import PullProgress
from kernel.reconcilers.pod.images.pulls import Pulled
from kernel.reconcilers.pod.images.registry_credentials import credentials_for, missing_pull_secrets
from kernel.reconcilers.pod.observe import field_path

PROGRESS_SECONDS = 10.0


class ImageStep:
    """One attempt at having the image of one container. Failures end up in the Pod's memory and
    in Events."""

    def __init__(self, host: Host, memory: PodMemory, pod: Pod, container: Container) -> None:
        self._host = host
        self._memory = memory
        self._pod = pod
        self._container = container
        self._image = container.image
        self._subject = f"image {container.image}"

    async def must_wait(self) -> bool:
        """Whether it has failed too recently to be tried again, which is then said."""
        if not self._memory.must_wait(self._subject):
            return False
        await self._say_that_it_waits()
        return True

    async def image(self, sources: Sources) -> cri.Image | None:
        """The image, pulled where the policy says so; None where it can't be had."""
        name = self._image
        try:
            image = await self._host.runtime.image_status(name)
        except cri.InvalidImageName as failure:
            await self._event("Warning", "InspectFailed", pull_failed(name, failure).message)
            await self._failed(pull_failed(name, failure))
            return None
        except cri.RuntimeFailure as failure:
            message = f'Failed to inspect image "{name}": {failure}'
            await self._event("Warning", "InspectFailed", message)
            await self._failed(ImageProblem("ImageInspectError", message))
            return None
        if must_pull(pull_policy(self._container), present=image is not None):
            return await self._pull(sources)
        if image is None:
            problem = never_pulled(name)
            await self._event("Warning", problem.reason, problem.message)
            await self._failed(problem)
            return None
        message = f'Container image "{name}" already present on machine'
        await self._event("Normal", "Pulled", message)
        self._memory.succeeded(self._subject)
        return image

    async def _pull(self, sources: Sources) -> cri.Image | None:
        name, clock = self._image, self._host.clock
        missing = missing_pull_secrets(self._pod, sources)
        if missing:
            message = (
                f"Unable to retrieve some image pull secrets ({', '.join(missing)});"
                " attempting to pull the image may not succeed."
            )
            await self._event("Warning", "FailedToRetrieveImagePullSecret", message)
        await self._event("Normal", "Pulling", f'Pulling image "{name}"')
        began = clock.monotonic_seconds()
        try:
            credentials = credentials_for(self._pod, name, sources)
            pulled = await self._telling(lambda: self._host.pulls.pull(name, credentials))
            image = await self._host.runtime.image_status(name)
        except cri.RuntimeFailure as failure:
            await self._event("Warning", "Failed", f'Failed to pull image "{name}": {failure}')
            await self._failed(pull_failed(name, failure))
            return None
        took_seconds = clock.monotonic_seconds() - began
        size = image.size_bytes if image else 0
        message = pulled_message(name, pulled.seconds, took_seconds, size)
        await self._event("Normal", "Pulled", message)
        self._memory.succeeded(self._subject)
        return image or cri.Image(id=pulled.reference)

    async def _telling(self, pull: Callable[[], Awaitable[Pulled]]) -> Pulled:
        """What comes of a pull, with Events that say how far it is while it takes long."""
        async with background_tasks() as tasks:
            tasks.start_soon(self._tell_progress)
            return await pull()
        raise AssertionError("nobody cancels the pull alone")

    async def _tell_progress(self) -> None:
        progress, said = PullProgress(), ""
        while True:
            await self._host.clock.sleep(PROGRESS_SECONDS)
            with suppress(cri.RuntimeFailure):
                text = progress.see(await self._host.runtime.downloads())
                if text and text != said:
                    said = text
                    message = f'Pulling image "{self._image}": {text}'
                    await self._event("Normal", "Pulling", message)

    async def _failed(self, problem: ImageProblem) -> None:
        wait_seconds = pull_back_off_seconds(self._memory.failures(self._subject) + 1)
        self._memory.failed(self._subject, wait_seconds=wait_seconds)
        self._wait(problem)
        await self._event("Warning", "Failed", f"Error: {problem.reason}")

    async def _say_that_it_waits(self) -> None:
        present = self._memory.waiting.get(self._container.name)
        if present is not None and present.reason in _KEPT_WHILE_WAITING:
            return
        failed = ImageProblem(present.reason, present.message) if present else None
        if present is None or present.reason != "ImagePullBackOff":
            self._wait(pull_waits(self._image, failed))
        failures = self._memory.failures(self._subject)
        if self._memory.first_time(f"{self._container.name}: pull {failures} waits"):
            await self._event("Normal", "BackOff", back_off_message(self._image))
            await self._event("Warning", "Failed", "Error: ImagePullBackOff")

    def _wait(self, problem: ImageProblem) -> None:
        waiting = ContainerStateWaiting(reason=problem.reason, message=problem.message)
        self._memory.waiting[self._container.name] = waiting

    async def _event(self, type: str, reason: str, message: str) -> None:
        where = field_path(self._pod, self._container.name)
        await self._host.recorder.event(self._pod, type, reason, message, field_path=where)


# No pull has failed: there was none.
_KEPT_WHILE_WAITING = ("ErrImageNeverPull", "InvalidImageName", "ImageInspectError")
