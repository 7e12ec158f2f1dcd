"""What is wrong with a field of a document, and how fields are named."""

import difflib
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from kernel.objects.struct import wire_name

FieldErrorReason = Literal["unknown", "duplicate", "type", "required", "syntax"]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NEARNESS_MIN = 0.6


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong with a document.

    `path` leads to the field by wire names, `spec.containers[0].ports[0].hostPost`; it is empty
    for the document itself. `message` is said without the path: `unknown field`,
    `expected integer, got string`. `suggestion` is the right name of an unknown field, or empty.
    """

    path: str
    message: str
    suggestion: str = ""
    reason: FieldErrorReason = "type"

    @property
    def hint(self) -> str:
        """`, did you mean "hostPort"?`, or nothing."""
        return f', did you mean "{self.suggestion}"?' if self.suggestion else ""

    def __str__(self) -> str:
        if self.reason == "unknown":
            return f'unknown field "{self.path}"{self.hint}'
        if self.reason == "duplicate" and self.path:
            return f'duplicate field "{self.path}"'
        return f"{self.path}: {self.message}{self.hint}" if self.path else self.message


def join_path(path: str, key: str) -> str:
    """`metadata.labels` and `app` make `metadata.labels.app`; odd keys come in brackets."""
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def nearest_name(name: str, candidates: Iterable[str]) -> str:
    """The candidate that a mistyped wire name most likely stands for, or "" if none is near.

    Other spellings of the same name (`host_port`, `HostPort`) come first.
    """
    by_folded = {candidate.lower(): candidate for candidate in candidates}
    for spelling in (name.lower(), wire_name(name).lower()):
        if spelling in by_folded:
            return by_folded[spelling]
    near = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=_NEARNESS_MIN)
    return by_folded[near[0]] if near else ""
