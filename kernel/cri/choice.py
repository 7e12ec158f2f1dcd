"""Which runtime to use, by name or by what this machine offers."""

from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from kernel.clock import Clock
from kernel.cri.runtime import Runtime, RuntimeUnavailable

RuntimeName = Literal["auto", "containerd", "process", "simulated"]
RUNTIME_NAMES: tuple[RuntimeName, ...] = get_args(RuntimeName)

DEFAULT_CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


async def choose_runtime(
    name: RuntimeName, *, clock: Clock, state_directory: Path, containerd_socket: str = ""
) -> Runtime:
    """The runtime of that name, found to be working; `auto` is containerd where its socket
    answers CRI v1, else process. Raises `RuntimeUnavailable`.

    `state_directory` is for the process runtime: it keeps there what it must find again.
    """
    if name == "simulated":
        from kernel.cri.simulated import SimulatedRuntime

        return SimulatedRuntime(clock)
    if name == "containerd":
        return await _containerd(containerd_socket or DEFAULT_CONTAINERD_SOCKET, clock)
    if name == "auto":
        socket = containerd_socket or DEFAULT_CONTAINERD_SOCKET
        if containerd_socket or Path(socket).exists():
            with suppress(RuntimeUnavailable):
                return await _containerd(socket, clock)
    return await _process(state_directory, clock)


async def _containerd(socket: str, clock: Clock) -> Runtime:
    from kernel.cri.containerd import ContainerdRuntime

    runtime = ContainerdRuntime(socket, clock=clock)
    try:
        await runtime.version()
    except RuntimeUnavailable:
        await runtime.close()
        raise
    return runtime


async def _process(state_directory: Path, clock: Clock) -> Runtime:
    from kernel.cri.process import ProcessRuntime

    runtime = ProcessRuntime(state_directory, clock=clock)
    await runtime.version()
    return runtime
