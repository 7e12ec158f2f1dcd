"""Whether a forked child has come to execute its command. Standard library alone."""

from __future__ import annotations

import os
from collections.abc import Callable

from kernel.cri.process.loop import READABLE, Loop


class Starting:
    """The shim's end of the pipe that `exec` closes, or in which the child says why it could not
    be: made before the fork, and followed after it."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pipe = -1
        self.failure = b""
        """Why the command was not executed; empty where it was."""

    def make(self) -> int:
        """Make the pipe; answers the child's end. Raises `OSError`."""
        self._pipe, theirs = os.pipe2(os.O_CLOEXEC)
        return theirs

    def follow(self, on_start: Callable[[], None]) -> None:
        """Call `on_start` once the command is executed."""
        self._on_start = on_start
        self._loop.watch(self._pipe, READABLE, lambda events: self.finish())

    def finish(self) -> None:
        """The child has executed its command or has ended: what it said is read, once."""
        if self._pipe < 0:
            return
        self._loop.forget(self._pipe)
        with open(self._pipe, "rb") as pipe:
            self.failure = pipe.read()
        self._pipe = -1
        if not self.failure:
            self._on_start()
