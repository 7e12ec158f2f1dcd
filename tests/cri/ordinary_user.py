"""Runs a command as an ordinary user, for tests that root runs of what others may do.

    python ordinary_user.py [--without-namespaces] COMMAND…

The command runs as `nobody` without capabilities. Where the interpreter lies in a home directory
that is closed to others, it is made reachable in a mount namespace of the command's own. With
`--without-namespaces` it can't make user namespaces either, as on machines that forbid them.
"""

import os
import sys
from pathlib import Path

from kernel.cri.process import syscalls as system

NOBODY = 65534
_IDS = 100_000


def main() -> None:
    arguments = sys.argv[1:]
    without_namespaces = arguments[0] == "--without-namespaces"
    command = arguments[1:] if without_namespaces else arguments
    _open_interpreter()
    if without_namespaces:
        _forbid_namespaces()
    for number in range(64):
        try:
            system.drop_bounding_capability(number)
        except OSError:
            break
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.execvp(command[0], command)


def _open_interpreter() -> None:
    """Cover closed directories above the interpreter by ones that show nothing but it."""
    home = Path(sys.base_prefix).resolve()
    system.unshare(system.CLONE_NEWNS)
    system.mount("", "/", "", system.MS_SLAVE | system.MS_REC)
    closed = [path for path in reversed(home.parents) if not path.stat().st_mode & 0o001]
    if closed:
        descriptor = os.open(home, os.O_PATH)
        system.mount("tmpfs", str(closed[0]), "tmpfs", 0, "mode=0711")
        home.mkdir(parents=True)
        system.mount(f"/proc/self/fd/{descriptor}", str(home), "", system.MS_BIND | system.MS_REC)
        os.close(descriptor)


def _forbid_namespaces() -> None:
    """Enter a user namespace that has all ids and in which no more of them can be made."""
    ready_read, ready_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    target = os.getpid()
    if os.fork() == 0:
        os.read(ready_read, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{target}/{name}").write_text(f"0 0 {_IDS}")
        os.write(mapped_write, b".")
        os._exit(0)
    system.unshare(system.CLONE_NEWUSER)
    os.write(ready_write, b".")
    os.read(mapped_read, 1)
    os.wait()
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


if __name__ == "__main__":
    main()
