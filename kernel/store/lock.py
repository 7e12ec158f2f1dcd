"""One writing process a directory, by a file lock that ends with the process that holds it."""

import fcntl
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from kernel.store.errors import DirectoryHeld, DirectoryUnusable

LOCK_FILE_NAME = "writer.lock"


class WriterLock:
    """Held from construction to `release`; the file says who holds it.

    Raises `DirectoryHeld`, which names the holder, or `DirectoryUnusable`.
    """

    def __init__(self, directory: Path):
        self._path = directory / LOCK_FILE_NAME
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DirectoryUnusable(f"{directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._describe_holder()
            os.close(self._file)
            raise DirectoryHeld(f"{directory} is in use by {holder}") from error
        except OSError as error:
            os.close(self._file)
            raise DirectoryUnusable(f"{directory} can't be locked: {error.strerror}") from error
        with suppress(OSError):  # a full disk: the lock holds, only its holder has no name
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps({"pid": os.getpid(), "command": sys.argv}).encode(), 0)

    def _describe_holder(self) -> str:
        try:
            holder = json.loads(os.pread(self._file, 64 * 1024, 0))
            return f"process {holder['pid']} ({' '.join(holder['command'])})"
        except (ValueError, KeyError, TypeError, OSError):
            return "another process"

    def release(self) -> None:
        """Let the next process in."""
        with suppress(OSError):
            os.ftruncate(self._file, 0)
        fcntl.flock(self._file, fcntl.LOCK_UN)  # a forked child may have the file open too
        os.close(self._file)
