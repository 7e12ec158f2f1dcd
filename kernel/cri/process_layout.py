"""The process runtime's files on disk, shared by the runtime and the shim. Standard library alone.

    state_directory/
      network.json                     the Pod network of this state directory (root alone)
      sandboxes/<sandbox id>/
        sandbox.json                   SandboxRecord, written once by the runtime
        shim.json                      the shim that holds the sandbox, written once by the shim
        shim.log                       what went wrong in the shim, if anything ever did
        socket                         where the shim takes requests
        etc/{hosts,hostname,resolv.conf}
        root/                          an empty directory, the containers' roots are mounted on it
        shm/                           likewise, the Pod's /dev/shm
        containers/<container id>/
          container.json               ContainerRecord, written once by the runtime
          fate.json                    Fate, written by the shim at start and at exit; none: created

A file is replaced as a whole by a rename, so that a reader never sees half of one.
"""

import json
import os
import signal
from collections.abc import Container
from typing import Any

SANDBOX_FILE = "sandbox.json"
SHIM_FILE = "shim.json"
SHIM_LOG_FILE = "shim.log"
SOCKET_FILE = "socket"
CONTAINERS_DIRECTORY = "containers"
CONTAINER_FILE = "container.json"
FATE_FILE = "fate.json"

Record = dict[str, Any]

# The environment variable by which a container's processes are known where no namespace tells.
MARK = "PODKERNEL_CONTAINER"


def write_whole(path: str, content: bytes) -> None:
    """Write a file so that it is seen entirely or not at all."""
    temporary = f"{path}.new"
    with open(temporary, "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def write_json(path: str, value: Any) -> None:
    write_whole(path, json.dumps(value).encode())


def read_json(path: str) -> Any:
    with open(path, "rb") as file:
        return json.load(file)


def boot_id() -> str:
    """Differs after each boot of the machine: process ids mean something within one boot."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def process_start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot: with the pid it names one process.

    None if there is no such process, or it is dead and only waits to be reaped.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command's name in parentheses may contain anything, also parentheses.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def sandbox_has_own_processes(sandbox: Record) -> bool:
    """Whether the sandbox has a PID namespace, whose init is the shim."""
    return bool(sandbox["abilities"]["processes"]) and not sandbox["config"]["host_pid"]


def containers_have_own_processes(sandbox: Record) -> bool:
    """Whether each container has a PID namespace, so that all of it dies with its init."""
    return sandbox_has_own_processes(sandbox) and not sandbox["config"]["share_processes"]


def marked_processes(container_ids: Container[str]) -> list[int]:
    """The processes that carry the mark of one of the containers, as far as we may look."""
    found = []
    prefix = f"{MARK}=".encode()
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                variables = file.read().split(b"\0")
        except OSError:
            continue
        if any(
            variable.startswith(prefix) and variable[len(prefix) :].decode() in container_ids
            for variable in variables
        ):
            found.append(int(name))
    return found


def kill_marked_processes(container_ids: Container[str]) -> None:
    """Kill them, again and again until none is left that could have forked meanwhile."""
    while running := [
        pid for pid in marked_processes(container_ids) if process_start_ticks(pid) is not None
    ]:
        for pid in running:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            except PermissionError:
                # It has changed its user, and we are not root: out of our reach.
                return
