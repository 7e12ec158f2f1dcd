"""A command on a terminal of its own, as a person has it before them."""

import os
import pty
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_SECONDS_MAX = 30


class Terminal:
    """What is typed to the command, and what it shows."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self._process = process
        self._shown = ""

    def type(self, text: str) -> None:
        """Type it, as it stands."""
        os.write(self._descriptor, text.encode())

    def shows(self, text: str) -> str:
        """Wait until the text is shown; answers what was shown since the last call, up to it."""
        deadline = time.monotonic() + _SECONDS_MAX
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            while text not in self._shown:
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    raise AssertionError(f"{text!r} is not shown, but {self._shown!r}")
                self._shown += self._read()
        before, _, self._shown = self._shown.partition(text)
        return before + text

    def _read(self) -> str:
        try:
            return os.read(self._descriptor, 65536).decode(errors="replace")
        except OSError as error:  # nobody has the terminal open any more
            raise AssertionError(f"the command has ended; shown is {self._shown!r}") from error

    def ends(self) -> int:
        """Wait for the end of the command; answers its exit code."""
        return self._process.wait(_SECONDS_MAX)


@contextmanager
def on_terminal(command: list[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a command with a terminal as its input and output, and end it with the context."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
    )
    os.close(its)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
