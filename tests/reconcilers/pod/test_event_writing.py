"""Events are written beside the work, in order, and never lost where the agent is stopped."""

import anyio
import pytest

from kernel.api.context import acting, current_actor, current_cause
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.event_writing import EventWriting

pytestmark = pytest.mark.anyio


class SlowRecorder:
    """Keeps what it is told, and for whom, once `gate` is open."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.written: list[tuple[str, str, str, int]] = []

    async def event(
        self, obj: Kind, type: str, reason: str, message: str, *, field_path: str = ""
    ) -> None:
        await self.gate.wait()
        await anyio.lowlevel.checkpoint()
        self.written.append((obj.metadata.name, message, current_actor(), current_cause()))


def pod(name: str) -> Pod:
    return Pod(metadata=ObjectMeta(name=name, uid=f"uid-{name}"))


def ignore(request: object, **options: object) -> None:
    raise AssertionError("it triggers nothing")


async def test_nobody_waits_and_the_order_is_kept_with_who_said_it() -> None:
    recorder = SlowRecorder()
    writing = EventWriting(recorder)
    async with writing.source(ignore):
        for number in range(3):
            with acting("agent", cause=number):
                await writing.event(pod("web"), "Normal", "Pulled", f"{number}")
        assert recorder.written == []
        recorder.gate.set()
    assert recorder.written == [("web", f"{number}", "agent", number) for number in range(3)]


async def test_what_was_said_before_a_cancellation_is_written() -> None:
    recorder = SlowRecorder()
    writing = EventWriting(recorder)

    async def open_later() -> None:
        await anyio.lowlevel.checkpoint()
        recorder.gate.set()

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            async with writing.source(ignore):
                for name in ("web", "db", "web"):
                    await writing.event(pod(name), "Normal", "Killing", "stopping")
                tasks.start_soon(open_later)
                scope.cancel()
                await anyio.sleep_forever()
    assert sorted(name for name, *_ in recorder.written) == ["db", "web", "web"]


async def test_while_it_does_not_run_whoever_says_something_waits() -> None:
    recorder = SlowRecorder()
    recorder.gate.set()
    await EventWriting(recorder).event(pod("web"), "Normal", "Pulled", "one")
    assert len(recorder.written) == 1
