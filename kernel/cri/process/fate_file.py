"""A container's fate on disk: its room is taken before the start, so that a full disk hides no end.

Standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os

from kernel.cri.process.layout import Record, write_whole

# A file takes at least one block, so writing over these bytes needs no more room.
_RESERVED_BYTES = 2048
_MESSAGE_LENGTH_MAX = 256


class FateFile:
    """Written by the shim alone; the fields are those of `state.Fate`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def reserve(self) -> None:
        """Raises `OSError` where there is no room: then nothing may be started."""
        write_whole(self._path, _padded({"state": "created"}))

    def write(self, fate: Record) -> None:
        """Raises `OSError` only for what is worse than a full disk."""
        try:
            write_whole(self._path, _padded(fate))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(f"{self._path}.new")
            short = {**fate, "message": fate.get("message", "")[:_MESSAGE_LENGTH_MAX]}
            # In one go and of the same length: a reader sees the one or the other.
            with open(self._path, "r+b", buffering=0) as file:
                file.write(_padded(short)[:_RESERVED_BYTES])


def _padded(fate: Record) -> bytes:
    return json.dumps(fate).encode().ljust(_RESERVED_BYTES)
