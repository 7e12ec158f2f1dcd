"""The process runtime: a container is a process group on this machine. No daemon, no images.

Each sandbox has a shim, a small process that outlives podkernel, holds the sandbox's namespaces,
is the containers' parent, writes their logs and their fate (see `shim`). This module is
the runtime over the shims: it writes the records, starts shims, asks them, and listens to them.
All state is on disk, so a new `ProcessRuntime` goes on where a killed one stopped.

What a container gets depends on what this machine lets the user do (`probe`):

| | root | user namespaces | neither |
| --- | --- | --- | --- |
| files | overlay of `/` | overlay of each entry of `/` | the host's |
| volumes | at their mountPath | at their mountPath | only where they are already |
| network | an address for each Pod | the host's; podIP 127.0.0.1 | the host's; podIP 127.0.0.1 |
| processes, hostname, IPC | the Pod's own | the Pod's own | the host's |
| users | any | any in appearance; towards the host it is the user | the user |
| capabilities, seccomp | as asked for | as asked for, over what is the user's own | unchanged |
| memory and CPU limits | where cgroups can be made | none | none |

What is written to an overlay stays in the container, in memory, and goes with it. A Pod's own
network reaches the host, other Pods, and further under the host's address if the host forwards
packets. podIP is 127.0.0.1 where Pods share the host's network, because there it always leads to
them, also on a machine that changes networks. All this is no security boundary against the
programs that run in it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import anyio
import msgspec

from kernel.clock import Clock
from kernel.cri.port_check import CheckResult, PortCheck
from kernel.cri.port_checks.checker import check_port
from kernel.cri.process import shim
from kernel.cri.process.addresses import AddressPool
from kernel.cri.process.cgroup import Cgroups
from kernel.cri.process.client import ShimGone, ask, kill_shim, wait_for_shim
from kernel.cri.process.events import EventHub
from kernel.cri.process.files import LOOPBACK, make_missing_sources, managed_files
from kernel.cri.process.images import HostPrograms
from kernel.cri.process.limitations import (
    applicable_sysctls,
    check_capabilities,
    check_mounts,
    limitations,
)
from kernel.cri.process.measuring import ProcessMeasuring
from kernel.cri.process.network import network_namespace_held
from kernel.cri.process.state import (
    Abilities,
    ContainerRecord,
    ProcessState,
    SandboxRecord,
)
from kernel.cri.process.streaming import ProcessStreaming
from kernel.cri.runtime import (
    NO_LABELS,
    Container,
    ContainerConfig,
    ContainerState,
    HostMounts,
    LinuxResources,
    NotFound,
    RuntimeEvent,
    RuntimeFailure,
    RuntimeUnavailable,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    SandboxState,
)
from kernel.cri.stop_signal import signal_number

# The number of the layout on disk and of the shim's requests.
_VERSION = "2"
# Longer than killing takes; a shim that hasn't ended by then is killed itself.
_STOP_SECONDS = 10
_SHIM_COMMAND = ("-I", "-S", os.path.abspath(shim.__file__))


class ProcessRuntime(ProcessStreaming, ProcessMeasuring, HostPrograms):
    """`kernel.cri.runtime.Runtime` over process groups. One at a time uses a state directory."""

    name = "process"
    host_mounts = HostMounts.BEFORE_SANDBOX

    def __init__(
        self, state_directory: Path, *, clock: Clock, hidden_directory: Path | None = None
    ) -> None:
        """The directory is made where it is missing; sandboxes found in it are adopted. No
        container that has a root filesystem of its own sees `hidden_directory` (None: the state
        directory)."""
        state_directory.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._hidden_directory = str((hidden_directory or state_directory).resolve())
        self._state = ProcessState(state_directory.resolve(), clock)
        ProcessStreaming.__init__(self, self._state, clock)
        ProcessMeasuring.__init__(self, self._state, clock)
        self._addresses = AddressPool(state_directory)
        self._events = EventHub(self._state)
        self._starting: dict[tuple[str, str, str, int], str] = {}
        self._addresses_starting: set[str] = set()
        # Held while the bridge may be made or removed.
        self._bridge = anyio.Lock()
        self._known_abilities: Abilities | None = None

    async def version(self) -> RuntimeVersion:
        await anyio.to_thread.run_sync(self._abilities)
        return RuntimeVersion(name=self.name, version=_VERSION)

    def _abilities(self) -> Abilities:
        """Found out once, by trying, in a process of its own: it takes some 50 ms."""
        if self._known_abilities is None:
            command = [sys.executable, *_SHIM_COMMAND, "probe"]
            try:
                done = subprocess.run(command, capture_output=True, check=True)
                self._known_abilities = msgspec.json.decode(done.stdout, type=Abilities)
            except (OSError, subprocess.CalledProcessError, msgspec.DecodeError) as error:
                raise RuntimeUnavailable(
                    f"the process runtime does not work on this machine: {error}"
                ) from error
        return self._known_abilities

    def limitations(self, sandbox: SandboxConfig, container: ContainerConfig) -> list[str]:
        return limitations(sandbox, container, self._abilities())

    # Sandboxes.

    async def run_sandbox(self, config: SandboxConfig) -> str:
        key = (config.namespace, config.name, config.uid, config.attempt)
        if key in self._starting or any(
            key
            == (known.config.namespace, known.config.name, known.config.uid, known.config.attempt)
            for known in self._state.sandboxes.values()
        ):
            raise RuntimeFailure(
                f"sandbox of {config.namespace}/{config.name}, attempt {config.attempt}, exists"
            )
        sandbox_id = self._new_id()
        self._starting[key] = sandbox_id
        try:
            abilities = await anyio.to_thread.run_sync(self._abilities)
            async with self._bridge:
                record = self._new_sandbox(sandbox_id, config, abilities)
                self._addresses_starting |= _addresses(record)
            await self._start_sandbox(record)
        finally:
            del self._starting[key]
        return sandbox_id

    def _new_sandbox(
        self, sandbox_id: str, config: SandboxConfig, abilities: Abilities
    ) -> SandboxRecord:
        network = None
        if abilities.network and not config.host_network:
            used = {*self._state.used_addresses(), *self._addresses_starting}
            try:
                network = self._addresses.plan(sandbox_id, used, way_out=abilities.way_out)
            except OSError as error:
                raise RuntimeFailure(f"network of the sandbox: {error}") from error
        return SandboxRecord(
            id=sandbox_id,
            created_at=self._clock.now_nanoseconds(),
            config=config,
            abilities=abilities,
            network=network,
            sysctls=applicable_sysctls(config, abilities),
            user=os.geteuid(),
            hidden_directory=self._hidden_directory,
        )

    async def _start_sandbox(self, record: SandboxRecord) -> None:
        try:
            os.makedirs(record.config.log_directory, exist_ok=True)
            self._state.prepare_sandbox(record, managed_files(record))
            await self._start_shim(record)
            self._state.sandboxes[record.id] = record
            await self._events.sandbox_ready(record)
        except OSError as error:
            await self._discard(record)
            raise RuntimeFailure(f"sandbox could not be made: {error}") from error
        except BaseException:
            await self._discard(record)
            raise
        finally:
            self._addresses_starting -= _addresses(record)

    async def _start_shim(self, record: SandboxRecord) -> None:
        directory = self._state.sandbox_directory(record.id)
        command = [sys.executable, *_SHIM_COMMAND, "run", str(directory)]
        # Without podkernel's environment, which containers might read in /proc.
        done = await anyio.run_process(command, check=False, env={}, start_new_session=True)
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeFailure(f"sandbox could not be started: {reason}")

    async def _discard(self, record: SandboxRecord) -> None:
        """Undo a start that failed or was cancelled halfway."""
        with anyio.CancelScope(shield=True):
            identity = self._state.shim(record.id)
            if identity is not None:
                await kill_shim(identity)
            self._state.remove_sandbox(record.id)
            await self._release_network(record)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        record = self._state.sandboxes.get(sandbox_id)
        identity = None if record is None else self._state.shim(sandbox_id)
        if record is None or identity is None:
            await anyio.lowlevel.checkpoint()
            return
        with anyio.move_on_after(_STOP_SECONDS) as stopping:
            try:
                await ask(self._state.sandbox_directory(sandbox_id), do="stop")
            except ShimGone:
                stopping.cancel()
            await wait_for_shim(identity)
        await kill_shim(identity)
        self._settle(record)
        await self._release_network(record)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        record = self._state.sandboxes.get(sandbox_id)
        if record is None:
            await anyio.lowlevel.checkpoint()
            return
        await self.stop_sandbox(sandbox_id)
        self._settle(record)
        self._state.remove_sandbox(sandbox_id)
        await self._release_network(record)

    async def _release_network(self, record: SandboxRecord) -> None:
        if record.network is None:
            return
        async with self._bridge:
            last = self._addresses_starting <= _addresses(record)
            # In a thread, because the kernel takes its time to remove a device.
            await anyio.to_thread.run_sync(self._addresses.disconnect, record.network, last)

    async def sandboxes(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Sandbox]:
        await anyio.lowlevel.checkpoint()
        return [
            self._sandbox_view(record)
            for record in self._state.sandboxes.values()
            if labels.items() <= record.config.labels.items()
        ]

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        await anyio.lowlevel.checkpoint()
        return self._sandbox_view(self._state.find_sandbox(sandbox_id))

    async def network_namespace(self, sandbox_id: str) -> str:
        await anyio.lowlevel.checkpoint()
        record = self._state.find_sandbox(sandbox_id)
        shim = self._state.shim(sandbox_id)
        return network_namespace_held(shim.pid) if record.network and shim else ""

    def _sandbox_view(self, record: SandboxRecord) -> Sandbox:
        config = record.config
        ready = self._state.shim(record.id) is not None
        addresses: tuple[str, ...] = ()
        if ready and not config.host_network:
            addresses = (record.network.address if record.network else LOOPBACK,)
        return Sandbox(
            id=record.id,
            name=config.name,
            namespace=config.namespace,
            uid=config.uid,
            attempt=config.attempt,
            state=SandboxState.READY if ready else SandboxState.NOT_READY,
            created_at=record.created_at,
            labels=config.labels,
            annotations=config.annotations,
            addresses=addresses,
        )

    # Containers.

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        await anyio.lowlevel.checkpoint()
        record = self._state.find_sandbox(sandbox_id)
        if self._state.shim(sandbox_id) is None:
            raise RuntimeFailure(f"sandbox {sandbox_id} is not ready")
        for known in self._state.containers_of(sandbox_id):
            if (known.config.name, known.config.attempt) == (config.name, config.attempt):
                raise RuntimeFailure(f"container {config.name}, attempt {config.attempt}, exists")
        if not config.command and not config.args:
            raise RuntimeFailure(
                f"container {config.name} has no command: the process runtime needs one, as there "
                "is no image to take it from"
            )
        check_capabilities(config)
        check_mounts(config, record.abilities)
        make_missing_sources(config)
        log_directory = record.config.log_directory
        container = ContainerRecord(
            id=self._new_id(),
            sandbox_id=sandbox_id,
            created_at=self._clock.now_nanoseconds(),
            log_path=os.path.join(log_directory, config.log_path) if config.log_path else "",
            config=config,
        )
        try:
            self._state.add_container(container)
        except OSError as error:
            raise RuntimeFailure(f"container could not be made: {error}") from error
        return container.id

    async def start_container(self, container_id: str) -> None:
        record = self._state.find_container(container_id)
        fate = self._state.fate(record)
        if fate.state != "created":
            raise RuntimeFailure(f"container {container_id} is {fate.state}")
        await self._ask(record, "start")

    async def stop_container(self, container_id: str, *, grace_seconds: float) -> None:
        record = self._state.containers.get(container_id)
        if record is None or self._state.fate(record).state != "running":
            await anyio.lowlevel.checkpoint()
            return
        number = signal_number(record.config.stop_signal) or signal.SIGTERM
        try:
            await self._ask(record, "signal", signal=number)
            await self._wait_for_exit(record, grace_seconds)
        except ShimGone:
            await self._lose(record)

    async def _wait_for_exit(self, record: ContainerRecord, grace_seconds: float) -> None:
        """Wait, and kill after the grace."""
        exited = False
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_after, tasks.cancel_scope, grace_seconds)
            with suppress(ShimGone):
                await self._ask(record, "wait")
            exited = True
            tasks.cancel_scope.cancel()
        # Also where the shim has gone: then this says so, outside the task group.
        await self._ask(record, "wait" if exited else "kill")

    async def remove_container(self, container_id: str) -> None:
        record = self._state.containers.get(container_id)
        if record is None:
            await anyio.lowlevel.checkpoint()
            return
        if self._state.fate(record).state == "running":
            try:
                await self._ask(record, "kill")
            except ShimGone:
                await self._lose(record)
        self._state.remove_container(record)

    async def containers(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Container]:
        await anyio.lowlevel.checkpoint()
        return [self._view(record) for record in self._state.labeled_containers(labels)]

    async def container_status(self, container_id: str) -> Container:
        await anyio.lowlevel.checkpoint()
        return self._view(self._state.find_container(container_id))

    async def check(
        self, sandbox_id: str, check: PortCheck, *, timeout_seconds: float
    ) -> CheckResult:
        return await check_port(check, self._clock, timeout_seconds=timeout_seconds)

    async def wait_log_written(self, container_id: str) -> None:
        pass  # a shim tells of an exit once it has written everything

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        record = self._state.find_container(container_id)
        if self._state.fate(record).state != "running":
            raise NotFound(f"container {container_id} does not run")
        if not self._state.find_sandbox(record.sandbox_id).abilities.limits:
            return
        try:
            Cgroups().limit(container_id, msgspec.to_builtins(resources))
        except OSError as error:
            raise RuntimeFailure(f"the limits can't be set: {error}") from error

    async def reopen_log(self, container_id: str) -> None:
        record = self._state.find_container(container_id)
        if self._state.fate(record).state == "running":
            await self._ask(record, "reopen_log")

    def _view(self, record: ContainerRecord) -> Container:
        config, fate = record.config, self._state.fate(record)
        return Container(
            id=record.id,
            sandbox_id=record.sandbox_id,
            name=config.name,
            attempt=config.attempt,
            state=ContainerState(fate.state),
            image=config.image,
            image_id=config.image,
            created_at=record.created_at,
            labels=config.labels,
            annotations=config.annotations,
            started_at=fate.started_at,
            finished_at=fate.finished_at,
            exit_code=fate.exit_code,
            reason=fate.reason,
            message=fate.message,
            log_path=record.log_path,
        )

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[RuntimeEvent]]:
        return self._events.listen()

    async def close(self) -> None:
        await anyio.lowlevel.checkpoint()

    # Small things.

    def _new_id(self) -> str:
        return self._clock.uuid().replace("-", "")

    async def _ask(self, record: ContainerRecord, verb: str, **fields: object) -> dict[str, Any]:
        directory = self._state.sandbox_directory(record.sandbox_id)
        return await ask(directory, do=verb, container=record.id, **fields)

    async def _lose(self, record: ContainerRecord) -> None:
        """The shim doesn't answer, so it is ending, and its containers with it."""
        identity = self._state.shim(record.sandbox_id)
        if identity is not None:
            with anyio.move_on_after(_STOP_SECONDS):
                await wait_for_shim(identity)
        self._state.fate(record)

    def _settle(self, record: SandboxRecord) -> None:
        """The shim is gone: what ran in its sandbox is lost."""
        for container in self._state.containers_of(record.id):
            self._state.fate(container)


def _addresses(record: SandboxRecord) -> set[str]:
    return set() if record.network is None else {record.network.address}
