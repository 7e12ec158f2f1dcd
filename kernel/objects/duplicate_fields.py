"""JSON text that says a field of an object twice. Parsers keep the last one and tell nobody."""

import json
from typing import Any

import msgspec

from kernel.objects.field_errors import FieldError, join_path

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def duplicate_fields(text: bytes) -> list[FieldError]:
    """The fields that are said more than once in JSON that has been found well-formed; each path
    once for each time too many.

    What a program has written in the shortest form is known to be right when writing it again
    gives the same. Elsewhere keys are counted; only where that leaves a doubt are they compared.
    """
    try:
        value = _decode(text)
        if _encode(value) == text.strip() or _has_as_many_keys(text, value):
            return []
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):  # beyond what Python's own parser reads
        return []
    errors: list[FieldError] = []
    _compare(pairs, "", errors)
    return errors


class _Pairs(list[tuple[str, Any]]):
    """The fields of an object as they are said."""


def _has_as_many_keys(text: bytes, value: Any) -> bool:
    """Whether the text has certainly no more keys than the value that was read from it."""
    if any(text.count(space + b":") for space in (b" ", b"\n", b"\t", b"\r")):
        return False
    return text.count(b'":') == _count_keys(value)


def _count_keys(value: Any) -> int:
    count = 0
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            count += len(part)
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return count


def _compare(value: Any, path: str, errors: list[FieldError]) -> None:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, part in value:
            below = join_path(path, key)
            if key in seen:
                errors.append(FieldError(below, "duplicate field", reason="duplicate"))
            seen.add(key)
            _compare(part, below, errors)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            _compare(part, f"{path}[{index}]", errors)
