"""Runtimes to measure Pods on, and containers that exit on command, with and without a kernel."""

import atexit
import functools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import anyio

from kernel import (
    Client,
    Container,
    Kernel,
    ObjectMeta,
    Pod,
    PodSpec,
    SystemClock,
    Volume,
    VolumeMount,
)
from kernel.cri.process.runtime import ProcessRuntime
from kernel.cri.runtime import ContainerConfig, Mount, Runtime, SandboxConfig
from kernel.objects.container import Lifecycle
from kernel.objects.pod import PodOS
from kernel.objects.volume import HostPathVolumeSource

Times = TypeVar("Times")
KernelTimes = TypeVar("KernelTimes")

IMAGE = "busybox"
_LOOK_SECONDS = 0.002


@dataclass(frozen=True)
class Measured:
    """A runtime by name; `open` makes one that keeps what it must keep in a directory."""

    name: str
    open: Callable[[Path], Runtime]


def measured_runtimes() -> Sequence[Measured]:
    """The process runtime, and containerd where the tests' harness can start one; says where it
    can't."""
    # The harness is the tests'; a machine may have the benchmarks without it.
    from tests.containerd.daemon import missing_for_containerd

    process = Measured("process", lambda directory: ProcessRuntime(directory, clock=SystemClock()))
    reason = missing_for_containerd()
    if reason:
        print(f"on containerd: left out, {reason}")
        return [process]
    return [process, Measured("containerd", _open_containerd)]


async def bare_and_with_kernel(
    measured: Measured,
    bare: Callable[[Runtime, Path], Awaitable[Times]],
    with_kernel: Callable[[Client, Path], Awaitable[KernelTimes]],
) -> tuple[Times, KernelTimes]:
    """Measure the same thing on the runtime alone and through a kernel, each with a runtime and a
    scratch directory of its own. The store is as durable as `podkernel dev` has it."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as scratch:
        runtime = measured.open(Path(scratch, "runtime"))
        alone = await bare(runtime, Path(scratch))
        await runtime.close()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as scratch:
        runtime = measured.open(Path(scratch, "runtime"))
        async with Kernel.open(Path(scratch, "data"), runtime=runtime) as kernel:
            together = await with_kernel(kernel.client, Path(scratch))
        await runtime.close()
    return alone, together


def _open_containerd(directory: Path) -> Runtime:
    from kernel.cri.containerd.runtime import ContainerdRuntime

    return ContainerdRuntime(_containerd_socket(), clock=SystemClock())


@functools.cache
def _containerd_socket() -> str:
    """That of a containerd which is started once, and taken down as this process ends."""
    from tests.containerd.daemon import running_containerd

    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running_containerd()).socket_path


class Gate:
    """A FIFO that a container reads: when its other end is closed, `cat` has all, and exits."""

    def __init__(self, directory: Path) -> None:
        # Resolved and the same in the container: so it can be there where mounts can't.
        self.directory = directory.resolve()
        self.command = ["cat", str(self.directory / "fifo")]
        self._writer = -1
        self.directory.mkdir()
        os.mkfifo(self.directory / "fifo")

    async def hold(self) -> None:
        """Return once the container reads."""
        while self._writer < 0:
            try:
                self._writer = os.open(self.directory / "fifo", os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads yet
                await anyio.sleep(_LOOK_SECONDS)

    def release(self) -> float:
        """Let the container exit; answers when (`time.perf_counter`)."""
        released_at = time.perf_counter()
        os.close(self._writer)
        self._writer = -1
        return released_at


def gated_pod(name: str, gate: Gate) -> Pod:
    """A Pod whose only container exits when the gate is released, and is killed at once when the
    Pod is deleted: what runs as process 1 does not end at SIGTERM."""
    container = Container(
        name="main",
        image=IMAGE,
        image_pull_policy="IfNotPresent",
        command=gate.command,
        volume_mounts=[VolumeMount(name="gate", mount_path=str(gate.directory))],
        lifecycle=Lifecycle(stop_signal="SIGKILL"),
    )
    volume = Volume(name="gate", host_path=HostPathVolumeSource(path=str(gate.directory)))
    return Pod(
        metadata=ObjectMeta(name=name),
        spec=PodSpec(
            containers=[container],
            volumes=[volume],
            os=PodOS(name="linux"),
        ),
    )


def is_running(pod: Pod | None) -> bool:
    return pod is not None and pod.status.phase == "Running"


async def remove_pod(client: Client, name: str) -> None:
    """Delete a Pod, and return when it is gone, with all that ran of it: a forced deletion would
    go on beside what is measured next."""
    await client.delete(Pod, name)
    await client.wait(Pod, name, lambda pod: pod is None)


@dataclass
class BarePod:
    """The same without a kernel: the runtime's calls, one after the other."""

    runtime: Runtime
    name: str
    directory: Path
    command: Sequence[str] = ("sleep", "600")
    mounts: tuple[Mount, ...] = ()
    sandbox_id: str = ""
    _sandbox: SandboxConfig = field(init=False)

    def __post_init__(self) -> None:
        self._sandbox = SandboxConfig(
            name=self.name,
            namespace="bare",
            uid=f"uid-{self.name}-{self.directory.name}",
            attempt=0,
            log_directory=str(self.directory.resolve() / "logs" / self.name),
        )

    @classmethod
    def gated(cls, runtime: Runtime, name: str, directory: Path, gate: Gate) -> "BarePod":
        """One whose container exits when the gate is released."""
        path = str(gate.directory)
        return cls(runtime, name, directory, gate.command, (Mount(path, path),))

    async def run_sandbox(self) -> None:
        self.sandbox_id = await self.runtime.run_sandbox(self._sandbox)

    async def start_container(self, attempt: int = 0) -> str:
        """Create and start; answers the container's id."""
        image = await self.runtime.image_status(IMAGE)
        config = ContainerConfig(
            name="main",
            attempt=attempt,
            image=image.id if image else IMAGE,
            command=tuple(self.command),
            mounts=self.mounts,
            log_path=f"main/{attempt}.log",
        )
        container_id = await self.runtime.create_container(self.sandbox_id, config, self._sandbox)
        await self.runtime.start_container(container_id)
        return container_id

    async def remove(self) -> None:
        await self.runtime.remove_sandbox(self.sandbox_id)
