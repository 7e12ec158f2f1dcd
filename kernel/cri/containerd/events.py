"""containerd's own event stream, made into the runtime contract's events.

containerd tells everybody at once that a task ended; its CRI plugin hears it too, cleans up, and
only then shows the exit. So each event goes through these steps:

1. An envelope arrives: topic, container or sandbox id.
2. It joins what is pending for its id, so that events of one id keep their order.
3. The exit of a container that has been seen running is told at once: from then on this process
   takes it for exited (`told_exits.py`), and yields the event.
4. CRI is asked, with growing pauses, until it shows what the event says.
5. The event is yielded, with the labels that CRI showed; after step 3, only where CRI shows another
   exit than was told.

A subscription is known to be whole once a mark that we publish ourselves comes back through it:
gRPC alone does not tell when the server began to listen.
"""

import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import StrEnum

import anyio
import msgspec
from anyio.abc import TaskGroup, TaskStatus
from anyio.streams.memory import MemoryObjectSendStream

from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.cri.containerd.channel import CONTAINERD_NAMESPACE, ContainerdChannel
from kernel.cri.containerd.told_exits import ToldExit, ToldExits
from kernel.cri.proto import events_pb2
from kernel.cri.runtime import (
    Container,
    ContainerState,
    RuntimeEvent,
    RuntimeEventType,
    RuntimeFailure,
    SandboxState,
)


class _Topic(StrEnum):
    START = "/tasks/start"
    EXIT = "/tasks/exit"
    OUT_OF_MEMORY = "/tasks/oom"
    MARK = "/podkernel/mark"


_MARK_TYPE = "google.protobuf.StringValue"

_FILTERS = [f'namespace=={CONTAINERD_NAMESPACE},topic=="{topic}"' for topic in _Topic]

_RECONNECT_SECONDS_MIN = 0.1
_RECONNECT_SECONDS_MAX = 5.0
_MARK_SECONDS = 0.01
_PUBLISH_SECONDS_MAX = 5.0
_RELIST_AGAIN_SECONDS = 5.0
_LOOK_SECONDS_MIN = 0.001
_TOLD_LOOK_SECONDS_MIN = 0.02
_LOOK_SECONDS_MAX = 1.0
_LOOK_GROWTH = 1.5
_APPEAR_SECONDS_MAX = 10.0

_KILLED = 128 + signal.SIGKILL
"""The exit code of what may have run out of memory, which containerd may tell after the exit: CRI
knows then."""


class Seen(msgspec.Struct, frozen=True):
    """What CRI shows of the sandbox or container with an id; of a container also its sandbox."""

    state: SandboxState | ContainerState
    labels: Mapping[str, str]
    sandbox_id: str = ""


class EventFeed:
    """Follows containerd's events for one listener.

    `look` answers what CRI shows of an id, None where there is no such sandbox or container;
    `status` what it shows of a container that is there. What is told before CRI shows it is handed
    to `told_exits`.
    """

    def __init__(
        self,
        channel: ContainerdChannel,
        look: Callable[[str], Awaitable[Seen | None]],
        status: Callable[[str], Awaitable[Container]],
        told_exits: ToldExits,
        clock: Clock,
        listener: MemoryObjectSendStream[RuntimeEvent],
    ) -> None:
        self._channel = channel
        self._look = look
        self._status = status
        self._told_exits = told_exits
        self._clock = clock
        self._listener = listener
        self._pending: dict[str, deque[events_pb2.Envelope]] = {}
        self._seen: dict[str, Seen] = {}
        self._out_of_memory: set[str] = set()

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Follow until cancelled. It counts as started when the first subscription is whole, or
        has failed: then a RELIST follows as soon as containerd is there."""
        pause_seconds = _RECONNECT_SECONDS_MIN
        started = False
        while True:
            whole = anyio.Event()
            async with anyio.create_task_group() as group:
                group.start_soon(self._follow, whole, group)
                await whole.wait()
                pause_seconds = _RECONNECT_SECONDS_MIN
                if started:
                    group.start_soon(self._relist)
                else:
                    task_status.started()
                    started = True
            if not started:
                task_status.started()
                started = True
            # What was under way is part of what the RELIST will show.
            self._pending.clear()
            self._seen.clear()
            self._out_of_memory.clear()
            await self._clock.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _RECONNECT_SECONDS_MAX)

    async def _relist(self) -> None:
        """Say that events may have been missed; and again, for the CRI plugin of a containerd that
        was started anew may show an exit from before only after a while."""
        self._listener.send_nowait(RuntimeEvent(RuntimeEventType.RELIST))
        await self._clock.sleep(_RELIST_AGAIN_SECONDS)
        self._listener.send_nowait(RuntimeEvent(RuntimeEventType.RELIST))

    async def _follow(self, whole: anyio.Event, group: TaskGroup) -> None:
        """One subscription, until it breaks; then everything in `group` ends."""
        mark = self._clock.uuid().encode()
        group.start_soon(self._publish, mark, whole, group)
        try:
            async for envelope in self._channel.subscribe(_FILTERS):
                if envelope.topic != _Topic.MARK:
                    self._accept(envelope, group)
                elif envelope.event.value == mark:
                    whole.set()
        except RuntimeFailure:
            pass
        group.cancel_scope.cancel()

    async def _publish(self, mark: bytes, whole: anyio.Event, group: TaskGroup) -> None:
        """Publish the mark until it has come back; if that fails, this subscription is no good."""
        event = events_pb2.AnyEvent(type_url=_MARK_TYPE, value=mark)
        request = events_pb2.PublishRequest(topic=_Topic.MARK, event=event)
        while not whole.is_set():
            try:
                await self._channel.call(
                    request, events_pb2.Empty, timeout_seconds=_PUBLISH_SECONDS_MAX
                )
            except RuntimeFailure:
                group.cancel_scope.cancel()
                return
            await self._clock.sleep(_MARK_SECONDS)

    def _accept(self, envelope: events_pb2.Envelope, group: TaskGroup) -> None:
        """Steps 1 and 2."""
        identifier = _subject(envelope)
        if identifier is None:
            return
        pending = self._pending.get(identifier)
        if pending is None:
            self._pending[identifier] = deque([envelope])
            group.start_soon(self._settle, identifier)
        else:
            pending.append(envelope)

    async def _settle(self, identifier: str) -> None:
        """Steps 3 to 5 for all that is pending for one id."""
        pending = self._pending[identifier]
        while pending:
            envelope = pending.popleft()
            if envelope.topic == _Topic.OUT_OF_MEMORY:
                self._out_of_memory.add(identifier)
            told = await self._tell_early(envelope, identifier)
            try:
                is_told = told is not None
                event = await self._shown(_Topic(envelope.topic), identifier, is_told=is_told)
            finally:  # also where nobody listens any more
                if told is not None:
                    self._told_exits.settle(identifier)
            if event is not None and (told is None or await self._differs(identifier, told)):
                self._listener.send_nowait(event)
        del self._pending[identifier]

    async def _tell_early(self, envelope: events_pb2.Envelope, identifier: str) -> ToldExit | None:
        """Step 3; None where there is nothing to tell before CRI shows it."""
        if envelope.topic != _Topic.EXIT:
            return None
        told = events_pb2.TaskExit.FromString(envelope.event.value)
        was_out_of_memory = identifier in self._out_of_memory
        self._out_of_memory.discard(identifier)
        if told.exit_status == _KILLED:
            return None
        if identifier not in self._seen:
            with suppress(RuntimeFailure):
                seen = await self._look(identifier)
                if seen is not None:
                    self._seen[identifier] = seen
        seen = self._seen.get(identifier)
        if seen is None or seen.state is not ContainerState.RUNNING:
            return None
        reason = "Error" if told.exit_status else "Completed"
        early = ToldExit(
            sandbox_id=seen.sandbox_id,
            exit_code=told.exit_status,
            finished_at=told.exited_at.seconds * NANOSECONDS_PER_SECOND + told.exited_at.nanos,
            reason="OOMKilled" if was_out_of_memory else reason,
        )
        self._told_exits.tell(identifier, early)
        self._listener.send_nowait(
            RuntimeEvent(RuntimeEventType.CONTAINER_EXITED, identifier, seen.labels)
        )
        return early

    async def _differs(self, identifier: str, told: ToldExit) -> bool:
        """Whether CRI shows another end than was told."""
        with suppress(RuntimeFailure):
            shown = await self._status(identifier)
            return (shown.exit_code, shown.reason) != (told.exit_code, told.reason)
        return False

    async def _shown(self, topic: _Topic, identifier: str, *, is_told: bool) -> RuntimeEvent | None:
        """The event once CRI shows it; None if it never will. Nobody waits for what `is_told`."""
        began = self._clock.monotonic_seconds()
        pause_seconds = _TOLD_LOOK_SECONDS_MIN if is_told else _LOOK_SECONDS_MIN
        if is_told:
            await self._clock.sleep(pause_seconds)
        while True:
            # A call that fails is made again: if the stream breaks too, all this is cancelled.
            with suppress(RuntimeFailure):
                seen = await self._look(identifier)
                if seen is not None:
                    self._seen[identifier] = seen
                    event_type = _event_type(topic, seen.state)
                    if event_type is not None:
                        return self._event(topic, event_type, identifier)
                elif topic != _Topic.START:
                    return self._vanished(topic, identifier)
                elif self._clock.monotonic_seconds() - began > _APPEAR_SECONDS_MAX:
                    return None
            await self._clock.sleep(pause_seconds)
            pause_seconds = min(_LOOK_GROWTH * pause_seconds, _LOOK_SECONDS_MAX)

    def _vanished(self, topic: _Topic, identifier: str) -> RuntimeEvent | None:
        """What was removed before CRI showed its exit has exited for sure."""
        last = self._seen.get(identifier)
        if last is None:
            return None
        exited = ContainerState.EXITED
        gone = exited if isinstance(last.state, ContainerState) else SandboxState.NOT_READY
        event_type = _event_type(topic, gone)
        return None if event_type is None else self._event(topic, event_type, identifier)

    def _event(self, topic: _Topic, event_type: RuntimeEventType, identifier: str) -> RuntimeEvent:
        seen = self._seen.pop(identifier) if topic == _Topic.EXIT else self._seen[identifier]
        return RuntimeEvent(event_type, identifier, seen.labels)


def _subject(envelope: events_pb2.Envelope) -> str | None:
    """The container or sandbox that an event is about; None for the exit of an exec."""
    content = envelope.event.value
    match envelope.topic:
        case _Topic.START:
            return events_pb2.TaskStart.FromString(content).container_id
        case _Topic.OUT_OF_MEMORY:
            return events_pb2.TaskOOM.FromString(content).container_id
        case _:
            task_exit = events_pb2.TaskExit.FromString(content)
            is_main = task_exit.id == task_exit.container_id
            return task_exit.container_id if is_main else None


def _event_type(topic: _Topic, state: SandboxState | ContainerState) -> RuntimeEventType | None:
    """What an event of `topic` says, once `state` shows it; None as long as it does not."""
    match topic, state:
        case _Topic.START, ContainerState.RUNNING | ContainerState.EXITED:
            return RuntimeEventType.CONTAINER_STARTED
        case _Topic.START, SandboxState():
            return RuntimeEventType.SANDBOX_READY
        case _Topic.EXIT, ContainerState.EXITED:
            return RuntimeEventType.CONTAINER_EXITED
        case _Topic.EXIT, SandboxState.NOT_READY:
            return RuntimeEventType.SANDBOX_STOPPED
        case _Topic.OUT_OF_MEMORY, _:
            return RuntimeEventType.CONTAINER_OUT_OF_MEMORY
        case _:
            return None
