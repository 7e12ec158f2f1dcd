"""A runtime that shows only what one owner has made in it.

containerd may be shared: with a real kubelet, with another podkernel. A node agent removes what
belongs to no Pod of its own, so it must not see what is not its own. Sandboxes and containers made
through a `ScopedRuntime` carry the owner in a label, and lists and events leave out all others.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec

from kernel.cri.runtime import (
    NO_LABELS,
    Container,
    ContainerConfig,
    ExecResult,
    Image,
    RegistryCredentials,
    Runtime,
    RuntimeEvent,
    RuntimeEventType,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
)

OWNER_LABEL = "podkernel.dev/owner"


class ScopedRuntime:
    """`runtime` as `owner` (any text that is unique) sees it."""

    def __init__(self, runtime: Runtime, owner: str):
        self._runtime = runtime
        self._labels = {OWNER_LABEL: owner}
        self.name = runtime.name

    async def version(self) -> RuntimeVersion:
        return await self._runtime.version()

    def limitations(self, sandbox: SandboxConfig, container: ContainerConfig) -> list[str]:
        return self._runtime.limitations(sandbox, container)

    async def run_sandbox(self, config: SandboxConfig) -> str:
        return await self._runtime.run_sandbox(self._owned_sandbox(config))

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await self._runtime.stop_sandbox(sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self._runtime.remove_sandbox(sandbox_id)

    async def sandboxes(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Sandbox]:
        return await self._runtime.sandboxes(labels={**labels, **self._labels})

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        return await self._runtime.sandbox_status(sandbox_id)

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        owned = msgspec.structs.replace(config, labels={**config.labels, **self._labels})
        return await self._runtime.create_container(sandbox_id, owned, self._owned_sandbox(sandbox))

    async def start_container(self, container_id: str) -> None:
        await self._runtime.start_container(container_id)

    async def stop_container(self, container_id: str, *, grace_seconds: float) -> None:
        await self._runtime.stop_container(container_id, grace_seconds=grace_seconds)

    async def remove_container(self, container_id: str) -> None:
        await self._runtime.remove_container(container_id)

    async def containers(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Container]:
        return await self._runtime.containers(labels={**labels, **self._labels})

    async def container_status(self, container_id: str) -> Container:
        return await self._runtime.container_status(container_id)

    async def exec_sync(
        self, container_id: str, command: tuple[str, ...], *, timeout_seconds: float
    ) -> ExecResult:
        return await self._runtime.exec_sync(container_id, command, timeout_seconds=timeout_seconds)

    async def reopen_log(self, container_id: str) -> None:
        await self._runtime.reopen_log(container_id)

    async def image_status(self, image: str) -> Image | None:
        return await self._runtime.image_status(image)

    async def pull_image(self, image: str, credentials: RegistryCredentials | None = None) -> str:
        return await self._runtime.pull_image(image, credentials)

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[RuntimeEvent]]:
        return self._own_events()

    @asynccontextmanager
    async def _own_events(self) -> AsyncIterator[AsyncIterator[RuntimeEvent]]:
        async with self._runtime.events() as events:
            yield self._own(events)

    async def _own(self, events: AsyncIterator[RuntimeEvent]) -> AsyncIterator[RuntimeEvent]:
        owner = self._labels[OWNER_LABEL]
        async for event in events:
            if event.type is RuntimeEventType.RELIST or event.labels.get(OWNER_LABEL) == owner:
                yield event

    async def close(self) -> None:
        await self._runtime.close()

    def _owned_sandbox(self, config: SandboxConfig) -> SandboxConfig:
        return msgspec.structs.replace(config, labels={**config.labels, **self._labels})
