"""What root in a container may do: the capabilities that it keeps. Standard library alone."""

from __future__ import annotations

import contextlib

from kernel.cri.process import syscalls as system
from kernel.cri.process.layout import Record

# Numbers of linux/capability.h in its order.
CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"),
    *("SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"),
    *("IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"),
    *("SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"),
    *("LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"),
    *("WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"),
)
# What container runtimes leave to root in a container unless it is privileged.
_DEFAULT = frozenset(
    (
        *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID"),
        *("SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
    )
)


def kept_capabilities(security: Record) -> frozenset[str]:
    """By the fields of `runtime.SecurityContext`; names without `CAP_`."""
    added, dropped = (
        {name.upper().removeprefix("CAP_") for name in security[key]}
        for key in ("capabilities_added", "capabilities_dropped")
    )
    kept = set(CAPABILITIES) if "ALL" in added else _DEFAULT | added
    return frozenset((added - {"ALL"}) if "ALL" in dropped else kept - dropped)


def bound_capabilities(kept: frozenset[str]) -> None:
    """Give up all others for good: programs that are executed from now on can't have them."""
    for number, name in enumerate(CAPABILITIES):
        if name not in kept:
            # A capability that this kernel doesn't know can't be had either.
            with contextlib.suppress(OSError):
                system.drop_bounding_capability(number)
