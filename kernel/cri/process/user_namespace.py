"""User namespaces: an ordinary user is root there, or whoever a container asks for.

Standard library alone.
"""

import os

from kernel.cri.process import syscalls as system


def enter_user_namespace(*, user: int = 0, group: int = 0) -> None:
    """Become `user` and `group` of a new user namespace in which nobody else exists.

    Nothing changes towards the outside. Within, this process may do all until it executes a
    program; what it may do then depends on whether it is root there.
    """
    outer_user, outer_group = os.geteuid(), os.getegid()
    system.unshare(system.CLONE_NEWUSER)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {outer_user} 1"),
        ("gid_map", f"{group} {outer_group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)
