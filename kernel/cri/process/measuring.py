"""What the process runtime's containers use: told by their cgroups, or else by their processes.

Without a cgroup it is the container's first process and all that descends from it. That leaves out
who was orphaned or executed from outside, and counts memory that processes share more than once.
"""

from collections.abc import Mapping, Sequence

import anyio
import msgspec

from kernel.clock import Clock
from kernel.cri.measuring import ContainerUsage
from kernel.cri.process import layout
from kernel.cri.process.cgroup import Cgroups
from kernel.cri.process.process_table import ProcessTable
from kernel.cri.process.state import ContainerRecord, ProcessState, SandboxRecord
from kernel.cri.runtime import NO_LABELS


class RunningContainer(msgspec.Struct, frozen=True):
    """`shim_pid` is the machine's number of the shim, `pid` the shim's of the container."""

    record: ContainerRecord
    sandbox: SandboxRecord
    shim_pid: int
    pid: int


class ProcessMeasuring:
    """The part of `kernel.cri.measuring.Measuring` that is about containers."""

    def __init__(self, state: ProcessState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        # What was seen of each container: what lost processes have used isn't seen again.
        self._cpu_nanoseconds: dict[str, int] = {}

    async def usage(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[ContainerUsage]:
        await anyio.lowlevel.checkpoint()
        running = [
            RunningContainer(record, self._state.sandboxes[record.sandbox_id], shim.pid, fate.pid)
            for record in self._state.labeled_containers(labels)
            if (fate := self._state.fate(record)).state == "running"
            and (shim := self._state.shim(record.sandbox_id)) is not None
        ]
        self._forget_removed()
        now = self._clock.now_nanoseconds()
        return await anyio.to_thread.run_sync(self._measure, running, now)

    def _forget_removed(self) -> None:
        for container_id in self._cpu_nanoseconds.keys() - self._state.containers.keys():
            del self._cpu_nanoseconds[container_id]

    def _measure(
        self, containers: Sequence[RunningContainer], now_nanoseconds: int
    ) -> list[ContainerUsage]:
        table: ProcessTable | None = None
        found = []
        for container in containers:
            used = _cgroup_usage(container)
            if used is None:
                table = table or ProcessTable()
                used = _process_usage(container, table)
            if used is not None:
                found.append(self._usage(container, used, now_nanoseconds))
        self._cpu_nanoseconds |= {usage.container_id: usage.cpu_nanoseconds for usage in found}
        return found

    def _usage(
        self, container: RunningContainer, used: tuple[int, int], now_nanoseconds: int
    ) -> ContainerUsage:
        cpu, memory = used
        record = container.record
        return ContainerUsage(
            container_id=record.id,
            labels=record.config.labels,
            measured_at=now_nanoseconds,
            cpu_nanoseconds=max(cpu, self._cpu_nanoseconds.get(record.id, 0)),
            memory_bytes=memory,
        )


def _cgroup_usage(container: RunningContainer) -> tuple[int, int] | None:
    if not container.sandbox.abilities.limits:
        return None
    cgroups, container_id = Cgroups(), container.record.id
    try:
        return cgroups.cpu_nanoseconds(container_id), cgroups.memory_bytes(container_id)
    except OSError:
        return None


def _process_usage(container: RunningContainer, table: ProcessTable) -> tuple[int, int] | None:
    sandbox = msgspec.to_builtins(container.sandbox)
    depth = 1 if layout.sandbox_has_own_processes(sandbox) else 0
    pid = table.child(container.shim_pid, container.pid, namespaces_deep=depth)
    return None if pid is None else table.usage(pid)
