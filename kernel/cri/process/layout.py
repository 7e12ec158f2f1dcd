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

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Container

# Spelled out because importing `typing` would cost each shim 2 ms and 0.5 MB.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Record = dict[str, Any]
else:
    Record = dict

SANDBOX_FILE = "sandbox.json"
SHIM_FILE = "shim.json"
SHIM_LOG_FILE = "shim.log"
SOCKET_FILE = "socket"
CONTAINERS_DIRECTORY = "containers"
CONTAINER_FILE = "container.json"
FATE_FILE = "fate.json"

# What CRI's clients see of a container whose command could not be started.
EXIT_START_FAILED = 128

# The one seccomp profile that there is.
RUNTIME_DEFAULT = "RuntimeDefault"

# The environment variable by which a container's processes are known where no namespace tells.
MARK = "PODKERNEL_CONTAINER"


def write_whole(path: str, content: bytes) -> None:
    """Write a file so that it is seen entirely or not at all."""
    temporary = f"{path}.new"
    with open(temporary, "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def write_json(path: str, value: Record) -> None:
    write_whole(path, json.dumps(value).encode())


def read_json(path: str) -> Record:
    with open(path, "rb") as file:
        record: Record = json.load(file)
        return record


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


def container_has_own_processes(sandbox: Record, container: Record) -> bool:
    """Whether this one does; one with a target is in the target's."""
    return containers_have_own_processes(sandbox) and not container["config"].get(
        "target_container_id"
    )


def kill_session(session: int) -> None:
    """Kill a session's processes, also those that job control has put in groups of their own.

    Looks again until it finds no new one, because one of them may have forked meanwhile.
    """
    killed: set[int] = set()
    while True:
        found = {pid for pid in map(int, _process_names()) if _session_of(pid) == session} - killed
        if not found:
            return
        for pid in found:
            # It is gone, or another user's.
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        killed |= found


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def kill_marked_processes(container_ids: Container[str]) -> None:
    """Kill the processes that carry the mark of one of the containers, as far as we may look.

    Looks again until it finds none, because one of them may have forked meanwhile.
    """
    looks_again = True
    while looks_again:
        looks_again = False
        for name in _process_names():
            looks_again |= _kill_if_marked(int(name), container_ids)


def _process_names() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdecimal()]


def _kill_if_marked(pid: int, container_ids: Container[str]) -> bool:
    """Whether it is worth looking at the processes again."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
        if variables == [b""]:
            return _is_being_executed(pid)
        if not any(_is_mark(variable, container_ids) for variable in variables):
            return False
        if process_start_ticks(pid) is None:
            return False
        os.kill(pid, signal.SIGKILL)
    except OSError:
        # It is gone, or another user's.
        return False
    return True


def _is_mark(variable: bytes, container_ids: Container[str]) -> bool:
    name, _, value = variable.partition(b"=")
    return name == MARK.encode() and value.decode(errors="replace") in container_ids


def _is_being_executed(pid: int) -> bool:
    """A program that is just being loaded has neither environment nor arguments for a moment."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        has_arguments = bool(file.read())
    # The kernel's own threads have no program.
    return not has_arguments and bool(os.readlink(f"/proc/{pid}/exe"))
