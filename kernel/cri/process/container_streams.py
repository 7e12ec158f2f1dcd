"""Our side of a container's standard streams: its log, and the clients that attach and leave.

Standard library alone.
"""

from __future__ import annotations

import os
import socket

from kernel.cri.process.descriptors import receive_with_descriptors
from kernel.cri.process.layout import Record
from kernel.cri.process.log import LogStream, LogWriter
from kernel.cri.process.loop import Loop
from kernel.cri.process.output import Output
from kernel.cri.process.streams import Streams

_STDOUT, _STDERR = "stdout", "stderr"


class ContainerStreams:
    """What the container reads and writes, from before its start until after its end.

    The input is one open file that attached clients share with us, so that what they write goes
    straight to the container, which makes them wait when it doesn't read.
    """

    def __init__(self, loop: Loop, config: Record, log: LogWriter) -> None:
        self._loop = loop
        self._config = config
        self._log = log
        self._outputs: dict[str, Output] = {}
        self._input = -1
        self._terminal_socket: socket.socket | None = None

    def make(self) -> Streams:
        """The child's ends, which the caller closes after the fork."""
        if self._config["tty"]:
            self._terminal_socket, theirs = socket.socketpair()
            return Streams([theirs.detach()], tty=True)
        if self._config["stdin"]:
            stdin, self._input = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self._input, False)
        else:
            stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        ends = [stdin]
        for name in (_STDOUT, _STDERR):
            read, write = os.pipe2(os.O_CLOEXEC)
            ends.append(write)
            self._add_output(name, read)
        return Streams(ends, tty=False)

    def _add_output(self, name: str, descriptor: int) -> None:
        self._outputs[name] = Output(self._loop, descriptor, LogStream(self._log, name))

    def on_start(self) -> None:
        """The program is executed, so its terminal, if it has one, has been sent."""
        if self._terminal_socket is None:
            return
        _, terminals = receive_with_descriptors(self._terminal_socket, 1)
        # There is none where the child was killed on its way.
        for terminal in terminals:
            self._add_output(_STDOUT, terminal)
            # Its own: the output's is closed as soon as nobody has the terminal open.
            self._input = os.dup(terminal)

    def attach(self, stdout: int, stderr: int, *, stdin: bool) -> list[int]:
        """Join in, from now on; the descriptors are ours from here.

        Answers what the client is to have: the terminal if there is one, or else the input if it
        asks for it and there is one. Raises `ValueError`, and takes nothing, where nothing runs.
        """
        if _STDOUT not in self._outputs:
            raise ValueError("container is not running")
        self._outputs[_STDOUT].attach(stdout)
        if self._config["tty"]:
            os.close(stderr)
            return [self._input]
        self._outputs[_STDERR].attach(stderr)
        return [self._input] if stdin and self._input >= 0 else []

    def end_input(self) -> None:
        """A client that gave input will give no more."""
        if self._config["stdin_once"] and not self._config["tty"]:
            self._close_input()

    def _close_input(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def finish(self) -> None:
        """The container has ended: pass on what is left of its output."""
        for output in self._outputs.values():
            output.finish()
        self._close_input()
        if self._terminal_socket is not None:
            self._terminal_socket.close()
