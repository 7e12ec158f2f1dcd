"""Keeps containerd's connection open for some seconds after podkernel was killed.

containerd gives up what it does for a client as soon as the client's connection ends: a container
whose start is given up may have run already, and nobody could say whether it has.
"""

import os
import socket
import stat
import subprocess

import anyio
import anyio.to_thread

_SECONDS_PAST_DEATH = 10
"""A start takes 0.1 s, on a busy machine a few seconds."""

_OPEN_FILES = "/proc/self/fd"
# Reads until the death of the one at the other end.
_COMMAND = ("/bin/sh", "-c", f"cat >/dev/null; exec sleep {_SECONDS_PAST_DEATH}")


class ConnectionHolder:
    """A small process of its own that has this process' connections to `socket_path` open, too."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = os.path.realpath(socket_path)
        self._held: dict[int, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = anyio.Lock()

    async def hold(self) -> None:
        """Hold what is open now. Costs a few system calls where that is held already; without a
        shell, or without a connection, nothing is held."""
        if self._is_held():
            return
        async with self._changing:
            if not self._is_held():
                await anyio.to_thread.run_sync(self._hold_anew)

    def release(self) -> None:
        """End the process: the connections are closed in good order."""
        process, self._process = self._process, None
        self._held = {}
        if process is not None:
            process.kill()
            process.communicate()

    def _is_held(self) -> bool:
        return bool(self._held) and all(
            _identity(number) == one for number, one in self._held.items()
        )

    def _hold_anew(self) -> None:
        self.release()
        held = {
            number: identity
            for number in map(int, os.listdir(_OPEN_FILES))
            if (identity := _identity(number)) and self._is_ours(number)
        }
        if not held:
            return
        try:
            self._process = subprocess.Popen(
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=tuple(held),
                # What ends podkernel with its terminal or its process group spares the holder.
                start_new_session=True,
            )
        except OSError:
            return
        self._held = held

    def _is_ours(self, number: int) -> bool:
        try:
            with socket.socket(fileno=os.dup(number)) as opened:
                peer = opened.getpeername() if opened.family == socket.AF_UNIX else ""
        except OSError:
            return False
        return isinstance(peer, str) and bool(peer) and os.path.realpath(peer) == self._socket_path


def _identity(number: int) -> str:
    """Which socket an open file is, the same as long as it is open; empty of what is none."""
    try:
        found = os.fstat(number)
    except OSError:
        return ""
    return str(found.st_ino) if stat.S_ISSOCK(found.st_mode) else ""
