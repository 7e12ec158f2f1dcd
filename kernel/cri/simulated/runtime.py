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

import itertools
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from ipaddress import IPv4Address

from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.cri.measuring import ContainerUsage
from kernel.cri.runtime import (
    NO_LABELS,
    Container,
    ContainerConfig,
    ContainerState,
    HostMounts,
    LinuxResources,
    NotFound,
    PortMapping,
    RuntimeEvent,
    RuntimeEventType,
    RuntimeFailure,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    SandboxState,
)
from kernel.cri.simulated.conversations import SimulatedConversations
from kernel.cri.simulated.course import KILLED, nanoseconds
from kernel.cri.simulated.images import SimulatedImages
from kernel.cri.simulated.records import (
    ContainerRecord,
    SandboxRecord,
    SimulatedContainer,
    container_program,
)

__all__ = ["SimulatedContainer", "SimulatedRuntime"]

_START_FAILED = 128
_FIRST_ADDRESS = int(IPv4Address("10.128.0.1"))
_ADDRESS_COUNT = (1 << 23) - 2


class SimulatedRuntime(SimulatedImages, SimulatedConversations):
    """A `kernel.cri.runtime.Runtime` without a machine behind it."""

    name = "simulated"
    host_mounts = HostMounts.NONE

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._sandbox_keys: dict[tuple[str, int], str] = {}
        self._ports: dict[PortMapping, str] = {}
        self._address_counter = itertools.count()

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

    async def wait_log_written(self, container_id: str) -> None:
        pass  # lines are written when they are said

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        record = self._container(container_id)
        await self._enter("update_resources", record.config.name)
        if record.state is not ContainerState.RUNNING:
            raise NotFound(f"container {container_id} does not run")
        record.resources = resources

    def resources(self, container_id: str) -> LinuxResources:
        """The limits that hold for a container."""
        record = self._container(container_id)
        return record.resources or record.config.resources

    async def reopen_log(self, container_id: str) -> None:
        # Each line opens the file anew: the next one makes a new file.
        await self._enter("reopen_log", self._container(container_id).config.name)

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

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[RuntimeEvent]]:
        return self._course.events()

    async def close(self) -> None:
        pass

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

    def _new_id(self) -> str:
        return self._clock.uuid().replace("-", "") * 2

    def _new_address(self) -> str:
        return str(IPv4Address(_FIRST_ADDRESS + next(self._address_counter) % _ADDRESS_COUNT))


def _port_key(port: PortMapping) -> PortMapping:
    return PortMapping(port.host_port, 0, port.protocol, port.host_ip)
