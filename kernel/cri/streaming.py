"""The contract for talking with what runs: a command in a container, its main process, a port.

The API server carries these conversations to clients (`kubectl exec`, `attach`, `port-forward`,
`cp`), whatever protocol the client speaks and whatever runtime is behind.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

from anyio.abc import ByteStream


class OutputChannel(Enum):
    """Where a process has written to. With a terminal everything comes by way of STDOUT."""

    STDOUT = "stdout"
    STDERR = "stderr"


class Session(Protocol):
    """A conversation with a process. Leaving its context ends the conversation: a command that was
    executed is killed where it still runs, a container that was attached to runs on."""

    async def send(self, data: bytes) -> None:
        """Write to the standard input; returns once the process has room for more. What is sent
        to a process that reads no more, or that was opened without input, is dropped."""
        ...

    async def end_input(self) -> None:
        """The standard input has ended. A container that was attached to sees that only where it
        has `stdin_once`."""
        ...

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; nothing happens where there is none."""
        ...

    def output(self) -> AsyncIterator[tuple[OutputChannel, bytes]]:
        """What the process writes, as it comes; ends when the process has closed its output. May
        be iterated once."""
        ...

    async def exit_code(self) -> int | None:
        """Wait for the end of the command, after its output; 128 and the signal's number where a
        signal ended it. None of a container that was attached to."""
        ...


class Streaming(Protocol):
    """The part of a runtime that opens such conversations. All may raise `RuntimeFailure`, and
    `NotFound` where there is no such container or sandbox, or it does not run."""

    def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool, tty: bool
    ) -> AbstractAsyncContextManager[Session]:
        """Run a command in a running container. Raises `RuntimeFailure` where it can't be run."""
        ...

    def attach(self, container_id: str, *, stdin: bool) -> AbstractAsyncContextManager[Session]:
        """Join the main process of a running container, from now on. It has a terminal where its
        config says so, and takes input where its config says so and `stdin` is asked for."""
        ...

    def connect(self, sandbox_id: str, port: int) -> AbstractAsyncContextManager[ByteStream]:
        """A connection to a TCP port on the sandbox's own loopback interface. Raises
        `ConnectionRefusedError` where nothing listens there."""
        ...
