"""Exits that containerd has told of, and its CRI plugin does not show yet.

containerd says that a task has ended within milliseconds. Its CRI plugin hears it too, waits for
the rest of the output, has the task deleted, and shows the container as running until then, some
40 ms later. Exit code and time stand in the event, so that nobody has to wait for them.
"""

import anyio
import msgspec

from kernel.cri.runtime import Container, ContainerState

SETTLE_SECONDS_MAX = 10.0
"""How long CRI is waited for, at most: a shim that hangs must not hold up what can do without."""


class ToldExit(msgspec.Struct, frozen=True):
    """What the event says. `finished_at` is in nanoseconds since the epoch."""

    sandbox_id: str
    exit_code: int
    finished_at: int
    reason: str


class ToldExits:
    """Those that are not settled: CRI may still show the containers as running."""

    def __init__(self) -> None:
        self._exits: dict[str, ToldExit] = {}
        self._settled: dict[str, anyio.Event] = {}

    def tell(self, container_id: str, told: ToldExit) -> None:
        """From now on the container has exited, whatever CRI shows."""
        self._exits[container_id] = told
        self._settled.setdefault(container_id, anyio.Event())

    def settle(self, container_id: str) -> None:
        """CRI shows the exit, or nobody looks for it any more."""
        self._exits.pop(container_id, None)
        settled = self._settled.pop(container_id, None)
        if settled is not None:
            settled.set()

    def shown(self, container: Container) -> Container:
        """The container as it is, from what CRI shows."""
        told = self._exits.get(container.id)
        if told is None or container.state is not ContainerState.RUNNING:
            return container
        return msgspec.structs.replace(
            container,
            state=ContainerState.EXITED,
            exit_code=told.exit_code,
            finished_at=told.finished_at,
            reason=told.reason,
        )

    async def wait_settled(self, container_id: str) -> None:
        """Return once CRI shows the exit, if it was told, or that takes too long."""
        settled = self._settled.get(container_id)
        if settled is not None:
            with anyio.move_on_after(SETTLE_SECONDS_MAX):
                await settled.wait()

    async def wait_all_settled(self, sandbox_id: str) -> None:
        """The same for all containers of a sandbox."""
        for container_id, told in list(self._exits.items()):
            if told.sandbox_id == sandbox_id:
                await self.wait_settled(container_id)
