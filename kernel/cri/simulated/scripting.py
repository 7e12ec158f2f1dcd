"""What a test or a simulation says beforehand: what containers do and answer, which calls fail or
take long. And the state that all parts of the simulated runtime share.
"""

import math

import anyio.lowlevel

from kernel.clock import Clock
from kernel.cri.port_check import CheckResult
from kernel.cri.runtime import ContainerConfig, ContainerState, ExecResult, Image, NotFound
from kernel.cri.simulated.answers import Answers
from kernel.cri.simulated.course import KILLED, Course
from kernel.cri.simulated.records import (
    ContainerRecord,
    RecordTable,
    SandboxRecord,
    SimulatedContainer,
)


class _Fault:
    """A failure that a call is to meet, so many times."""

    def __init__(self, failure: Exception, times: float) -> None:
        self.failure = failure
        self.times_left = times


class Scripted:
    """The base of the simulated runtime's parts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scripts: dict[str, tuple[SimulatedContainer, ...]] = {}
        self._faults: dict[tuple[str, str], list[_Fault]] = {}
        self._delays: dict[tuple[str, str], float] = {}
        self._sandboxes: RecordTable[SandboxRecord] = RecordTable()
        self._containers: RecordTable[ContainerRecord] = RecordTable()
        self._course = Course(clock)
        self._command_answers: Answers[ExecResult] = Answers()
        self._port_answers: Answers[CheckResult] = Answers()

    def script(self, subject: str, *attempts: SimulatedContainer) -> None:
        """What containers with the name or image `subject` do: attempt by attempt, the last one
        for all that follow. A name goes before an image."""
        if not attempts:
            raise ValueError("a script needs at least one SimulatedContainer")
        self._scripts[subject] = attempts

    def script_command(self, subject: str, command: tuple[str, ...], *results: ExecResult) -> None:
        """What a command run in containers answers, result by result, the last one for all that
        follow. `subject` is the name of the container or of the Pod."""
        self._command_answers.script(subject, command, results)

    def script_port(self, subject: str, port: int, *results: CheckResult) -> None:
        """What a check of a port answers while the container runs; as with `script_command`.
        Any other port is well while a container of its Pod runs."""
        self._port_answers.script(subject, port, results)

    def fail(
        self, call: str, failure: Exception, *, subject: str = "", times: float = math.inf
    ) -> None:
        """Let a method fail `times` times, before it has any effect. `subject` is the name of the
        Pod, the name of the container or the image that it is called for (empty: any)."""
        self._faults.setdefault((call, subject), []).append(_Fault(failure, times))

    def heal(self, call: str, *, subject: str = "") -> None:
        """Take back what `fail` said."""
        self._faults.pop((call, subject), None)

    def delay(self, call: str, seconds: float, *, subject: str = "") -> None:
        """Let a method take so long; `subject` as in `fail`."""
        self._delays[call, subject] = seconds

    def crash(self, container_id: str, *, exit_code: int = 1, out_of_memory: bool = False) -> None:
        """End a running container of its own accord, now."""
        self._course.settle()
        record = self._container(container_id)
        if record.state is ContainerState.RUNNING:
            code = KILLED if out_of_memory else exit_code
            self._course.finish(record, self._course.monotonic(), code, out_of_memory=out_of_memory)

    async def _enter(self, call: str, *subjects: str) -> None:
        """What every call starts with: others get a turn, then delays and faults take effect."""
        await anyio.lowlevel.checkpoint()
        keys = [(call, subject) for subject in (*subjects, "")]
        if self._delays:
            await self._clock.sleep(sum(self._delays.get(key, 0) for key in keys))
        self._course.settle()
        for key in keys:
            for fault in self._faults.get(key, ()):
                if fault.times_left > 0:
                    fault.times_left -= 1
                    raise fault.failure

    def _sandbox(self, sandbox_id: str) -> SandboxRecord:
        record = self._sandboxes.get(sandbox_id)
        if record is None:
            raise NotFound(f"sandbox {sandbox_id} not found")
        return record

    def _container(self, container_id: str) -> ContainerRecord:
        record = self._containers.get(container_id)
        if record is None:
            raise NotFound(f"container {container_id} not found")
        return record

    def _script_of(self, config: ContainerConfig, image: Image) -> SimulatedContainer | None:
        for subject in (config.name, config.image, *image.tags):
            if subject in self._scripts:
                attempts = self._scripts[subject]
                return attempts[min(config.attempt, len(attempts) - 1)]
        return None
