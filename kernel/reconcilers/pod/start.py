"""Starting one container: its image, its configuration, create, start, and an Event for each."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import anyio
import msgspec

from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.objects.pod_status import ContainerStateWaiting
from kernel.objects.runtime_identity import runtime_uid
from kernel.reconcilers.pod.configuration.environment import (
    ConfigError,
    Sources,
    environment_of,
    skipped_names,
)
from kernel.reconcilers.pod.configuration.hosts_file import make_hosts_file
from kernel.reconcilers.pod.configuration.translate import Placement, container_config
from kernel.reconcilers.pod.configuration.unsupported import REASON
from kernel.reconcilers.pod.decisions.ephemeral import target_container_id
from kernel.reconcilers.pod.decisions.restart import StartNow
from kernel.reconcilers.pod.hooks.post_start import PostStart
from kernel.reconcilers.pod.host import CONTAINER, Host, PodMemory
from kernel.reconcilers.pod.images.getting import ImageStep
from kernel.reconcilers.pod.observe import Observed, field_path
from kernel.reconcilers.pod.termination import make_message_file
from kernel.reconcilers.pod.volumes.container_mounts import MountSources, container_mounts
from kernel.reconcilers.pod.volumes.directories import sub_paths_directory
from kernel.reconcilers.pod.volumes.objects import is_made_of_objects


class SandboxPlace(msgspec.Struct, frozen=True):
    """Where containers of a Pod are started: its ready sandbox, its volumes by name, and what is
    there already. `way_made` is set once its network leads to the API server, as far as it can:
    only then anything is started."""

    sandbox_id: str
    config: cri.SandboxConfig
    volumes: Mapping[str, Path]
    sources: Sources
    observed: Observed
    way_made: anyio.Event


def container_subject(container: Container) -> str:
    """What a failed create or start is remembered by."""
    return CONTAINER + container.name


class ContainerStart:
    """One attempt at starting one container. Failures end up in the Pod's memory and in Events;
    nothing is raised for them, so that one container never disturbs another."""

    def __init__(
        self, host: Host, memory: PodMemory, pod: Pod, container: Container, start: StartNow
    ):
        self._host = host
        self._memory = memory
        self._pod = pod
        self._container = container
        self._start = start
        self._field_path = field_path(pod, container.name)
        self._post_start = PostStart(host, memory, pod, container, start.attempt)
        self.started_id = ""
        """The container's id, once it has been started and nothing else was done to any."""

    async def run(self, place: SandboxPlace) -> bool:
        """Try; answers False where nothing was tried, because it failed too recently."""
        if self._memory.must_wait(container_subject(self._container)):
            return False
        step = ImageStep(self._host, self._memory, self._pod, self._container)
        if await step.must_wait():
            return False
        if self._start.interrupted_id and not await self._remove(self._start.interrupted_id):
            return True
        container_id = self._start.created_id
        if not container_id:
            image = await step.image(place.sources)
            container_id = await self._create(place, image) if image is not None else ""
        if container_id:
            await place.way_made.wait()
            await self._start_created(container_id)
        return True

    # The container

    async def _remove(self, container_id: str) -> bool:
        try:
            await self._host.runtime.remove_container(container_id)
        except cri.RuntimeFailure as failure:
            await self._failed("CreateContainerError", str(failure))
            return False
        return True

    async def _create(self, place: SandboxPlace, image: cri.Image) -> str:
        container, start = self._container, self._start
        try:
            volume_mounts = container_mounts(
                container,
                self._mount_sources(place),
                environment_of(self._pod, container, place.sources),
            )
            message_file = make_message_file(
                self._host.pods_directory, runtime_uid(self._pod), container.name, start.attempt
            )
            self._post_start.announce()
            hosts_file = make_hosts_file(
                self._host.pods_directory, self._pod, container, place.sources
            )
            placement = Placement(
                owner=self._host.owner,
                volume_mounts=volume_mounts,
                termination_message_file=message_file,
                profiles_directory=self._host.profiles_directory,
                hosts_file=hosts_file,
                target_container_id=target_container_id(container, place.observed),
            )
            config = container_config(self._pod, container, start, image, place.sources, placement)
        except (ConfigError, OSError) as failure:
            await self._failed("CreateContainerConfigError", str(failure))
            return ""
        for sentence in skipped_names(self._pod, container, place.sources):
            await self._host.recorder.event(
                self._pod, "Warning", "InvalidEnvironmentVariableNames", sentence
            )
        await self._say_limitations(place.config, config)
        try:
            container_id = await self._host.runtime.create_container(
                place.sandbox_id, config, place.config
            )
        except cri.RuntimeFailure as failure:
            await self._failed("CreateContainerError", str(failure))
            return ""
        await self._event("Normal", "Created", f"Created container: {container.name}")
        return container_id

    def _mount_sources(self, place: SandboxPlace) -> MountSources:
        sees_all = self._host.runtime.host_mounts is cri.HostMounts.ALL
        directory = sub_paths_directory(self._host.pods_directory, runtime_uid(self._pod))
        # The agent writes there, as root: a container must have no say in where that leads.
        of_objects = {one.name for one in self._pod.spec.volumes if is_made_of_objects(one)}
        return MountSources(
            place.volumes, of_objects, directory if sees_all and os.geteuid() == 0 else None
        )

    async def _start_created(self, container_id: str) -> None:
        name = self._container.name
        try:
            await self._host.runtime.start_container(container_id)
        except cri.RuntimeFailure as failure:
            if await self._has_exited(container_id):
                # Its end is in the runtime for all to see: the restart policy goes on from there.
                self._memory.waiting.pop(name, None)
                await self._event("Warning", "Failed", f"Error: {failure}")
            else:
                await self._failed("RunContainerError", str(failure))
            return
        self._memory.waiting.pop(name, None)
        self._memory.succeeded(container_subject(self._container))
        if not self._start.interrupted_id:
            self.started_id = container_id
        await self._event("Normal", "Started", f"Started container {name}")
        await self._post_start.run(container_id)

    async def _has_exited(self, container_id: str) -> bool:
        with suppress(cri.RuntimeFailure):
            status = await self._host.runtime.container_status(container_id)
            return status.state is cri.ContainerState.EXITED
        return False

    async def _say_limitations(
        self, sandbox: cri.SandboxConfig, config: cri.ContainerConfig
    ) -> None:
        for sentence in self._host.runtime.limitations(sandbox, config):
            if self._start.attempt == 0 and self._memory.first_time(sentence):
                # That an image stays unused is how some runtimes are meant to be.
                harmless = "image" in sentence and "not used" in sentence
                await self._event("Normal" if harmless else "Warning", REASON, sentence)

    async def _failed(self, reason: str, message: str) -> None:
        self._memory.failed(container_subject(self._container))
        self._wait(reason, message)
        await self._event("Warning", "Failed", f"Error: {message}")

    def _wait(self, reason: str, message: str) -> None:
        waiting = ContainerStateWaiting(reason=reason, message=message)
        self._memory.waiting[self._container.name] = waiting

    async def _event(self, type: str, reason: str, message: str) -> None:
        await self._host.recorder.event(
            self._pod, type, reason, message, field_path=self._field_path
        )
