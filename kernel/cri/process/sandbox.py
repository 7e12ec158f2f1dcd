"""Stands up a sandbox: a process of its own session that holds the namespaces and serves requests.

Standard library alone.
"""

import os
import socket
import sys

from kernel.cri.process import syscalls as system
from kernel.cri.process.forward import listen
from kernel.cri.process.layout import (
    SANDBOX_FILE,
    SHIM_FILE,
    SHIM_LOG_FILE,
    Record,
    boot_id,
    process_start_ticks,
    read_json,
    sandbox_has_own_processes,
    write_json,
)
from kernel.cri.process.network import entered, make_pod_network
from kernel.cri.process.server import Server, ignore_terminal_signals
from kernel.cri.process.user_namespace import enter_user_namespace

_READY = b"ready"
_LOOPBACK = "127.0.0.1"


def start(directory: str) -> int:
    """Fork the shim and return 0 once the sandbox stands, else 1 with the reason on stderr."""
    os.chdir(directory)
    sandbox = read_json(SANDBOX_FILE)
    answer_read, answer_write = os.pipe2(os.O_CLOEXEC)
    abilities = sandbox["abilities"]
    if abilities["mounts"] and not abilities["root"]:
        enter_user_namespace()
    if sandbox_has_own_processes(sandbox):
        # Of this process, only the children move: the shim becomes the sandbox's process 1, and
        # whatever runs in the sandbox dies with it.
        system.unshare(system.CLONE_NEWPID)
    if os.fork() == 0:
        os.close(answer_read)
        _run(sandbox, answer_write)
    os.close(answer_write)
    with open(answer_read, "rb") as file:
        answer = file.read()
    if answer == _READY:
        return 0
    sys.stderr.write(answer.decode() or "the shim died while it started")
    return 1


def _run(sandbox: Record, answer_pipe: int) -> None:
    try:
        _detach()
        server = _stand_up(sandbox)
    except Exception as error:
        os.write(answer_pipe, str(error).encode(errors="replace"))
        os._exit(1)
    os.write(answer_pipe, _READY)
    os.close(answer_pipe)
    try:
        server.loop.run()
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _detach() -> None:
    os.setsid()
    ignore_terminal_signals()
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(SHIM_LOG_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for source, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)


def _stand_up(sandbox: Record) -> Server:
    # Read before /proc may be mounted anew: the runtime knows us by the machine's numbers.
    pid = int(os.readlink("/proc/self"))
    identity = {"pid": pid, "start_ticks": process_start_ticks(pid), "boot_id": boot_id()}
    if sandbox["abilities"]["mounts"]:
        _isolate(sandbox)
        _set_sysctls(sandbox, of_network=False)
    if not sandbox_has_own_processes(sandbox):
        system.adopt_orphans()
    network = _make_network(sandbox)
    server = Server(sandbox, network=network)
    for mapping in sandbox["config"]["port_mappings"]:
        _forward(server, sandbox, mapping)
    write_json(SHIM_FILE, identity)
    return server


def _isolate(sandbox: Record) -> None:
    config = sandbox["config"]
    flags = system.CLONE_NEWNS
    if not config["host_network"]:
        flags |= system.CLONE_NEWUTS
    if not config["host_ipc"]:
        flags |= system.CLONE_NEWIPC
    system.unshare(flags)
    system.mount("", "/", "", system.MS_SLAVE | system.MS_REC)
    if sandbox_has_own_processes(sandbox):
        system.mount("proc", "/proc", "proc")
    if config["host_ipc"]:
        system.mount("/dev/shm", "shm", "", system.MS_BIND)
    else:
        system.mount("tmpfs", "shm", "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=1777")
    if config["hostname"] and not config["host_network"]:
        socket.sethostname(config["hostname"])


def _make_network(sandbox: Record) -> int | None:
    """The Pod's network namespace, with the sysctls that were asked for."""
    plan = sandbox["network"]
    if plan is None:
        return None
    network = make_pod_network(
        plan["device"],
        bridge=plan["bridge"],
        address=plan["address"],
        prefix_length=plan["prefix_length"],
        gateway=plan["gateway"],
    )
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    with entered(network, home=home):
        _set_sysctls(sandbox, of_network=True)
    os.close(home)
    return network


def _set_sysctls(sandbox: Record, *, of_network: bool) -> None:
    """Those of the namespaces that this process is in now."""
    for name, value in sandbox["sysctls"].items():
        if name.startswith("net.") == of_network:
            with open(f"/proc/sys/{name.replace('.', '/')}", "w") as file:
                file.write(value)


def _forward(server: Server, sandbox: Record, mapping: Record) -> None:
    """Without a network of its own the Pod listens on the machine's ports by itself."""
    host_port, container_port = mapping["host_port"], mapping["container_port"]
    plan = sandbox["network"]
    if plan is None and (host_port == container_port or sandbox["config"]["host_network"]):
        return
    listen(
        server.loop,
        host_ip=mapping["host_ip"],
        host_port=host_port,
        target=(_LOOPBACK if plan is None else plan["address"], container_port),
        udp=mapping["protocol"] == "UDP",
    )
