"""The sizes of a client's terminal: JSON documents one after the other, in any pieces."""

import json
from typing import Any

UNREAD_CHARACTERS_MAX = 4096
SIDE_MAX = 65535

_DECODER = json.JSONDecoder()


class TerminalSizes:
    """Reads `{"Width":80,"Height":24}` out of what it is fed."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, data: bytes) -> list[tuple[int, int]]:
        """The sizes, as columns and rows, that are complete now. What is no size is skipped."""
        self._text += data.decode("ascii", "replace")
        sizes = []
        while self._text:
            self._text = self._text.lstrip()
            try:
                document, end = _DECODER.raw_decode(self._text)
            except ValueError:
                break  # the rest is still to come
            except RecursionError:
                self._text = ""  # no size is nested that deeply
                break
            self._text = self._text[end:]
            size = _size(document)
            if size is not None:
                sizes.append(size)
        if len(self._text) > UNREAD_CHARACTERS_MAX:
            self._text = ""
        return sizes


def _size(document: Any) -> tuple[int, int] | None:
    if not isinstance(document, dict):
        return None
    columns, rows = document.get("Width"), document.get("Height")
    if not (isinstance(columns, int) and isinstance(rows, int)):
        return None
    if not (0 <= columns <= SIDE_MAX and 0 <= rows <= SIDE_MAX):
        return None
    return columns, rows
