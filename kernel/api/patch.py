"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) over plain JSON values.

Nothing that is passed in is changed. A merge patch builds anew what differs; a JSON patch, whose
every operation may be about the same long list, is carried out on a copy.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kernel.api.errors import BadRequest, Invalid

OPERATIONS_MAX = 10_000
# As Kubernetes has it: a few copies that each double a list would be more than any memory.
COPIED_BYTES_MAX = 3 * 1024 * 1024

# What is done at the end of a path: to the container there, under the last token.
_Edit = Callable[[Any, str], None]


def apply_merge_patch(document: Any, patch: Any) -> Any:
    """`document` with the members of `patch`; null takes a member away, lists are replaced.

    Raises `BadRequest` for a patch that is nested too deeply.
    """
    try:
        return _merged(document, patch)
    except RecursionError:
        raise BadRequest("the patch is nested too deeply") from None


def _merged(document: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def apply_json_patch(document: Any, patch: Any) -> Any:
    """`document` after the operations of `patch`, all of them or none.

    Raises `BadRequest` where the patch is malformed, `Invalid` where the document does not have
    what an operation needs, or a test fails.
    """
    if not isinstance(patch, list):
        raise BadRequest("a JSON patch must be an array of operations")
    if len(patch) > OPERATIONS_MAX:
        raise BadRequest(
            f"a JSON patch may have at most {OPERATIONS_MAX} operations, got {len(patch)}"
        )
    copied_bytes = 0
    try:
        document = _copy(document)
        for index, operation in enumerate(patch):
            where = f"operation {index}"
            copied_bytes += _copied_bytes(document, operation, where)
            if copied_bytes > COPIED_BYTES_MAX:
                raise Invalid(
                    f"{where}: the patch copies more than {COPIED_BYTES_MAX} bytes in all"
                )
            document = _apply_operation(document, operation, where)
    except RecursionError:
        raise BadRequest("the patch is nested too deeply") from None
    return document


def _apply_operation(document: Any, operation: Any, where: str) -> Any:
    if not isinstance(operation, Mapping):
        raise BadRequest(f"{where}: must be an object")
    name = operation.get("op")
    path = _pointer(operation, "path", where)
    where = f'{where} ({name} "{operation["path"]}")'
    match name:
        case "add":
            return _edit(document, path, _add(_value(operation, where), where), where)
        case "remove":
            return _edit(document, path, _remove(where), where)
        case "replace":
            return _edit(document, path, _replace(_value(operation, where), where), where)
        case "test":
            return _test(document, path, _value(operation, where), where)
        case "copy":
            value = _copy(_lookup(document, _pointer(operation, "from", where), where))
            return _edit(document, path, _add(value, where), where)
        case "move":
            return _move(document, _pointer(operation, "from", where), path, where)
        case _:
            raise BadRequest(f"{where}: op must be add, remove, replace, move, copy or test")


def _copied_bytes(document: Any, operation: Any, where: str) -> int:
    """By how much an operation makes the document larger than the patch says."""
    if not isinstance(operation, Mapping) or operation.get("op") != "copy":
        return 0
    return len(msgspec.json.encode(_lookup(document, _pointer(operation, "from", where), where)))


def _value(operation: Mapping[str, Any], where: str) -> Any:
    if "value" not in operation:
        raise BadRequest(f"{where}: value is missing")
    return _copy(operation["value"])


def _pointer(operation: Mapping[str, Any], field: str, where: str) -> list[str]:
    """The tokens of a JSON pointer (RFC 6901)."""
    text = operation.get(field)
    if not isinstance(text, str):
        raise BadRequest(f"{where}: {field} must be a JSON pointer")
    if text and not text.startswith("/"):
        raise BadRequest(f'{where}: {field} "{text}" must be empty or start with "/"')
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


def _move(document: Any, source: list[str], target: list[str], where: str) -> Any:
    if len(source) < len(target) and target[: len(source)] == source:
        raise BadRequest(f"{where}: a value can't be moved into itself")
    value = _lookup(document, source, where)
    if source == target:
        return document
    without = _edit(document, source, _remove(where), where)
    return _edit(without, target, _add(value, where), where)


def _test(document: Any, path: list[str], expected: Any, where: str) -> Any:
    if not _equal(_lookup(document, path, where), expected):
        raise Invalid(f"{where}: the value is not the one that the test expects")
    return document


def _equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: unlike in Python, true is not 1."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _lookup(document: Any, path: list[str], where: str) -> Any:
    for token in path:
        document = _child(document, token, where)
    return document


def _child(container: Any, token: str, where: str) -> Any:
    if isinstance(container, Mapping) and token in container:
        return container[token]
    if isinstance(container, list):
        return container[_index(token, len(container) - 1, where)]
    raise Invalid(f'{where}: the document has no "{token}" there')


def _index(token: str, index_max: int, where: str) -> int:
    well_formed = token.isascii() and token.isdigit() and (token == "0" or token[0] != "0")
    # A longer number is out of bounds anyway, and Python refuses to read very long ones.
    if not well_formed or len(token) > 9 or int(token) > index_max:
        raise Invalid(f'{where}: the array there has no index "{token}"')
    return int(token)


def _edit(document: Any, path: list[str], edit: _Edit, where: str) -> Any:
    """The document with `edit` done at the end of `path`."""
    root = {"": document}
    container: Any = root
    last = ""
    for token in path:
        container, last = _child(container, last, where), token
    edit(container, last)
    return root.get("")


def _add(value: Any, where: str) -> _Edit:
    def edit(container: Any, token: str) -> None:
        if isinstance(container, list):
            size = len(container)
            container.insert(size if token == "-" else _index(token, size, where), value)
        elif isinstance(container, dict):
            container[token] = value
        else:
            raise Invalid(f"{where}: there is neither an object nor an array to add to")

    return edit


def _remove(where: str) -> _Edit:
    def edit(container: Any, token: str) -> None:
        _child(container, token, where)
        del container[int(token) if isinstance(container, list) else token]

    return edit


def _replace(value: Any, where: str) -> _Edit:
    def edit(container: Any, token: str) -> None:
        _child(container, token, where)
        container[int(token) if isinstance(container, list) else token] = value

    return edit


def _copy(value: Any) -> Any:
    """The same JSON value, sharing nothing that can be changed."""
    if isinstance(value, Mapping):
        return {name: _copy(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_copy(part) for part in value]
    return value
