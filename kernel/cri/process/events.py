"""The process runtime's events: a subscription to every shim, merged for each listener."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from kernel.cri.process.client import ShimGone, Subscription, wait_for_shim
from kernel.cri.process.state import (
    ContainerRecord,
    ProcessState,
    SandboxRecord,
    ShimIdentity,
)
from kernel.cri.runtime import RuntimeEvent, RuntimeEventType

_CONTAINER_EVENTS = {
    "started": RuntimeEventType.CONTAINER_STARTED,
    "exited": RuntimeEventType.CONTAINER_EXITED,
    "out of memory": RuntimeEventType.CONTAINER_OUT_OF_MEMORY,
}


class _Listener:
    """One open `events()`: its tasks, and where it is read."""

    def __init__(self, tasks: TaskGroup, queue: MemoryObjectSendStream[RuntimeEvent]) -> None:
        self.tasks = tasks
        self.queue = queue


class EventHub:
    """Who listens, and to which shims."""

    def __init__(self, state: ProcessState) -> None:
        self._state = state
        self._listeners: set[_Listener] = set()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[RuntimeEvent]]:
        # Unbounded: an event is small, and a shim must not wait for a slow listener.
        queue, events = anyio.create_memory_object_stream[RuntimeEvent](float("inf"))
        raised: Exception | None = None
        async with queue, events, anyio.create_task_group() as tasks:
            listener = _Listener(tasks, queue)
            self._listeners.add(listener)
            try:
                for record in list(self._state.sandboxes.values()):
                    if self._state.shim(record.id) is not None:
                        await self._follow(listener, record)
                yield events
            except Exception as error:
                # Raised below, as itself: the task group would wrap it.
                raised = error
            finally:
                self._listeners.discard(listener)
                tasks.cancel_scope.cancel()
        if raised is not None:
            raise raised

    async def sandbox_ready(self, record: SandboxRecord) -> None:
        """A new sandbox: it is listened to before anybody can start a container in it."""
        for listener in list(self._listeners):
            listener.queue.send_nowait(_event(RuntimeEventType.SANDBOX_READY, record))
            await self._follow(listener, record)

    async def _follow(self, listener: _Listener, record: SandboxRecord) -> None:
        try:
            shim = self._state.shim(record.id)
            if shim is None:
                raise ShimGone("sandbox is not running")
            # Looked at now: once the shim is dead, none is seen running.
            running = self._running(record)
            subscription = await Subscription.open(self._state.sandbox_directory(record.id))
        except ShimGone:
            listener.queue.send_nowait(_event(RuntimeEventType.SANDBOX_STOPPED, record))
            return
        if listener in self._listeners:
            listener.tasks.start_soon(self._pass_on, listener, record, shim, running, subscription)
        else:
            subscription.close()

    def _running(self, record: SandboxRecord) -> dict[str, ContainerRecord]:
        containers = self._state.containers_of(record.id)
        return {each.id: each for each in containers if self._state.fate(each).state == "running"}

    async def _pass_on(
        self,
        listener: _Listener,
        record: SandboxRecord,
        shim: ShimIdentity,
        running: dict[str, ContainerRecord],
        subscription: Subscription,
    ) -> None:
        async for happened, container_id in subscription:
            container = running.get(container_id) or self._state.containers.get(container_id)
            if container is None:
                # It was removed before its events were read.
                continue
            if happened == "started":
                running[container_id] = container
            elif happened == "exited":
                running.pop(container_id, None)
            listener.queue.send_nowait(_event(_CONTAINER_EVENTS[happened], container))
        # The shim has let go of its socket, and is about to end. Containers that it didn't see exit
        # are lost, which the status shows once it is dead.
        await wait_for_shim(shim)
        for container in running.values():
            listener.queue.send_nowait(_event(RuntimeEventType.CONTAINER_EXITED, container))
        listener.queue.send_nowait(_event(RuntimeEventType.SANDBOX_STOPPED, record))


def _event(kind: RuntimeEventType, record: SandboxRecord | ContainerRecord) -> RuntimeEvent:
    return RuntimeEvent(type=kind, id=record.id, labels=record.config.labels)
