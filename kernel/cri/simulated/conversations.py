"""Commands run in containers of the simulated runtime, streams to them, and checks of ports."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import anyio
from anyio.abc import ByteStream

from kernel.cri.port_check import CheckResult, PortCheck
from kernel.cri.port_checks.deadline import Deadline
from kernel.cri.port_checks.dialing import address_text
from kernel.cri.runtime import (
    ContainerState,
    ExecResult,
    NotFound,
    RuntimeFailure,
    SandboxState,
)
from kernel.cri.simulated.program import Exit, Print, Program, Sleep, program_of
from kernel.cri.simulated.records import ContainerRecord
from kernel.cri.simulated.scripting import Scripted
from kernel.cri.simulated.streams import AttachedSession, CommandSession, echo, following
from kernel.cri.streaming import Session


class SimulatedConversations(Scripted):
    """The part of `kernel.cri.runtime.Runtime` that talks to what runs."""

    async def exec_sync(
        self, container_id: str, command: tuple[str, ...], *, timeout_seconds: float
    ) -> ExecResult:
        record = self._container(container_id)
        await self._enter("exec_sync", record.config.name, record.sandbox.config.name)
        if record.state is not ContainerState.RUNNING:
            raise RuntimeFailure(f"container {container_id} is not running")
        answer = self._answer(record, command)
        if isinstance(answer, ExecResult):
            return answer
        stdout = ""
        time_left = timeout_seconds or math.inf
        for step in answer:
            match step:
                case Print(line):
                    stdout += line + "\n"
                case Sleep(seconds) if seconds is not None and seconds <= time_left:
                    await self._clock.sleep(seconds)
                    time_left -= seconds
                case Sleep() if math.isfinite(time_left):
                    await self._clock.sleep(time_left)
                    raise TimeoutError(f"command timed out after {timeout_seconds:g} s")
                case Sleep():
                    await anyio.sleep_forever()
                case Exit(code):
                    return ExecResult(stdout.encode(), b"", code)
        raise AssertionError("a program ends with an Exit or an endless Sleep")

    def _answer(self, record: ContainerRecord, command: tuple[str, ...]) -> ExecResult | Program:
        """What a command says that is run in a container, or does."""
        subjects = (record.config.name, record.sandbox.config.name)
        scripted = self._command_answers.take(subjects, command)
        if scripted is None:
            scripted = record.script.exec_results.get(command)
        return scripted or program_of(command, record.config.environment)

    @asynccontextmanager
    async def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool, tty: bool
    ) -> AsyncIterator[Session]:
        record = await self._running(container_id, "exec")
        session = CommandSession(self._clock, self._answer(record, command))
        async with following(self._course, record, session):
            yield session

    @asynccontextmanager
    async def attach(self, container_id: str, *, stdin: bool) -> AsyncIterator[Session]:
        record = await self._running(container_id, "attach")
        with closing(AttachedSession()) as session:
            async with following(self._course, record, session):
                yield session

    @asynccontextmanager
    async def connect(self, sandbox_id: str, port: int) -> AsyncIterator[ByteStream]:
        record = self._sandbox(sandbox_id)
        await self._enter("connect", record.config.name)
        if record.state is not SandboxState.READY:
            raise NotFound(f"sandbox {sandbox_id} is not ready")
        if not any(port in container.script.echo_ports for container in record.running()):
            raise ConnectionRefusedError(f"nothing listens on port {port}")
        async with echo() as connection:
            yield connection

    async def _running(self, container_id: str, call: str) -> ContainerRecord:
        record = self._container(container_id)
        await self._enter(call, record.config.name, record.sandbox.config.name)
        if record.state is not ContainerState.RUNNING:
            raise NotFound(f"container {container_id} is not running")
        return record

    async def check(
        self, sandbox_id: str, check: PortCheck, *, timeout_seconds: float
    ) -> CheckResult:
        record = self._sandboxes.get(sandbox_id)
        deadline = Deadline(self._clock, timeout_seconds)
        address = address_text(check.host, check.port)
        try:
            await deadline.run(lambda: self._enter("check", record.config.name if record else ""))
        except TimeoutError:
            return CheckResult(False, f"dial tcp {address}: i/o timeout")
        except RuntimeFailure as failure:
            return CheckResult(False, str(failure))
        running = record.running() if record else []
        if record is None or not running:
            return CheckResult(False, f"dial tcp {address}: connect: connection refused")
        subjects = (*(container.config.name for container in running), record.config.name)
        return self._port_answers.take(subjects, check.port) or CheckResult(True)
