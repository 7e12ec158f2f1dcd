"""Short ways to say what the tests of runtimes do all the time."""

import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec

from kernel.cri.runtime import (
    Container,
    ContainerConfig,
    ContainerState,
    Runtime,
    RuntimeEvent,
    RuntimeEventType,
    SandboxConfig,
)
from tests.cri.runtimes_under_test import Command, RuntimeUnderTest

Found = TypeVar("Found")

PATIENCE_SECONDS = 30

_LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) (stdout|stderr) [FP] (.*)"
)
_numbers = itertools.count(1)


class Trial:
    """One runtime object, and sandboxes with containers in it, all named after one test."""

    def __init__(self, under_test: RuntimeUnderTest, directory: Path) -> None:
        self.under_test = under_test
        self.runtime: Runtime = under_test.open()
        self.directory = directory
        self.label = f"trial-{os.getpid()}-{next(_numbers)}"
        self._sandboxes: dict[str, SandboxConfig] = {}

    @property
    def labels(self) -> Mapping[str, str]:
        """What everything of this trial carries."""
        return {"trial": self.label}

    def sandbox_config(self, name: str = "web", **changes: Any) -> SandboxConfig:
        config = SandboxConfig(
            name=name,
            namespace="default",
            uid=f"{self.label}-{name}",
            attempt=0,
            hostname=name,
            log_directory=str(self.directory / "logs" / name),
            labels=self.labels,
            annotations={"note": "kept"},
        )
        return msgspec.structs.replace(config, **changes)

    async def run_sandbox(self, name: str = "web", **changes: Any) -> str:
        config = self.sandbox_config(name, **changes)
        sandbox_id = await self.runtime.run_sandbox(config)
        self._sandboxes[sandbox_id] = config
        return sandbox_id

    def container_config(
        self, command: Command, name: str = "main", **changes: Any
    ) -> ContainerConfig:
        config = ContainerConfig(
            name=name,
            attempt=0,
            image=self.under_test.image,
            command=command,
            labels={**self.labels, "container": name},
            annotations={"note": "kept"},
            log_path=f"{name}/0.log",
        )
        return msgspec.structs.replace(config, **changes)

    async def create(
        self, sandbox_id: str, command: Command, name: str = "main", **changes: Any
    ) -> str:
        if await self.runtime.image_status(self.under_test.image) is None:
            await self.runtime.pull_image(self.under_test.image)
        config = self.container_config(command, name, **changes)
        return await self.runtime.create_container(sandbox_id, config, self._sandboxes[sandbox_id])

    async def start(
        self, sandbox_id: str, command: Command, name: str = "main", **changes: Any
    ) -> str:
        container_id = await self.create(sandbox_id, command, name, **changes)
        await self.runtime.start_container(container_id)
        return container_id

    async def shell(self, sandbox_id: str, script: str, name: str = "main", **changes: Any) -> str:
        return await self.start(sandbox_id, ("sh", "-c", script), name, **changes)

    async def exited(self, container_id: str) -> Container:
        """The container once it has exited."""

        async def look() -> Container | None:
            container = await self.runtime.container_status(container_id)
            return container if container.state is ContainerState.EXITED else None

        return await wait_for(look)

    async def output(self, container_id: str, stream: str = "stdout") -> list[str]:
        """The lines that an exited container wrote."""
        container = await self.exited(container_id)
        return [text for where, text in log_lines(container) if where == stream]

    async def wait_output(self, container_id: str, line: str) -> None:
        """Return once the container wrote `line`."""

        async def look() -> bool | None:
            container = await self.runtime.container_status(container_id)
            return ("stdout", line) in log_lines(container) or None

        await wait_for(look)

    async def close(self) -> None:
        for sandbox in await self.runtime.sandboxes(labels=self.labels):
            await self.runtime.remove_sandbox(sandbox.id)
        await self.runtime.close()


async def wait_for(look: Callable[[], Awaitable[Found | None]]) -> Found:
    """What `look` answers once that is not None. Raises `TimeoutError`."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while True:
            found = await look()
            if found is not None:
                return found
            await anyio.sleep(0.01)


async def next_event(
    events: AsyncIterator[RuntimeEvent], event_type: RuntimeEventType, subject_id: str = ""
) -> RuntimeEvent:
    """The next event of a type (and about an id); others are skipped."""
    with anyio.fail_after(PATIENCE_SECONDS):
        async for event in events:
            if event.type is event_type and subject_id in ("", event.id):
                return event
    raise AssertionError("the events ended")


def log_lines(container: Container) -> list[tuple[str, str]]:
    """Stream and text of each line of the log; every line must have CRI's form."""
    path = Path(container.log_path)
    lines = []
    for line in path.read_text().splitlines() if path.exists() else ():
        match = _LOG_LINE.fullmatch(line)
        assert match, f"not CRI's log format: {line!r}"
        lines.append((match[1], match[2]))
    return lines
