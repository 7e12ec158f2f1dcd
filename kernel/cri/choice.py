"""Which runtime to use, by name or by what this machine offers."""

import logging
import os
from pathlib import Path
from typing import Literal, get_args

from kernel.clock import Clock
from kernel.cri.runtime import Runtime, RuntimeUnavailable

logger = logging.getLogger("podkernel.runtime")

RuntimeName = Literal["auto", "containerd", "process", "simulated"]
RUNTIME_NAMES: tuple[RuntimeName, ...] = get_args(RuntimeName)

DEFAULT_CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


async def outside_runtime(
    name: RuntimeName, *, clock: Clock, containerd_socket: str = ""
) -> Runtime | None:
    """The daemon to use, found to be working, or None where `own_runtime` is to be used: `auto`
    is containerd where its socket answers CRI v1. Raises `RuntimeUnavailable`."""
    socket = containerd_socket or DEFAULT_CONTAINERD_SOCKET
    if name == "containerd":
        return await _containerd(socket, clock)
    # Without a socket, the import of gRPC is saved.
    if name == "auto" and (containerd_socket or _is_there(socket)):
        try:
            return await _containerd(socket, clock)
        except RuntimeUnavailable as error:
            if containerd_socket:  # somebody expects it to be there
                logger.warning("%s; Pods run as processes of this machine instead", error)
    return None


def _is_there(path: str) -> bool:
    return os.path.exists(path)  # also False where this user may not look


async def own_runtime(
    name: RuntimeName, *, clock: Clock, state_directory: Path, hidden_directory: Path
) -> Runtime:
    """The runtime of that name that needs no daemon, found to be working; for all other names
    it is the process runtime, which keeps in `state_directory` what it must find again, and
    `hidden_directory` from the containers' eyes. Raises `RuntimeUnavailable`."""
    if name == "simulated":
        from kernel.cri.simulated.runtime import SimulatedRuntime

        return SimulatedRuntime(clock)
    from kernel.cri.process.runtime import ProcessRuntime

    runtime = ProcessRuntime(state_directory, clock=clock, hidden_directory=hidden_directory)
    await runtime.version()
    return runtime


async def _containerd(socket: str, clock: Clock) -> Runtime:
    from kernel.cri.containerd.runtime import ContainerdRuntime

    runtime = ContainerdRuntime(socket, clock=clock)
    try:
        await runtime.version()
    except RuntimeUnavailable:
        await runtime.close()
        raise
    return runtime
