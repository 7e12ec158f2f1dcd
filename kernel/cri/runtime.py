"""The contract that every runtime fulfils: sandboxes, containers, images and their events.

It speaks CRI's language (a sandbox, containers in it, attempts), not Kubernetes' objects; the node
agent translates Pods into it. Three implementations pass one test suite: `containerd`, `process`
and `simulated`.

Ids are opaque text. Times are nanoseconds since the Unix epoch, zero where something has not
happened. Labels are the caller's: the node agent finds its sandboxes and containers again by them,
also after it was killed, so a runtime keeps them for as long as the sandbox or container exists.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

import msgspec

from kernel.cri.measuring import Measuring
from kernel.cri.port_check import PortChecking
from kernel.cri.streaming import Streaming

NO_LABELS: Mapping[str, str] = {}


class RuntimeFailure(Exception):
    """A runtime call failed. The message is fit for an Event: one line, no traceback."""


class NotFound(RuntimeFailure):
    """The sandbox, container or image does not exist (any more)."""


class RuntimeUnavailable(RuntimeFailure):
    """The runtime can't be reached, or can't work on this machine."""


class RuntimeNotReady(RuntimeUnavailable):
    """The runtime answers, and can't run Pods now. `trouble` says why as a node's condition has
    it."""

    def __init__(self, message: str, *, trouble: str):
        super().__init__(message)
        self.trouble = trouble


class ImagePullFailure(RuntimeFailure):
    """An image could not be pulled."""


class InvalidImageName(ImagePullFailure):
    """The text does not name an image."""


class SandboxState(Enum):
    READY = "ready"
    NOT_READY = "not ready"


START_INTERRUPTED = "StartInterrupted"
"""The reason of a container that never ran, because the process that asked for its start died."""


class ContainerState(Enum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


class RuntimeVersion(msgspec.Struct, frozen=True):
    """`name` and `version` as nodeInfo.containerRuntimeVersion shows them: `containerd://1.6.20`."""

    name: str
    version: str


class PortMapping(msgspec.Struct, frozen=True):
    """A port of the host that leads into the sandbox. An empty `host_ip` means all addresses."""

    host_port: int
    container_port: int
    protocol: str = "TCP"
    host_ip: str = ""


class DnsConfig(msgspec.Struct, frozen=True):
    """The content of resolv.conf in the sandbox."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class SELinuxLabel(msgspec.Struct, frozen=True):
    """What SELinux knows a container's processes by; empty parts are the runtime's to fill."""

    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


class SecurityContext(msgspec.Struct, frozen=True):
    """Who a container runs as and what it may do; None leaves it to the image or the runtime.

    `run_as_user_name` is a user of the image, for where no number is given. `seccomp_profile` and
    `apparmor_profile` are empty (the runtime's choice), `RuntimeDefault`, `Unconfined`, or a
    profile: the absolute path of a file for seccomp, a name that the kernel knows for AppArmor.
    `whole_proc` shows all of /proc and /sys, of which else the risky parts are hidden.
    """

    run_as_user: int | None = None
    run_as_user_name: str = ""
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    privileged: bool = False
    read_only_root_filesystem: bool = False
    allow_privilege_escalation: bool = True
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    seccomp_profile: str = ""
    apparmor_profile: str = ""
    selinux: SELinuxLabel | None = None
    whole_proc: bool = False


class SandboxConfig(msgspec.Struct, frozen=True):
    """Everything needed to make the sandbox of one Pod.

    `log_directory` is an absolute path on the host that the runtime makes where it is missing.
    `share_processes` is one PID namespace for all containers of the Pod. `runtime_handler` names
    one of the ways of running Pods that the runtime's own configuration has; empty is its default.
    """

    name: str
    namespace: str
    uid: str
    attempt: int
    log_directory: str
    hostname: str = ""
    labels: Mapping[str, str] = NO_LABELS
    annotations: Mapping[str, str] = NO_LABELS
    port_mappings: tuple[PortMapping, ...] = ()
    dns: DnsConfig | None = None
    sysctls: Mapping[str, str] = NO_LABELS
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_processes: bool = False
    cgroup_parent: str = ""
    runtime_handler: str = ""
    security: SecurityContext = SecurityContext()


class Sandbox(msgspec.Struct, frozen=True):
    """What the runtime knows of a sandbox. `addresses` are the Pod's IPs, the first one primary.

    With host networking `addresses` is empty: the Pod then has the node's address.
    """

    id: str
    name: str
    namespace: str
    uid: str
    attempt: int
    state: SandboxState
    created_at: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    addresses: tuple[str, ...] = ()


class Mount(msgspec.Struct, frozen=True):
    """A file or directory of the host that appears in the container. `propagation` is
    "private", "host-to-container" or "bidirectional"."""

    host_path: str
    container_path: str
    read_only: bool = False
    propagation: str = "private"


class LinuxResources(msgspec.Struct, frozen=True):
    """Limits as the kernel takes them; zero means no limit. Memory in bytes, CPU in microseconds
    of `cpu_quota` a `cpu_period`, `cpu_shares` relative to other containers."""

    memory_limit_bytes: int = 0
    cpu_quota_microseconds: int = 0
    cpu_period_microseconds: int = 100_000
    cpu_shares: int = 0
    oom_score_adjustment: int = 0


class ContainerConfig(msgspec.Struct, frozen=True):
    """Everything needed to make one container.

    `command` replaces the image's entrypoint and `args` its cmd; both may be empty. `log_path` is
    relative to the sandbox's log directory; the runtime writes it in CRI's format (see
    `kernel.cri.log_file`). `image` is a reference that `image_status` or `pull_image` answered.
    `target_container_id` names a running container of the sandbox whose PID namespace this one is
    to share, where they have one each; where it does not run, `create_container` or
    `start_container` fails.
    """

    name: str
    attempt: int
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_directory: str = ""
    environment: Mapping[str, str] = NO_LABELS
    mounts: tuple[Mount, ...] = ()
    labels: Mapping[str, str] = NO_LABELS
    annotations: Mapping[str, str] = NO_LABELS
    log_path: str = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    stop_signal: str = ""
    target_container_id: str = ""
    resources: LinuxResources = LinuxResources()
    security: SecurityContext = SecurityContext()


class Container(msgspec.Struct, frozen=True):
    """What the runtime knows of a container.

    `exit_code`, `reason` ("Completed", "Error", "OOMKilled", "StartError", "ContainerCannotRun",
    or `START_INTERRUPTED`) and `finished_at` mean something once `state` is EXITED. `image` is as
    it was asked for, `image_id` what it resolved to. `log_path` is absolute.
    """

    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    image: str
    image_id: str
    created_at: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    log_path: str = ""


class Image(msgspec.Struct, frozen=True):
    """An image that is present. `user` is what its config says a container runs as. `pinned`, which
    `images` alone fills in, is one that the runtime needs itself: it is never garbage."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size_bytes: int = 0
    user: str = ""
    pinned: bool = False


class RegistryCredentials(msgspec.Struct, frozen=True):
    """What to show a registry; `server` is its address."""

    username: str = ""
    password: str = ""
    server: str = ""


class ExecResult(msgspec.Struct, frozen=True):
    """What a command run in a container wrote, and its exit code."""

    stdout: bytes
    stderr: bytes
    exit_code: int


class RuntimeEventType(Enum):
    SANDBOX_READY = "sandbox ready"
    SANDBOX_STOPPED = "sandbox stopped"
    CONTAINER_STARTED = "container started"
    CONTAINER_EXITED = "container exited"
    CONTAINER_OUT_OF_MEMORY = "container out of memory"
    RELIST = "relist"


class RuntimeEvent(msgspec.Struct, frozen=True):
    """Something happened in the runtime. `labels` are those of the sandbox or container.

    A RELIST event, which has no id, says that events may have been missed (the stream was broken
    and is whole again): the listener looks at everything once.
    """

    type: RuntimeEventType
    id: str = ""
    labels: Mapping[str, str] = NO_LABELS


class HostMounts(Enum):
    """Which mounts of this process a runtime sees: none where it lives in another mount namespace;
    where sandboxes have copies of ours, those from before the sandbox."""

    NONE = "none"
    BEFORE_SANDBOX = "before the sandbox"
    ALL = "all"


class Runtime(PortChecking, Measuring, Streaming, Protocol):
    """Runs containers. All methods may raise `RuntimeFailure`; those that take an id, `NotFound`.

    Calls for different sandboxes run side by side. Every method may be called again after the
    process that made the first call died: a sandbox or container that exists already under the
    same uid (or sandbox), name and attempt makes `run_sandbox` or `create_container` fail with a
    `RuntimeFailure`; stopping what is stopped and removing what is gone succeed.

    """

    name: str

    @property
    def host_mounts(self) -> HostMounts:
        """What this process mounts on the host, as far as it can be mounted into containers."""
        ...

    async def version(self) -> RuntimeVersion:
        """Answer if the runtime works, else raise `RuntimeUnavailable`."""
        ...

    def limitations(self, sandbox: SandboxConfig, container: ContainerConfig) -> list[str]:
        """What of this configuration the runtime won't do, a sentence each, for an Event."""
        ...

    async def run_sandbox(self, config: SandboxConfig) -> str:
        """Make and start a sandbox; answers its id once its network is up."""
        ...

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what runs in the sandbox and free its network and host ports."""
        ...

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Stop the sandbox where it is not, and remove it with all its containers (not logs)."""
        ...

    async def sandboxes(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Sandbox]:
        """The sandboxes that carry all of `labels`, in any state, with their addresses."""
        ...

    async def sandbox_status(self, sandbox_id: str) -> Sandbox: ...

    async def network_namespace(self, sandbox_id: str) -> str:
        """The path of a ready sandbox's network namespace on this machine, for setns(2); empty
        where it has the machine's network or none that could be entered."""
        ...

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        """Make a container in a ready sandbox, without starting it; answers its id."""
        ...

    async def start_container(self, container_id: str) -> None:
        """Start a created container. Where the command can't be run the container ends up EXITED
        with exit code 128 and reason "StartError", and this raises `RuntimeFailure`."""
        ...

    async def stop_container(self, container_id: str, *, grace_seconds: float) -> None:
        """Send the stop signal, after `grace_seconds` SIGKILL; returns when it has exited."""
        ...

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        """Have other limits hold for a running container from now on. What is zero stays as it is.
        Where there are no limits at all (see `limitations`) nothing happens."""
        ...

    async def remove_container(self, container_id: str) -> None:
        """Kill the container where it runs, and forget it. Its log file stays."""
        ...

    async def containers(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Container]:
        """The containers that carry all of `labels`, in any state, exit codes filled in."""
        ...

    async def container_status(self, container_id: str) -> Container: ...

    async def exec_sync(
        self, container_id: str, command: tuple[str, ...], *, timeout_seconds: float
    ) -> ExecResult:
        """Run a command in a running container. Raises `TimeoutError` past the timeout (0: none),
        with the command killed."""
        ...

    async def wait_log_written(self, container_id: str) -> None:
        """Return when all that a container which has exited wrote is in its log: its status may
        show the exit a moment earlier. At once where it runs, or is not known."""
        ...

    async def reopen_log(self, container_id: str) -> None:
        """Go on writing to a new file at the container's log path: the old one was moved away."""
        ...

    async def image_status(self, image: str) -> Image | None:
        """The image if it is present. Raises `InvalidImageName`."""
        ...

    async def pull_image(self, image: str, credentials: RegistryCredentials | None = None) -> str:
        """Fetch an image; answers its reference. Raises `ImagePullFailure`."""
        ...

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[RuntimeEvent]]:
        """What happens from the moment the context is entered. Reconnects by itself, and then
        yields RELIST; an exit is yielded once the container's status shows it."""
        ...

    async def close(self) -> None:
        """Let go of the runtime. What runs goes on running."""
        ...
