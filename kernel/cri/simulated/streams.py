"""Conversations with what runs in the simulated runtime, which hears nothing of what it is told."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteStream
from anyio.streams.stapled import StapledObjectStream

from kernel.clock import Clock
from kernel.cri.runtime import ExecResult
from kernel.cri.simulated.course import KILLED, Course
from kernel.cri.simulated.program import Exit, Print, Program, Sleep
from kernel.cri.simulated.records import ContainerRecord, Follower
from kernel.cri.streaming import OutputChannel

Output = tuple[OutputChannel, bytes]

_ECHO_BUFFER_ITEMS = 16


class _Unheeding:
    """The half of a `kernel.cri.streaming.Session` that speaks to the process."""

    async def send(self, data: bytes) -> None:
        await anyio.lowlevel.checkpoint()

    async def end_input(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def resize(self, columns: int, rows: int) -> None:
        await anyio.lowlevel.checkpoint()


class CommandSession(_Unheeding):
    """A command that gives a scripted answer, or goes through a program's steps while somebody
    listens or waits for its end. It is killed with its container."""

    def __init__(self, clock: Clock, answer: ExecResult | Program) -> None:
        self._clock = clock
        self._answer = answer
        self._is_killed = False
        self._sleep = anyio.CancelScope()
        self._exit_code = 0
        self._steps = self._run()

    def output(self) -> AsyncIterator[Output]:
        return self._steps

    async def exit_code(self) -> int:
        async for _ in self._steps:
            pass
        return KILLED if self._is_killed else self._exit_code

    def wrote(self, line: str) -> None:
        """What the container's program writes is not the command's."""

    def ended(self) -> None:
        self._is_killed = True
        self._sleep.cancel()

    async def _run(self) -> AsyncIterator[Output]:
        if isinstance(self._answer, ExecResult):
            if self._answer.stdout:
                yield OutputChannel.STDOUT, self._answer.stdout
            if self._answer.stderr:
                yield OutputChannel.STDERR, self._answer.stderr
            self._exit_code = self._answer.exit_code
            return
        for step in self._answer:
            match step:
                case Print(line):
                    yield OutputChannel.STDOUT, line.encode() + b"\n"
                case Sleep(seconds):
                    await self._pause(math.inf if seconds is None else seconds)
                case Exit(code):
                    self._exit_code = code
            if self._is_killed:
                return

    async def _pause(self, seconds: float) -> None:
        with anyio.CancelScope() as self._sleep:
            if math.isfinite(seconds):
                await self._clock.sleep(seconds)
            elif not self._is_killed:
                await anyio.sleep_forever()


class AttachedSession(_Unheeding):
    """What a container's program writes from now on, to its end."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[Output](math.inf)

    async def output(self) -> AsyncIterator[Output]:
        async for item in self._receive:
            yield item

    async def exit_code(self) -> None:
        async for _ in self._receive:
            pass

    def wrote(self, line: str) -> None:
        self._send.send_nowait((OutputChannel.STDOUT, line.encode() + b"\n"))

    def ended(self) -> None:
        self._send.close()

    def close(self) -> None:
        """Let go of what nobody has received."""
        self._send.close()
        self._receive.close()


@asynccontextmanager
async def following(
    course: Course, record: ContainerRecord, follower: Follower
) -> AsyncIterator[None]:
    """Let `follower` know what a container does, when it does it."""
    record.followers = (*record.followers, follower)
    try:
        async with course.on_time():
            yield
    finally:
        record.followers = tuple(other for other in record.followers if other is not follower)


def echo() -> ByteStream:
    """A connection to somebody who sends back what is sent."""
    send, receive = anyio.create_memory_object_stream[bytes](_ECHO_BUFFER_ITEMS)
    return BufferedByteStream(StapledObjectStream(send, receive))
