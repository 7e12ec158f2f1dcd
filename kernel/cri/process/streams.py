"""The standard streams of a child. Standard library alone."""

from __future__ import annotations

import fcntl
import os
import socket
import termios

from kernel.cri.process.descriptors import send_with_descriptors

# With what a terminal travels.
_TERMINAL = b"t"


class Streams:
    """Input, output and error; or, with `tty`, one socket over which the child sends the master of
    the terminal that it makes for itself, so that the terminal is one of its container's."""

    def __init__(self, descriptors: list[int], *, tty: bool) -> None:
        """Raises `ValueError` where it is another number of descriptors."""
        if len(descriptors) != (1 if tty else 3):
            raise ValueError(f"{len(descriptors)} descriptors for the standard streams")
        self._descriptors = descriptors
        self._tty = tty

    def close(self) -> None:
        """Close the parent's copies."""
        for descriptor in self._descriptors:
            os.close(descriptor)

    def take(self) -> None:
        """In the child, before its surroundings are arranged."""
        if not self._tty:
            for target, descriptor in enumerate(self._descriptors):
                os.dup2(descriptor, target)

    def take_terminal(self, owner: int) -> None:
        """In the child, once it is in its container: a terminal that belongs to user `owner`."""
        if not self._tty:
            return
        master, terminal = os.openpty()
        if os.fstat(terminal).st_uid != owner:
            os.fchown(terminal, owner, -1)
        with socket.socket(fileno=os.dup(self._descriptors[0])) as channel:
            send_with_descriptors(channel, _TERMINAL, [master])
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for target in range(3):
            os.dup2(terminal, target)
        os.close(master)
        if terminal > 2:
            os.close(terminal)
