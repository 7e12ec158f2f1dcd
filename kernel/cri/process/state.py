"""What the process runtime knows of its sandboxes and containers: records on disk, and the truth.

The records that podkernel itself writes are kept in memory; what a shim writes (a container's fate)
is read from disk each time, so that it holds across restarts of either side. The layout is drawn
in `layout`.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from kernel.clock import Clock
from kernel.cri.process import layout
from kernel.cri.process.cgroup import Cgroups
from kernel.cri.runtime import ContainerConfig, NotFound, SandboxConfig

Record = TypeVar("Record")

EXIT_LOST = 137


class Abilities(msgspec.Struct, frozen=True):
    """What this machine lets this user do.

    `root`: act as the machine's root. `mounts`: a root filesystem of a container's own.
    `users`: run programs as others, or in a namespace in which they seem to be. `processes`: PID
    namespaces. `network`: a network namespace and an address for each Pod.
    `way_out`: its packets can be given the machine's address; `forwards`: the machine routes them,
    unless `drops_forwarded`, its firewall drops what no rule lets through.
    `limits`: cgroups for memory and CPU. `seccomp`: system calls can be forbidden.
    `sparing`: programs can be spared when memory runs out.
    """

    root: bool
    mounts: bool
    processes: bool
    network: bool
    limits: bool
    way_out: bool = False
    forwards: bool = False
    drops_forwarded: bool = False
    seccomp: bool = False
    users: bool = False
    sparing: bool = False


class NetworkPlan(msgspec.Struct, frozen=True):
    """How a sandbox is connected; names as in `network`."""

    bridge: str
    device: str
    address: str
    prefix_length: int
    gateway: str


class SandboxRecord(msgspec.Struct, frozen=True):
    """`user` is the machine's user that runs it; `sysctls` are those that will be set;
    `hidden_directory` (absolute) is what no container sees."""

    id: str
    created_at: int
    config: SandboxConfig
    abilities: Abilities
    network: NetworkPlan | None
    sysctls: Mapping[str, str]
    user: int
    hidden_directory: str = ""


class ContainerRecord(msgspec.Struct, frozen=True):
    id: str
    sandbox_id: str
    created_at: int
    log_path: str
    config: ContainerConfig


class Fate(msgspec.Struct, frozen=True):
    """`state` is "created", "running" or "exited"; the rest as in `runtime.Container`."""

    state: str = "created"
    pid: int = 0
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""


class ShimIdentity(msgspec.Struct, frozen=True):
    """Names one process: pids are used again, within one boot and after the next."""

    pid: int
    start_ticks: int
    boot_id: str


class ProcessState:
    """The sandboxes and containers of one state directory. One podkernel at a time uses it."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._clock = clock
        self._root = directory / "sandboxes"
        self._root.mkdir(parents=True, exist_ok=True)
        self._root.chmod(0o700)  # containers' environments stand there, Secrets among them
        self._boot_id = layout.boot_id()
        self._shims: dict[str, ShimIdentity] = {}
        self.sandboxes: dict[str, SandboxRecord] = {}
        self.containers: dict[str, ContainerRecord] = {}
        self._load()

    def _load(self) -> None:
        for directory in self._root.iterdir():
            sandbox = _read(directory / layout.SANDBOX_FILE, SandboxRecord)
            if sandbox is None:
                # podkernel died while it made this one.
                shutil.rmtree(directory, ignore_errors=True)
                continue
            self.sandboxes[sandbox.id] = sandbox
            for path in (directory / layout.CONTAINERS_DIRECTORY).iterdir():
                container = _read(path / layout.CONTAINER_FILE, ContainerRecord)
                if container is not None:
                    self.containers[container.id] = container

    def find_sandbox(self, sandbox_id: str) -> SandboxRecord:
        """Raises `NotFound`."""
        try:
            return self.sandboxes[sandbox_id]
        except KeyError:
            raise NotFound(f"sandbox {sandbox_id} not found") from None

    def find_container(self, container_id: str) -> ContainerRecord:
        """Raises `NotFound`."""
        try:
            return self.containers[container_id]
        except KeyError:
            raise NotFound(f"container {container_id} not found") from None

    def labeled_containers(self, labels: Mapping[str, str]) -> list[ContainerRecord]:
        """Those that carry all of the labels."""
        records = self.containers.values()
        return [each for each in records if labels.items() <= each.config.labels.items()]

    def sandbox_directory(self, sandbox_id: str) -> Path:
        return self._root / sandbox_id

    def prepare_sandbox(self, record: SandboxRecord, managed_files: Mapping[str, str]) -> None:
        """Write a sandbox's directory; it isn't listed before `sandboxes` has it."""
        directory = self.sandbox_directory(record.id)
        for name in (layout.CONTAINERS_DIRECTORY, "etc", "root", "shm"):
            (directory / name).mkdir(parents=True)
        for name, content in managed_files.items():
            (directory / "etc" / name).write_text(content)
        layout.write_whole(str(directory / layout.SANDBOX_FILE), msgspec.json.encode(record))

    def remove_sandbox(self, sandbox_id: str) -> None:
        for container in self.containers_of(sandbox_id):
            self.remove_container(container)
        self.sandboxes.pop(sandbox_id, None)
        self._shims.pop(sandbox_id, None)
        shutil.rmtree(self.sandbox_directory(sandbox_id), ignore_errors=True)

    def add_container(self, record: ContainerRecord) -> None:
        """Raises `OSError`, with nothing left behind."""
        directory = self._container_directory(record)
        directory.mkdir()
        content = msgspec.json.encode(record)
        try:
            layout.write_whole(str(directory / layout.CONTAINER_FILE), content)
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        self.containers[record.id] = record

    def remove_container(self, record: ContainerRecord) -> None:
        self.containers.pop(record.id, None)
        # The shim has done this, unless it was killed.
        Cgroups().remove(record.id)
        shutil.rmtree(self._container_directory(record), ignore_errors=True)

    def containers_of(self, sandbox_id: str) -> list[ContainerRecord]:
        return [record for record in self.containers.values() if record.sandbox_id == sandbox_id]

    def _container_directory(self, record: ContainerRecord) -> Path:
        directory = self.sandbox_directory(record.sandbox_id)
        return directory / layout.CONTAINERS_DIRECTORY / record.id

    def shim(self, sandbox_id: str) -> ShimIdentity | None:
        """The sandbox's shim if it lives."""
        identity = self._shims.get(sandbox_id)
        if identity is None:
            identity = _read(self.sandbox_directory(sandbox_id) / layout.SHIM_FILE, ShimIdentity)
            if identity is None:
                return None
            self._shims[sandbox_id] = identity
        if identity.boot_id != self._boot_id:
            return None
        alive = layout.process_start_ticks(identity.pid) == identity.start_ticks
        return identity if alive else None

    def fate(self, record: ContainerRecord) -> Fate:
        """What became of a container.

        One that ran and has no shim any more is lost: what is left of it is killed, and its end is
        written.
        """
        shim_lives = self.shim(record.sandbox_id) is not None
        fate = self._read_fate(record)
        if fate.state != "running" or shim_lives:
            return fate
        # The shim may have written the end of the container and then gone, after our first look.
        fate = self._read_fate(record)
        if fate.state != "running":
            return fate
        # Where it had a PID namespace, all of it has died with the shim.
        sandbox = msgspec.to_builtins(self.sandboxes[record.sandbox_id])
        if not layout.containers_have_own_processes(sandbox):
            layout.kill_marked_processes({record.id})
            Cgroups().kill(record.id)
        lost = Fate(
            state="exited",
            started_at=fate.started_at,
            finished_at=self._clock.now_nanoseconds(),
            exit_code=EXIT_LOST,
            reason="ContainerStatusUnknown",
            message="The container was lost: the process that watched over it was killed",
        )
        path = self._container_directory(record) / layout.FATE_FILE
        layout.write_whole(str(path), msgspec.json.encode(lost))
        return lost

    def _read_fate(self, record: ContainerRecord) -> Fate:
        return _read(self._container_directory(record) / layout.FATE_FILE, Fate) or Fate()

    def used_addresses(self) -> Iterator[str]:
        for record in self.sandboxes.values():
            if record.network is not None:
                yield record.network.address


def _read(path: Path, kind: type[Record]) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
