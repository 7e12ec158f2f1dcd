"""What happens in the runtime, as keys for the node agent: its event stream, and a slow relist."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import anyio.abc

from kernel.control.reconciler import Request, Trigger
from kernel.cri import runtime as cri
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.observe import CONTAINER_NAME, OWNER, POD_NAME, POD_NAMESPACE

logger = logging.getLogger("podkernel.pods")

RELIST_SECONDS = 60
RETRY_SECONDS = 5
# At the start everything is looked at, but what changes now is looked at first.
START_PRIORITY = -100

# What happens of itself. The rest follows from what the agent does.
_TOLD = {
    cri.RuntimeEventType.CONTAINER_EXITED: "exited",
    cri.RuntimeEventType.CONTAINER_OUT_OF_MEMORY: "ran out of memory",
}

_State = cri.SandboxState | cri.ContainerState


class RuntimeEvents:
    """A source of keys (`kernel.control.reconciler.Source`).

    The relist is the safety net for events that got lost: it triggers the Pods of which a sandbox
    or container has appeared or changed its state since the relist before. The first one finds
    all that was there before the agent.
    """

    def __init__(self, host: Host):
        self._runtime = host.runtime
        self._clock = host.clock
        self._owned = {OWNER: host.owner}
        self._states: dict[str, _State] = {}
        self._observed: dict[Request, list[str]] = {}

    def take_observations(self, request: Request) -> str:
        """What was observed of a Pod's containers since this was asked last: `container web
        exited`. It becomes a part of the actor's name in the log, for `podkernel why`."""
        return ", ".join(self._observed.pop(request, ()))

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Listen for as long as the context is open."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._listen, trigger)
            await self._relist(trigger, priority=START_PRIORITY)
            tasks.start_soon(self._relist_now_and_then, trigger)
            yield
            tasks.cancel_scope.cancel()

    async def _listen(self, trigger: Trigger, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        has_started = False
        while True:
            try:
                async with self._runtime.events() as events:
                    if not has_started:
                        has_started = True
                        task_status.started()
                    async for event in events:
                        await self._handle(event, trigger)
            except cri.RuntimeFailure as failure:
                logger.warning("no events from the runtime: %s", failure)
            if not has_started:
                has_started = True
                task_status.started()
            await self._clock.sleep(RETRY_SECONDS)
            await self._relist(trigger)

    async def _handle(self, event: cri.RuntimeEvent, trigger: Trigger) -> None:
        if event.type is cri.RuntimeEventType.RELIST:
            await self._relist(trigger)
        elif self._owned.items() <= event.labels.items():
            self._remember(event)
            _trigger_pod(event.labels, trigger)

    def _remember(self, event: cri.RuntimeEvent) -> None:
        request, container = _pod_of(event.labels), event.labels.get(CONTAINER_NAME)
        if request is not None and container and event.type in _TOLD:
            observation = f"container {container} {_TOLD[event.type]}"
            observations = self._observed.setdefault(request, [])
            if observation not in observations:
                observations.append(observation)

    async def _relist_now_and_then(self, trigger: Trigger) -> None:
        while True:
            await self._clock.sleep(RELIST_SECONDS)
            await self._relist(trigger)

    async def _relist(self, trigger: Trigger, *, priority: int = 0) -> None:
        try:
            sandboxes = await self._runtime.sandboxes(labels=self._owned)
            containers = await self._runtime.containers(labels=self._owned)
        except cri.RuntimeFailure as failure:
            logger.warning("the runtime can't be listed: %s", failure)
            return
        states: dict[str, _State] = {}
        everything: list[cri.Sandbox | cri.Container] = [*sandboxes, *containers]
        for found in everything:
            states[found.id] = found.state
            if self._states.get(found.id) is not found.state:
                _trigger_pod(found.labels, trigger, priority=priority)
        self._states = states


def _pod_of(labels: Mapping[str, str]) -> Request | None:
    name = labels.get(POD_NAME)
    return Request(name, labels.get(POD_NAMESPACE, "")) if name else None


def _trigger_pod(labels: Mapping[str, str], trigger: Trigger, *, priority: int = 0) -> None:
    request = _pod_of(labels)
    if request is not None:
        trigger(request, priority=priority)
