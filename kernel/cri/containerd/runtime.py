"""The containerd runtime: CRI v1 over containerd's socket, and containerd's own event stream."""

import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import anyio

from kernel.background import background_tasks
from kernel.clock import Clock
from kernel.cri.containerd.channel import (
    CALL_SECONDS_MAX,
    ContainerdChannel,
    DeadlineExceeded,
    FailedPrecondition,
    ShimClosed,
    Unimplemented,
)
from kernel.cri.containerd.events import EventFeed, Seen
from kernel.cri.containerd.lost_tasks import remove_lost_task
from kernel.cri.containerd.measuring import ContainerdMeasuring
from kernel.cri.containerd.messages import (
    STOP_SIGNAL_ANNOTATION,
    container_config_message,
    container_of,
    container_state_of,
    credentials_message,
    image_of,
    network_namespace_of,
    resources_message,
    sandbox_config_message,
    sandbox_of,
    sandbox_state_of,
)
from kernel.cri.containerd.mount_namespace import shares_mount_namespace
from kernel.cri.containerd.own_stop_signal import end_by_signal
from kernel.cri.containerd.streaming import ContainerdStreaming
from kernel.cri.containerd.told_exits import ToldExits
from kernel.cri.image_name import whole_image_name
from kernel.cri.port_check import CheckResult, PortCheck
from kernel.cri.port_checks.checker import check_port
from kernel.cri.proto import runtime_pb2 as cri
from kernel.cri.runtime import (
    NO_LABELS,
    Container,
    ContainerConfig,
    ExecResult,
    HostMounts,
    Image,
    ImagePullFailure,
    LinuxResources,
    NotFound,
    RegistryCredentials,
    RuntimeEvent,
    RuntimeFailure,
    RuntimeNotReady,
    RuntimeUnavailable,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
)
from kernel.cri.stop_signal import signal_number

Item = TypeVar("Item")

_STOP_SIGNALS_SINCE = (2, 3)
_ROOT_USER = 0
# Those that Pods depend on, with the kubelet's words for what they are about.
_CONDITIONS = {
    "RuntimeReady": "container runtime",
    "NetworkReady": "container runtime network",
}
_SHIM_CLOSED_SECONDS = 0.1
# What containerd says of a start that an earlier process of ours has asked for.
_ALREADY_STARTING = "container is already in starting state"
_ALREADY_STARTED = "container is in CONTAINER_RUNNING state"
_STARTING_SECONDS = 0.05
_SANDBOX_TIMEOUT_FACTOR = 2
_VERSION_SECONDS_MAX = 10.0
_LOOK_SECONDS_MAX = 10.0


class ContainerdRuntime(ContainerdMeasuring, ContainerdStreaming):
    """A `kernel.cri.runtime.Runtime` over the containerd that listens at `socket_path`.

    Nothing is connected before the first call. Works on asyncio only, as grpc does. A call that
    waits for nothing but containerd itself may take `call_seconds_max`, a sandbox twice that, like
    a kubelet's; pulls and commands without a timeout may take any time.
    """

    name = "containerd"

    def __init__(
        self, socket_path: str, *, clock: Clock, call_seconds_max: float = CALL_SECONDS_MAX
    ) -> None:
        super().__init__(ContainerdChannel(socket_path, call_seconds_max=call_seconds_max))
        self._clock = clock
        self._told_exits = ToldExits()
        self._version = ""

    @property
    def host_mounts(self) -> HostMounts:
        """All, where containerd lives in our mount namespace; else it would find empty directories
        in their place."""
        shared = shares_mount_namespace(self._channel.socket_path)
        return HostMounts.ALL if shared else HostMounts.NONE

    async def version(self) -> RuntimeVersion:
        socket_path = self._channel.socket_path
        # Somebody waits for this before anything begins.
        seconds = min(_VERSION_SECONDS_MAX, self._channel.call_seconds_max)
        try:
            version = await self._channel.call(
                cri.VersionRequest(), cri.VersionResponse, timeout_seconds=seconds
            )
            status = await self._channel.call(
                cri.StatusRequest(), cri.StatusResponse, timeout_seconds=seconds
            )
        except Unimplemented as failure:
            raise RuntimeUnavailable(
                f"containerd at {socket_path} does not serve CRI v1 ({failure}): enable its cri "
                "plugin, or choose another runtime"
            ) from failure
        except DeadlineExceeded as failure:
            raise RuntimeUnavailable(
                f"containerd at {socket_path} hangs ({failure}): see its log, or choose another "
                "runtime"
            ) from failure
        for condition in status.status.conditions:
            if condition.type in _CONDITIONS and not condition.status:
                why = " ".join(condition.message.split())
                raise RuntimeNotReady(
                    f"containerd at {socket_path} can't run Pods yet, {condition.type} is false: "
                    f"{why}",
                    trouble=f"{_CONDITIONS[condition.type]} not ready: {condition.type}=false"
                    f" reason:{condition.reason} message:{why}",
                )
        self._version = version.runtime_version
        return RuntimeVersion(version.runtime_name, version.runtime_version)

    def limitations(self, sandbox: SandboxConfig, container: ContainerConfig) -> list[str]:
        if container.stop_signal and signal_number(container.stop_signal) is None:
            return [f"the stop signal {container.stop_signal} is not known: the image's is sent"]
        return []

    # Sandboxes.

    async def run_sandbox(self, config: SandboxConfig) -> str:
        if config.log_directory:
            await anyio.Path(config.log_directory).mkdir(parents=True, exist_ok=True)
        request = cri.RunPodSandboxRequest(
            config=sandbox_config_message(config), runtime_handler=config.runtime_handler
        )
        answer = await self._channel.call(
            request,
            cri.RunPodSandboxResponse,
            timeout_seconds=_SANDBOX_TIMEOUT_FACTOR * self._channel.call_seconds_max,
        )
        return answer.pod_sandbox_id

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await self._told_exits.wait_all_settled(sandbox_id)
        request = cri.StopPodSandboxRequest(pod_sandbox_id=sandbox_id)
        # Not found is an answer of containerd before 1.7; later ones take it for stopped.
        with suppress(NotFound):
            await self._channel.call(request, cri.StopPodSandboxResponse)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        request = cri.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self.stop_sandbox(sandbox_id)
        with suppress(NotFound):
            try:
                await self._channel.call(request, cri.RemovePodSandboxResponse)
            except FailedPrecondition:
                # It is one of its containers that can't be removed so simply.
                for container_id in await self._containers_in(sandbox_id):
                    await self.remove_container(container_id)
                await self._channel.call(request, cri.RemovePodSandboxResponse)

    async def sandboxes(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Sandbox]:
        request = cri.ListPodSandboxRequest(filter=cri.PodSandboxFilter(label_selector=labels))
        answer = await self._channel.call(request, cri.ListPodSandboxResponse)
        return await _all_present(self.sandbox_status, [item.id for item in answer.items])

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        request = cri.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        answer = await self._channel.call(request, cri.PodSandboxStatusResponse)
        return sandbox_of(answer.status)

    async def network_namespace(self, sandbox_id: str) -> str:
        request = cri.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id, verbose=True)
        answer = await self._channel.call(request, cri.PodSandboxStatusResponse)
        return network_namespace_of(answer.info)

    # Containers.

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        if config.log_path:
            log_path = anyio.Path(sandbox.log_directory, config.log_path)
            await log_path.parent.mkdir(parents=True, exist_ok=True)
        message = container_config_message(
            config, sandbox, sandbox_id=sandbox_id, image=whole_image_name(config.image)
        )
        if config.security.run_as_user is None and config.security.run_as_group is not None:
            await self._fill_in_user(message)
        request = cri.CreateContainerRequest(
            pod_sandbox_id=sandbox_id,
            config=message,
            sandbox_config=sandbox_config_message(sandbox),
        )
        answer = await self._channel.call(request, cri.CreateContainerResponse)
        return answer.container_id

    async def _fill_in_user(self, message: cri.ContainerConfig) -> None:
        """CRI takes a group only together with a user: name the one that the image has."""
        image = await self._image(message.image.image)
        security = message.linux.security_context
        if image is not None and image.username and not image.HasField("uid"):
            security.run_as_username = image.username
        else:
            security.run_as_user.value = _ROOT_USER if image is None else image.uid.value

    async def start_container(self, container_id: str) -> None:
        request = cri.StartContainerRequest(container_id=container_id)
        is_waiting = False
        while True:
            try:
                await self._channel.call_to_the_end(request, cri.StartContainerResponse)
            except RuntimeFailure as failure:
                if is_waiting and _ALREADY_STARTED in str(failure):
                    return
                if _ALREADY_STARTING not in str(failure):
                    raise
                is_waiting = True
                await self._clock.sleep(_STARTING_SECONDS)
            else:
                return

    async def stop_container(self, container_id: str, *, grace_seconds: float) -> None:
        await self._told_exits.wait_settled(container_id)
        own_signal = await self._own_stop_signal(container_id) if grace_seconds > 0 else None
        if own_signal is not None:
            await end_by_signal(
                self._channel, self._clock, container_id, own_signal, grace_seconds=grace_seconds
            )
            grace_seconds = 0
        # CRI counts whole seconds.
        timeout = math.ceil(max(grace_seconds, 0))
        request = cri.StopContainerRequest(container_id=container_id, timeout=timeout)

        async def stop() -> None:
            await self._channel.call(
                request,
                cri.StopContainerResponse,
                timeout_seconds=timeout + self._channel.call_seconds_max,
            )

        with suppress(NotFound):
            try:
                await stop()
            except ShimClosed:
                # It ended at that very moment, which containerd knows a moment later.
                await self._clock.sleep(_SHIM_CLOSED_SECONDS)
                await stop()

    async def _own_stop_signal(self, container_id: str) -> int | None:
        """The number of the signal that is ours to send."""
        if _release(self._version) >= _STOP_SIGNALS_SINCE:
            return None
        request = cri.ContainerStatusRequest(container_id=container_id)
        seconds = min(_LOOK_SECONDS_MAX, self._channel.call_seconds_max)
        # A containerd that does not answer is met by the stop, too.
        with suppress(RuntimeFailure):
            answer = await self._channel.call(
                request, cri.ContainerStatusResponse, timeout_seconds=seconds
            )
            if answer.status.state == cri.CONTAINER_RUNNING:
                return signal_number(answer.status.annotations.get(STOP_SIGNAL_ANNOTATION, ""))
        return None

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        request = cri.UpdateContainerResourcesRequest(
            container_id=container_id, linux=resources_message(resources)
        )
        await self._channel.call(request, cri.UpdateContainerResourcesResponse)

    async def remove_container(self, container_id: str) -> None:
        await self._told_exits.wait_settled(container_id)
        request = cri.RemoveContainerRequest(container_id=container_id)
        with suppress(NotFound):
            try:
                await self._channel.call(request, cri.RemoveContainerResponse)
            except FailedPrecondition:
                await remove_lost_task(self._channel, self._clock, container_id)
                await self._channel.call(request, cri.RemoveContainerResponse)

    async def _containers_in(self, sandbox_id: str) -> list[str]:
        request = cri.ListContainersRequest(filter=cri.ContainerFilter(pod_sandbox_id=sandbox_id))
        answer = await self._channel.call(request, cri.ListContainersResponse)
        return [container.id for container in answer.containers]

    async def containers(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Container]:
        request = cri.ListContainersRequest(filter=cri.ContainerFilter(label_selector=labels))
        answer = await self._channel.call(request, cri.ListContainersResponse)
        return await _all_present(self.container_status, [item.id for item in answer.containers])

    async def container_status(self, container_id: str) -> Container:
        return self._told_exits.shown(await self._status(container_id))

    async def _status(self, container_id: str) -> Container:
        """What CRI itself shows."""
        request = cri.ContainerStatusRequest(container_id=container_id)
        answer = await self._channel.call(request, cri.ContainerStatusResponse)
        return container_of(answer.status)

    async def exec_sync(
        self, container_id: str, command: tuple[str, ...], *, timeout_seconds: float
    ) -> ExecResult:
        # CRI counts whole seconds; our own deadline is exact, and containerd kills the command
        # at either.
        request = cri.ExecSyncRequest(
            container_id=container_id, cmd=command, timeout=math.ceil(timeout_seconds)
        )
        try:
            answer = await self._channel.call(
                request, cri.ExecSyncResponse, timeout_seconds=timeout_seconds or math.inf
            )
        except DeadlineExceeded as failure:
            raise TimeoutError(
                f"command timed out after {timeout_seconds:g} s: {' '.join(command)}"
            ) from failure
        return ExecResult(answer.stdout, answer.stderr, answer.exit_code)

    async def check(
        self, sandbox_id: str, check: PortCheck, *, timeout_seconds: float
    ) -> CheckResult:
        return await check_port(check, self._clock, timeout_seconds=timeout_seconds)

    async def wait_log_written(self, container_id: str) -> None:
        await self._told_exits.wait_settled(container_id)

    async def reopen_log(self, container_id: str) -> None:
        request = cri.ReopenContainerLogRequest(container_id=container_id)
        await self._channel.call(request, cri.ReopenContainerLogResponse)

    # Images.

    async def image_status(self, image: str) -> Image | None:
        found = await self._image(whole_image_name(image))
        return None if found is None else image_of(found)

    async def _image(self, whole_name: str) -> cri.Image | None:
        request = cri.ImageStatusRequest(image=cri.ImageSpec(image=whole_name))
        answer = await self._channel.call(request, cri.ImageStatusResponse)
        return answer.image if answer.HasField("image") else None

    async def pull_image(self, image: str, credentials: RegistryCredentials | None = None) -> str:
        request = cri.PullImageRequest(
            image=cri.ImageSpec(image=whole_image_name(image)),
            auth=None if credentials is None else credentials_message(credentials),
        )
        try:
            answer = await self._channel.call(
                request, cri.PullImageResponse, timeout_seconds=math.inf
            )
        except RuntimeUnavailable:
            raise
        except RuntimeFailure as failure:
            raise ImagePullFailure(str(failure)) from failure
        return answer.image_ref

    # Events.

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[RuntimeEvent]]:
        send, receive = anyio.create_memory_object_stream[RuntimeEvent](math.inf)
        feed = EventFeed(
            *(self._channel, self._look, self._status, self._told_exits, self._clock, send)
        )
        with send, receive:
            async with background_tasks() as tasks:
                await tasks.start(feed.run)
                yield receive

    async def _look(self, identifier: str) -> Seen | None:
        """What CRI shows of a container or sandbox. A list costs no failed call, unlike a
        status, where there is none."""
        containers = await self._channel.call(
            cri.ListContainersRequest(filter=cri.ContainerFilter(id=identifier)),
            cri.ListContainersResponse,
        )
        for container in containers.containers:
            state = container_state_of(container.state)
            return Seen(state, dict(container.labels), container.pod_sandbox_id)
        sandboxes = await self._channel.call(
            cri.ListPodSandboxRequest(filter=cri.PodSandboxFilter(id=identifier)),
            cri.ListPodSandboxResponse,
        )
        for sandbox in sandboxes.items:
            return Seen(sandbox_state_of(sandbox.state), dict(sandbox.labels))
        return None

    async def close(self) -> None:
        await self._channel.close()


async def _all_present(
    status: Callable[[str], Awaitable[Item]], identifiers: list[str]
) -> list[Item]:
    """The status of each, asked side by side, without those removed since they were listed."""
    found: dict[str, Item] = {}
    failures: list[RuntimeFailure] = []

    async def look(identifier: str) -> None:
        try:
            found[identifier] = await status(identifier)
        except NotFound:
            pass
        except RuntimeFailure as failure:
            failures.append(failure)

    async with anyio.create_task_group() as group:
        for identifier in identifiers:
            group.start_soon(look, identifier)
    if failures:
        raise failures[0]
    return [found[identifier] for identifier in identifiers if identifier in found]


def _release(version: str) -> tuple[int, int]:
    """Major and minor of `1.6.20~ds1` or `v2.3.0`; (0, 0) where they can't be read."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
