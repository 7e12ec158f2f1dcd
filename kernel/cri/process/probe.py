"""What this machine lets this user do, found out by doing it. Standard library alone."""

import contextlib
import json
import os
from collections.abc import Callable

from kernel.cri.process import syscalls as system
from kernel.cri.process.cgroup import Cgroups
from kernel.cri.process.firewall import drops_forwarded
from kernel.cri.process.network import Netlink
from kernel.cri.process.user_namespace import enter_user_namespace


def probe() -> str:
    """The fields of `kernel.cri.process.state.Abilities` as JSON."""
    root = os.geteuid() == 0 and _works(_mount)
    user_namespace = not root and _works(enter_user_namespace, _mount)
    entry: tuple[Callable[[], None], ...] = () if root else (enter_user_namespace,)
    mounts = root or user_namespace
    return json.dumps(
        {
            "root": root,
            "mounts": mounts,
            "users": root or (mounts and _works(*entry, _become_another)),
            "processes": mounts and _works(*entry, _new_processes),
            "network": root and _works(_new_network),
            "way_out": root and _works(_new_network, _masquerade),
            "forwards": _forwards(),
            "drops_forwarded": drops_forwarded(),
            "seccomp": mounts and _works(*entry, _forbid_system_calls),
            "limits": root and _works(Cgroups().prepare),
            "sparing": _works(_lower_oom_score),
        }
    )


def _mount() -> None:
    system.unshare(system.CLONE_NEWNS | system.CLONE_NEWUTS | system.CLONE_NEWIPC)
    system.mount("", "/", "", system.MS_SLAVE | system.MS_REC)
    system.mount("tmpfs", "/proc", "tmpfs")


def _become_another() -> None:
    enter_user_namespace(user=1, group=1)


def _new_processes() -> None:
    """A PID namespace is of use only with a /proc of its own, which containers often forbid."""
    system.unshare(system.CLONE_NEWPID | system.CLONE_NEWNS)
    system.mount("", "/", "", system.MS_SLAVE | system.MS_REC)
    if not _works(lambda: system.mount("proc", "/proc", "proc")):
        raise PermissionError("no /proc of its own")


def _new_network() -> None:
    system.unshare(system.CLONE_NEWNET)
    with contextlib.closing(Netlink()) as netlink:
        netlink.make_bridge("probe")
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        netlink.make_pair("pair", bridge="probe", namespace=own)


def _masquerade() -> None:
    from ipaddress import IPv4Network

    from kernel.cri.process.nat import masquerade

    masquerade("probe", IPv4Network("10.88.0.0/24"))


def _forbid_system_calls() -> None:
    from kernel.cri.process.seccomp import forbid_system_calls

    forbid_system_calls(frozenset())


def _lower_oom_score() -> None:
    with open("/proc/self/oom_score_adj", "r+") as file:
        score = int(file.read())
        file.seek(0)
        file.write(str(score - 1))


def _forwards() -> bool:
    try:
        with open("/proc/sys/net/ipv4/ip_forward") as file:
            return file.read().strip() == "1"
    except OSError:
        return False


def _works(*steps: Callable[[], None]) -> bool:
    """Whether the steps can be taken, tried in a child so that they leave nothing behind."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            for step in steps:
                step()
            os._exit(0)
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0
