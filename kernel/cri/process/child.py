"""The shim's children: how they are forked, and what their end is called.

Standard library alone.
"""

import os

from kernel.cri.process import syscalls as system

_SIGNAL_EXIT_BASE = 128


def exit_code(status: int) -> int:
    """As a shell has it: 128 + n for a process that died of signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _SIGNAL_EXIT_BASE - code


def fork_into(namespace: int | None, *, new_processes: bool) -> int:
    """Fork a child into a PID namespace: an open one (which is closed), a new one, or our own.

    Only this way is the child in another PID namespace and yet ours to wait for.
    """
    if namespace is None and not new_processes:
        return os.fork()
    home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if namespace is None:
            system.unshare(system.CLONE_NEWPID)
        else:
            system.enter_namespace(namespace)
            os.close(namespace)
        child = os.fork()
        if child:
            system.enter_namespace(home)
        return child
    finally:
        os.close(home)
