"""The seccomp profile RuntimeDefault: system calls that no container needs are forbidden.

What is forbidden follows Docker's default profile, put the other way round: there the calls that
are allowed are listed. Filters are made by libseccomp, which knows the calls' numbers on every
architecture; where the machine lacks it, there is no profile. Standard library alone.

https://docs.docker.com/engine/security/seccomp/
"""

from __future__ import annotations

import ctypes
import errno
import os

_LIBRARY = "libseccomp.so.2"
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES_ATTRIBUTE = 3
_EQUAL, _MASKED_EQUAL = 4, 7
_ERROR = -1
_ADDRESS_FAMILY_VSOCK = 40
# Each architecture's programs of 32 bits run beside it.
_X86_64, _X86, _X32 = 0xC000003E, 0x40000003, 0x4000003E
_AARCH64, _ARM = 0xC00000B7, 0x40000028
_COMPATIBLE = {_X86_64: (_X86, _X32), _AARCH64: (_ARM,)}
_NAMESPACE_FLAGS = (1 << 7, 1 << 17, *(1 << bit for bit in range(25, 31)))

_NEVER = (
    *("_sysctl", "add_key", "create_module", "get_kernel_syms", "io_uring_enter"),
    *("io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl"),
    *("move_pages", "nfsservctl", "pivot_root", "query_module", "request_key", "swapoff", "swapon"),
    *("sysfs", "uselib", "userfaultfd", "ustat", "vm86", "vm86old"),
)
# What is forbidden to who lacks a capability.
_WITHOUT = {
    "SYS_ADMIN": (
        *("fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount"),
        *("mount_setattr", "move_mount", "open_tree", "quotactl", "quotactl_fd", "setdomainname"),
        *("sethostname", "setns", "umount", "umount2", "unshare"),
    ),
    "BPF": ("bpf",),
    "DAC_READ_SEARCH": ("open_by_handle_at",),
    "PERFMON": ("perf_event_open",),
    "SYSLOG": ("syslog",),
    "SYS_BOOT": ("reboot",),
    "SYS_CHROOT": ("chroot",),
    "SYS_MODULE": ("delete_module", "finit_module", "init_module"),
    "SYS_NICE": ("get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"),
    "SYS_PACCT": ("acct",),
    "SYS_RAWIO": ("ioperm", "iopl"),
    "SYS_TIME": ("clock_adjtime64", "clock_settime", "clock_settime64", "settimeofday", "stime"),
    "SYS_TTY_CONFIG": ("vhangup",),
}
# A capability that holds another one's rights, too.
_IMPLIED = {"SYS_ADMIN": frozenset(("BPF", "PERFMON", "SYSLOG"))}


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class _Filter:
    """Allows all that no rule forbids, on this machine's architectures. Raises `OSError`."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(_LIBRARY)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._library.seccomp_arch_native.restype = ctypes.c_uint32
        context = self._library.seccomp_init(ctypes.c_uint32(_ALLOW))
        if context is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "seccomp")
        self._context = ctypes.c_void_p(context)
        for architecture in _COMPATIBLE.get(self._library.seccomp_arch_native(), ()):
            # Without the kernel's support for it there is nothing to forbid there.
            self._library.seccomp_arch_add(self._context, ctypes.c_uint32(architecture))

    def forbid(self, name: str, *comparisons: _Comparison, error_number: int = errno.EPERM) -> None:
        """Make a call fail where all comparisons hold. A name that isn't known is skipped."""
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number != _ERROR:
            arguments = (_Comparison * len(comparisons))(*comparisons)
            action = ctypes.c_uint32(_FAIL | error_number)
            self._check(
                self._library.seccomp_rule_add_array(
                    self._context, action, ctypes.c_int(number), len(comparisons), arguments
                )
            )

    def load(self) -> None:
        """From now on, for this process and what it starts. Takes CAP_SYS_ADMIN."""
        attribute = ctypes.c_int(_NO_NEW_PRIVILEGES_ATTRIBUTE)
        self._check(self._library.seccomp_attr_set(self._context, attribute, ctypes.c_uint32(0)))
        self._check(self._library.seccomp_load(self._context))
        self._library.seccomp_release(self._context)

    def _check(self, result: int) -> None:
        if result < 0:
            raise OSError(-result, os.strerror(-result), "seccomp")


def forbid_system_calls(capabilities: frozenset[str]) -> None:
    """Apply RuntimeDefault to this process; `capabilities` are those that it keeps, without
    `CAP_`. Raises `OSError`."""
    held = capabilities.union(*(_IMPLIED.get(name, ()) for name in capabilities))
    profile = _Filter()
    for name in _NEVER:
        profile.forbid(name)
    for capability, names in _WITHOUT.items():
        if capability not in held:
            for name in names:
                profile.forbid(name)
    if "SYS_ADMIN" not in held:
        for flag in _NAMESPACE_FLAGS:
            profile.forbid("clone", _Comparison(0, _MASKED_EQUAL, flag, flag))
        # Its flags are in memory, which a filter can't read: programs fall back to clone.
        profile.forbid("clone3", error_number=errno.ENOSYS)
    profile.forbid("socket", _Comparison(0, _EQUAL, _ADDRESS_FAMILY_VSOCK, 0))
    profile.load()
