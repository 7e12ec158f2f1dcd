"""The simulated runtime: in memory, after a script, for tests, simulation and many Pods.

Nothing runs. A container does what was scripted for its name or image, else what its command says
(see `kernel.cri.simulated.program`). Time is the clock's: what has fallen due is settled whenever
anybody looks, and by a timer while somebody listens to events, so a container costs no task.

```python
runtime = SimulatedRuntime(clock)
runtime.script("flaky", SimulatedContainer(exit_code=1, run_seconds=3), SimulatedContainer())
runtime.fail("pull_image", ImagePullFailure("no such host"), subject="registry/web:1", times=2)
runtime.delay("run_sandbox", 0.2)
```
"""

import hashlib
import itertools
import math
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from ipaddress import IPv4Address

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.cri.measuring import ContainerUsage, Download
from kernel.cri.port_check import CheckResult, PortCheck
from kernel.cri.port_checks.deadline import Deadline
from kernel.cri.port_checks.dialing import address_text
from kernel.cri.runtime import (
    NO_LABELS,
    Container,
    ContainerConfig,
    ContainerState,
    ExecResult,
    HostMounts,
    Image,
    InvalidImageName,
    NotFound,
    PortMapping,
    RegistryCredentials,
    RuntimeEvent,
    RuntimeEventType,
    RuntimeFailure,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    SandboxState,
)
from kernel.cri.simulated.answers import Answers
from kernel.cri.simulated.course import KILLED, Course, nanoseconds
from kernel.cri.simulated.program import Exit, Print, Program, Sleep, program_of
from kernel.cri.simulated.records import (
    ContainerRecord,
    RecordTable,
    SandboxRecord,
    SimulatedContainer,
    container_program,
)
from kernel.cri.simulated.streams import AttachedSession, CommandSession, echo, following
from kernel.cri.streaming import Session

__all__ = ["SimulatedContainer", "SimulatedRuntime"]

_START_FAILED = 128
_IMAGE_NAME = re.compile(
    r"(?:[\w.-]+(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_FIRST_ADDRESS = int(IPv4Address("10.128.0.1"))
_ADDRESS_COUNT = (1 << 23) - 2


class _Fault:
    """A failure that a call is to meet, so many times."""

    def __init__(self, failure: Exception, times: float) -> None:
        self.failure = failure
        self.times_left = times


class SimulatedRuntime:
    """A `kernel.cri.runtime.Runtime` without a machine behind it."""

    name = "simulated"
    host_mounts = HostMounts.NONE

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scripts: dict[str, tuple[SimulatedContainer, ...]] = {}
        self._faults: dict[tuple[str, str], list[_Fault]] = {}
        self._delays: dict[tuple[str, str], float] = {}
        self._sandboxes: RecordTable[SandboxRecord] = RecordTable()
        self._containers: RecordTable[ContainerRecord] = RecordTable()
        self._sandbox_keys: dict[tuple[str, int], str] = {}
        self._images: dict[str, Image] = {}
        self._image_directory = ""
        self._downloads: tuple[Download, ...] = ()
        self._ports: dict[PortMapping, str] = {}
        self._address_counter = itertools.count()
        self._course = Course(clock)
        self._command_answers: Answers[ExecResult] = Answers()
        self._port_answers: Answers[CheckResult] = Answers()

    # What a test or a simulation says.

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

    def add_image(self, image: Image) -> None:
        """Let an image be present, under all its tags."""
        self._images |= dict.fromkeys((image.id, *image.tags), image)

    def download(self, *downloads: Download) -> None:
        """Let this be what is being fetched from now on."""
        self._downloads = downloads

    def keep_images_in(self, directory: str) -> None:
        """Let images seem to be in a directory of this machine."""
        self._image_directory = directory

    def crash(self, container_id: str, *, exit_code: int = 1, out_of_memory: bool = False) -> None:
        """End a running container of its own accord, now."""
        self._course.settle()
        record = self._container(container_id)
        if record.state is ContainerState.RUNNING:
            code = KILLED if out_of_memory else exit_code
            self._course.finish(record, self._course.monotonic(), code, out_of_memory=out_of_memory)

    # The contract.

    async def version(self) -> RuntimeVersion:
        await self._enter("version")
        return RuntimeVersion(name=self.name, version="1")

    def limitations(self, sandbox: SandboxConfig, container: ContainerConfig) -> list[str]:
        return []

    async def run_sandbox(self, config: SandboxConfig) -> str:
        await self._enter("run_sandbox", config.name)
        key = (config.uid, config.attempt)
        if key in self._sandbox_keys:
            raise RuntimeFailure(
                f"a sandbox of {config.namespace}/{config.name}, attempt {config.attempt}, exists"
            )
        taken = [port for port in config.port_mappings if _port_key(port) in self._ports]
        if taken:
            raise RuntimeFailure(f"host port {taken[0].host_port}/{taken[0].protocol} is taken")
        record = SandboxRecord(
            id=self._new_id(),
            config=config,
            created_at=self._clock.now_nanoseconds(),
            address="" if config.host_network else self._new_address(),
        )
        self._sandbox_keys[key] = record.id
        self._ports |= {_port_key(port): record.id for port in config.port_mappings}
        self._sandboxes.add(record)
        self._course.tell(RuntimeEventType.SANDBOX_READY, record)
        return record.id

    async def stop_sandbox(self, sandbox_id: str) -> None:
        record = self._sandboxes.get(sandbox_id)
        await self._enter("stop_sandbox", record.config.name if record else "")
        if record is not None:
            self._stop_sandbox(record)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        record = self._sandboxes.get(sandbox_id)
        await self._enter("remove_sandbox", record.config.name if record else "")
        if record is None or self._sandboxes.get(sandbox_id) is None:
            return
        self._stop_sandbox(record)
        for container in record.containers.values():
            self._containers.remove(container)
        self._sandboxes.remove(record)
        del self._sandbox_keys[record.config.uid, record.config.attempt]

    async def sandboxes(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Sandbox]:
        await self._enter("sandboxes")
        return [record.view() for record in self._sandboxes.find(labels)]

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        await self._enter("sandbox_status")
        return self._sandbox(sandbox_id).view()

    async def network_namespace(self, sandbox_id: str) -> str:
        await self._enter("network_namespace")
        self._sandbox(sandbox_id)
        return ""

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        await self._enter("create_container", config.name, sandbox.name)
        owner = self._sandbox(sandbox_id)
        if owner.state is not SandboxState.READY:
            raise RuntimeFailure(f"sandbox {sandbox_id} is not ready")
        key = (config.name, config.attempt)
        if key in owner.containers:
            raise RuntimeFailure(f"container {config.name}, attempt {config.attempt}, exists")
        target_id = config.target_container_id
        if target_id and self._container(target_id).state is not ContainerState.RUNNING:
            raise RuntimeFailure(f"target container {target_id} is not running")
        image = self._images.get(config.image)
        if image is None:
            raise NotFound(f"image {config.image} not found")
        script = self._script_of(config, image)
        record = ContainerRecord(
            id=self._new_id(),
            config=config,
            sandbox=owner,
            image=image,
            script=script or SimulatedContainer(),
            program=container_program(script, config),
            created_at=self._clock.now_nanoseconds(),
        )
        owner.containers[key] = record
        self._containers.add(record)
        return record.id

    async def start_container(self, container_id: str) -> None:
        record = self._container(container_id)
        await self._enter("start_container", record.config.name, record.sandbox.config.name)
        if record.script.start_seconds:
            await self._clock.sleep(record.script.start_seconds)
        if self._container(container_id).state is not ContainerState.CREATED:
            raise RuntimeFailure(f"container {container_id} is {record.state.value}")
        if record.sandbox.state is not SandboxState.READY:
            raise RuntimeFailure(f"sandbox {record.sandbox.id} is not ready")
        now = self._course.monotonic()
        if record.script.start_failure:
            record.message = record.script.start_failure
            self._course.finish(record, now, _START_FAILED, reason="StartError")
            raise RuntimeFailure(record.script.start_failure)
        record.state = ContainerState.RUNNING
        record.started_at = self._course.wall(now)
        self._course.tell(RuntimeEventType.CONTAINER_STARTED, record)
        self._course.advance(record, now)

    async def stop_container(self, container_id: str, *, grace_seconds: float) -> None:
        record = self._containers.get(container_id)
        if record is None:
            return
        await self._enter("stop_container", record.config.name, record.sandbox.config.name)
        if record.state is not ContainerState.RUNNING:
            return
        takes = record.script.stop_seconds if record.heeds_stop else math.inf
        code = record.script.stop_exit_code if takes <= grace_seconds else KILLED
        end = self._course.monotonic() + nanoseconds(min(takes, grace_seconds))
        if record.end_due is None or end < record.end_due:
            record.end_due, record.end_code = end, code
            self._course.expect(record, end)
        while record.state is ContainerState.RUNNING:
            self._course.settle()
            dues = [due for due in (record.due, record.end_due) if due is not None]
            if record.state is ContainerState.RUNNING:
                await self._clock.sleep(
                    (min(dues) - self._course.monotonic()) / NANOSECONDS_PER_SECOND
                )

    async def remove_container(self, container_id: str) -> None:
        record = self._containers.get(container_id)
        if record is None:
            return
        await self._enter("remove_container", record.config.name, record.sandbox.config.name)
        if record.state is ContainerState.RUNNING:
            self._course.finish(record, self._course.monotonic(), KILLED)
        self._containers.remove(record)
        record.sandbox.containers.pop((record.config.name, record.config.attempt), None)

    async def containers(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Container]:
        await self._enter("containers")
        return [record.view() for record in self._containers.find(labels)]

    async def container_status(self, container_id: str) -> Container:
        await self._enter("container_status")
        return self._container(container_id).view()

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

    async def wait_log_written(self, container_id: str) -> None:
        pass  # lines are written when they are said

    async def reopen_log(self, container_id: str) -> None:
        # Each line opens the file anew: the next one makes a new file.
        await self._enter("reopen_log", self._container(container_id).config.name)

    async def image_status(self, image: str) -> Image | None:
        await self._enter("image_status", image)
        if image not in self._images and not _IMAGE_NAME.fullmatch(image):
            raise InvalidImageName(
                f'couldn\'t parse image name "{image}": invalid reference format'
            )
        return self._images.get(image)

    async def pull_image(self, image: str, credentials: RegistryCredentials | None = None) -> str:
        await self._enter("pull_image", image)
        if image in self._images:
            return self._images[image].id
        if not _IMAGE_NAME.fullmatch(image):
            raise InvalidImageName(
                f'couldn\'t parse image name "{image}": invalid reference format'
            )
        digest = "sha256:" + hashlib.sha256(image.encode()).hexdigest()
        self.add_image(Image(id=digest, tags=(image,)))
        return digest

    async def usage(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[ContainerUsage]:
        await self._enter("usage")
        now = self._clock.now_nanoseconds()
        return [
            ContainerUsage(
                container_id=record.id,
                labels=record.labels,
                measured_at=now,
                cpu_nanoseconds=round((now - record.started_at) * record.script.cpu_cores),
                memory_bytes=record.script.memory_bytes,
            )
            for record in self._containers.find(labels)
            if record.state is ContainerState.RUNNING
        ]

    async def images(self) -> list[Image]:
        await self._enter("images")
        return list({image.id: image for image in self._images.values()}.values())

    async def remove_image(self, image_id: str) -> None:
        await self._enter("remove_image", image_id)
        self._images = {name: image for name, image in self._images.items() if image.id != image_id}

    async def downloads(self) -> list[Download]:
        await self._enter("downloads")
        return list(self._downloads)

    async def image_directory(self) -> str:
        await self._enter("image_directory")
        return self._image_directory

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[RuntimeEvent]]:
        return self._course.events()

    async def close(self) -> None:
        pass

    # Small things.

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

    def _stop_sandbox(self, record: SandboxRecord) -> None:
        if record.state is SandboxState.NOT_READY:
            return
        for container in record.containers.values():
            if container.state is ContainerState.RUNNING:
                self._course.finish(container, self._course.monotonic(), KILLED)
        record.state = SandboxState.NOT_READY
        for port in record.config.port_mappings:
            self._ports.pop(_port_key(port), None)
        self._course.tell(RuntimeEventType.SANDBOX_STOPPED, record)

    def _script_of(self, config: ContainerConfig, image: Image) -> SimulatedContainer | None:
        for subject in (config.name, config.image, *image.tags):
            if subject in self._scripts:
                attempts = self._scripts[subject]
                return attempts[min(config.attempt, len(attempts) - 1)]
        return None

    def _new_id(self) -> str:
        return self._clock.uuid().replace("-", "") * 2

    def _new_address(self) -> str:
        return str(IPv4Address(_FIRST_ADDRESS + next(self._address_counter) % _ADDRESS_COUNT))


def _port_key(port: PortMapping) -> PortMapping:
    return PortMapping(port.host_port, 0, port.protocol, port.host_ip)
