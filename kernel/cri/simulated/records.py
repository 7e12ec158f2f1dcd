"""What the simulated runtime remembers: sandboxes, containers, and a table that finds them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from kernel.cri.runtime import (
    Container,
    ContainerConfig,
    ContainerState,
    ExecResult,
    Image,
    LinuxResources,
    Sandbox,
    SandboxConfig,
    SandboxState,
)
from kernel.cri.simulated.program import Exit, Print, Program, Sleep, program_of

NO_RESULTS: Mapping[tuple[str, ...], ExecResult] = {}


class Follower(Protocol):
    """Someone who is in conversation with a container."""

    def wrote(self, line: str) -> None:
        """The container's program has written a line."""
        ...

    def ended(self) -> None:
        """The container has ended."""
        ...


class SimulatedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt of a container does.

    It takes `start_seconds` to start, or with a `start_failure` doesn't. It writes `log_lines`,
    runs for `run_seconds` (None: until stopped) and ends with `exit_code`, or, where
    `out_of_memory`, as if the kernel had killed it. Told to stop, it takes `stop_seconds` and then
    ends with `stop_exit_code`. While it runs it uses `cpu_cores` of the processor and
    `memory_bytes`. `exec_results` answers commands that are run in it; any other is
    read as a container's command is. On its `echo_ports` it sends back what it receives.
    """

    exit_code: int = 0
    run_seconds: float | None = None
    log_lines: tuple[str, ...] = ()
    out_of_memory: bool = False
    start_seconds: float = 0
    start_failure: str = ""
    stop_seconds: float = 0
    stop_exit_code: int = 143
    cpu_cores: float = 0
    memory_bytes: int = 0
    exec_results: Mapping[tuple[str, ...], ExecResult] = NO_RESULTS
    echo_ports: tuple[int, ...] = ()

    def program(self) -> Program:
        """The same as steps."""
        lines = tuple(Print(line) for line in self.log_lines)
        if self.run_seconds is None:
            return (*lines, Sleep(None))
        return (*lines, Sleep(self.run_seconds), Exit(self.exit_code))


class SandboxRecord(msgspec.Struct, eq=False):
    """A sandbox, with its containers by name and attempt."""

    id: str
    config: SandboxConfig
    created_at: int
    address: str
    state: SandboxState = SandboxState.READY
    containers: dict[tuple[str, int], "ContainerRecord"] = {}

    @property
    def labels(self) -> Mapping[str, str]:
        return self.config.labels

    def running(self) -> "list[ContainerRecord]":
        """Its containers that run."""
        every = self.containers.values()
        return [container for container in every if container.state is ContainerState.RUNNING]

    def view(self) -> Sandbox:
        """As the contract has it."""
        has_address = self.state is SandboxState.READY and self.address
        return Sandbox(
            id=self.id,
            name=self.config.name,
            namespace=self.config.namespace,
            uid=self.config.uid,
            attempt=self.config.attempt,
            state=self.state,
            created_at=self.created_at,
            labels=self.config.labels,
            annotations=self.config.annotations,
            addresses=(self.address,) if has_address else (),
        )


class ContainerRecord(msgspec.Struct, eq=False):
    """A container and how far its program has come.

    The next step is taken at `due`; a stop that is under way ends the container at `end_due` with
    `end_code`. Both are nanoseconds of the monotonic clock, None where nothing is due.
    """

    id: str
    config: ContainerConfig
    sandbox: SandboxRecord
    image: Image
    script: SimulatedContainer
    program: Program
    created_at: int
    next_step: int = 0
    due: int | None = None
    end_due: int | None = None
    end_code: int = 0
    heeds_stop: bool = True
    followers: tuple[Follower, ...] = ()
    state: ContainerState = ContainerState.CREATED
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    resources: LinuxResources | None = None

    @property
    def labels(self) -> Mapping[str, str]:
        return self.config.labels

    @property
    def log_path(self) -> Path:
        return Path(self.sandbox.config.log_directory, self.config.log_path)

    def view(self) -> Container:
        """As the contract has it."""
        return Container(
            id=self.id,
            sandbox_id=self.sandbox.id,
            name=self.config.name,
            attempt=self.config.attempt,
            state=self.state,
            image=next(iter(self.image.tags), self.config.image),
            image_id=self.image.id,
            created_at=self.created_at,
            labels=self.config.labels,
            annotations=self.config.annotations,
            started_at=self.started_at,
            finished_at=self.finished_at,
            exit_code=self.exit_code,
            reason=self.reason,
            message=self.message,
            log_path=str(self.log_path) if self.config.log_path else "",
        )


def container_program(script: SimulatedContainer | None, config: ContainerConfig) -> Program:
    """The script's program, where there is a script, else what the command line says."""
    if script is not None:
        return script.program()
    return program_of((*config.command, *config.args), config.environment)


class Labelled(Protocol):
    """What a `RecordTable` holds."""

    id: str

    @property
    def labels(self) -> Mapping[str, str]: ...


Record = TypeVar("Record", bound=Labelled)


class RecordTable(Generic[Record]):
    """Records by id and by labels, oldest first.

    A label key is indexed from the first query that names it on: the labels that nobody asks for
    cost nothing.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Record] = {}
        self._indexes: dict[str, dict[str, dict[str, Record]]] = {}

    def get(self, record_id: str) -> Record | None:
        return self._by_id.get(record_id)

    def add(self, record: Record) -> None:
        self._by_id[record.id] = record
        for key, index in self._indexes.items():
            if key in record.labels:
                index.setdefault(record.labels[key], {})[record.id] = record

    def remove(self, record: Record) -> None:
        self._by_id.pop(record.id, None)
        for key, index in self._indexes.items():
            value = record.labels.get(key)
            if value is not None and value in index:
                index[value].pop(record.id, None)
                if not index[value]:
                    del index[value]

    def find(self, labels: Mapping[str, str]) -> list[Record]:
        """The records that carry all of `labels`."""
        found = [self._index(key).get(value, {}) for key, value in labels.items()]
        if not found:
            return list(self._by_id.values())
        fewest = min(found, key=len)
        return [record for record in fewest.values() if all(record.id in ids for ids in found)]

    def _index(self, key: str) -> dict[str, dict[str, Record]]:
        if key not in self._indexes:
            index: dict[str, dict[str, Record]] = {}
            for record in self._by_id.values():
                if key in record.labels:
                    index.setdefault(record.labels[key], {})[record.id] = record
            self._indexes[key] = index
        return self._indexes[key]
