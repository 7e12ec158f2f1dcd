"""Linux system calls that Python's standard library lacks before 3.12, through libc.

Imported by the shim, so it needs the standard library alone. Every function raises `OSError`.
"""

import ctypes
import os
import socket

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MNT_DETACH = 0x2

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1
# mount_setattr is newer than the numbering's split by architecture: it is 442 everywhere.
_SYS_MOUNT_SETATTR = 442

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); an empty `kind` or `data` is passed as NULL."""
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    _check(result, target)


def make_read_only(target: str) -> None:
    """Make the mount at `target`, and all mounts below it, read-only."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        target.encode(),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, target)


def unmount(target: str) -> None:
    """Detach the mount at `target` now; it goes away once nobody uses it."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), target)


def pivot_root(new_root: str, put_old: str) -> None:
    _check(_libc.pivot_root(new_root.encode(), put_old.encode()), new_root)


def unshare(flags: int) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def enter_namespace(descriptor: int) -> None:
    """setns(2). With a PID namespace, only children forked from now on are in it."""
    _check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(0)), "setns")


def ask_option(descriptor: int, option: int, question: bytes) -> bytes:
    """getsockopt(2) at the level of IP, for options that read from the buffer what they are asked
    for. Raises `OSError`."""
    buffer = ctypes.create_string_buffer(question, len(question))
    length = ctypes.c_uint(len(question))
    result = _libc.getsockopt(
        ctypes.c_int(descriptor),
        ctypes.c_int(socket.IPPROTO_IP),
        ctypes.c_int(option),
        buffer,
        ctypes.byref(length),
    )
    _check(result, "getsockopt")
    return buffer.raw[: length.value]


def _prctl(option: int, value: int) -> None:
    arguments = [ctypes.c_ulong(number) for number in (value, 0, 0, 0)]
    _check(_libc.prctl(ctypes.c_int(option), *arguments), "prctl")


def die_with_parent(signal_number: int) -> None:
    """Ask for a signal when the parent dies. A change of user clears this: ask again after it."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_bounding_capability(number: int) -> None:
    """Give up a capability for good, also for what is executed later."""
    _prctl(_PR_CAPBSET_DROP, number)
