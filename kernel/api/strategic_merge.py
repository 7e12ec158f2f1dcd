"""Kubernetes' strategic merge patch over plain JSON values.

A merge patch that knows the types: lists that a `MergeKey` marks are merged element by element
(found by their key) or, for plain values, as sets; all others are replaced. Directives in the
patch say more:

    $patch: replace | delete | merge      of a map, or of an element of a merged list
    $retainKeys: [names]                  the only keys that a map is to keep
    $setElementOrder/FIELD: [keys]        the order of a merged list
    $deleteFromPrimitiveList/FIELD: [values]

Described in the Kubernetes community's design note "strategic-merge-patch". Nothing that is
passed in is changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kernel.api.errors import BadRequest
from kernel.objects.merge_schema import MergeField, merge_schema

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_ORDER_PREFIX = "$setElementOrder/"
_DELETE_PREFIX = "$deleteFromPrimitiveList/"

_StructClass = type[msgspec.Struct] | None
_NO_FIELD = MergeField()


def apply_strategic_patch(document: Any, patch: Any, kind_class: type[msgspec.Struct]) -> Any:
    """`document`, an object of `kind_class` in its wire form, after the patch.

    Raises `BadRequest` with the path where the patch makes no sense.
    """
    if not isinstance(patch, Mapping):
        raise BadRequest("a strategic merge patch must be an object")
    return _merge_map(document, patch, kind_class, "")


def _merge_map(
    present: Mapping[str, Any], patch: Mapping[str, Any], struct_class: _StructClass, path: str
) -> dict[str, Any]:
    directive = patch.get(_PATCH)
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise BadRequest(f"{path or 'patch'}: unknown $patch directive {directive!r}")
    merged = _retained(present, patch, path)
    fields = merge_schema(struct_class) if struct_class else {}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        field = fields.get(key, _NO_FIELD)
        here = f"{path}.{key}" if path else key
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            inner = merged.get(key)
            inner = inner if isinstance(inner, Mapping) else {}
            merged[key] = _merge_map(inner, value, field.struct_class, here)
        elif isinstance(value, list) and field.merge_key is not None:
            merged[key] = _merge_list(_as_list(merged.get(key)), value, field, here)
        else:
            merged[key] = value
    return _with_list_directives(present, merged, patch, fields, path)


def _retained(present: Mapping[str, Any], patch: Mapping[str, Any], path: str) -> dict[str, Any]:
    """What is there, but for the keys that $retainKeys does not name."""
    if _RETAIN_KEYS not in patch:
        return dict(present)
    names = patch[_RETAIN_KEYS]
    if not isinstance(names, list):
        raise BadRequest(f"{path or 'patch'}: $retainKeys must be an array")
    for key, value in patch.items():
        if not key.startswith("$") and value is not None and key not in names:
            raise BadRequest(
                f"{path or 'patch'}: $retainKeys must name {key}, which the patch sets"
            )
    return {key: value for key, value in present.items() if key in names}


def _with_list_directives(
    present: Mapping[str, Any],
    merged: dict[str, Any],
    patch: Mapping[str, Any],
    fields: Mapping[str, MergeField],
    path: str,
) -> dict[str, Any]:
    """`merged` after the directives that stand beside the lists that they are about."""
    for directive, listed in patch.items():
        if directive in (_PATCH, _RETAIN_KEYS) or not directive.startswith("$"):
            continue
        prefix = next((p for p in (_ORDER_PREFIX, _DELETE_PREFIX) if directive.startswith(p)), "")
        key = directive.removeprefix(prefix)
        field = fields.get(key, _NO_FIELD)
        here = f"{path}.{directive}" if path else directive
        if not prefix:
            raise BadRequest(f"{here}: unknown directive")
        if field.merge_key is None or not isinstance(listed, list):
            raise BadRequest(f"{here}: must be an array, beside a list that is merged")
        if key not in merged:
            continue
        if prefix == _DELETE_PREFIX:
            # A value that the same patch adds stays: the deletion is of what was there.
            added = _as_list(patch.get(key))
            merged[key] = [item for item in merged[key] if item not in listed or item in added]
        else:
            before = _as_list(present.get(key))
            _require_ordered(_as_list(patch.get(key)), listed, field, here)
            merged[key] = _ordered(merged[key], listed, before, field)
    return merged


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _merge_list(present: list[Any], patch: list[Any], field: MergeField, path: str) -> list[Any]:
    assert field.merge_key is not None
    key = field.merge_key.key
    if not key:
        return [*present, *(item for item in _distinct(patch) if item not in present)]
    for index, item in enumerate(patch):
        if not isinstance(item, Mapping):
            raise BadRequest(f"{path}[{index}]: must be an object")
    if any(item.get(_PATCH) == "replace" for item in patch):
        return [item for item in patch if item.get(_PATCH) != "replace"]
    merged = list(present)
    for index, item in enumerate(patch):
        here = f"{path}[{index}]"
        if item.get(key) is None:
            raise BadRequest(f"{here}: lacks the field {key}, by which elements are told apart")
        places = [place for place, other in enumerate(merged) if _key(other, field) == item[key]]
        if item.get(_PATCH) == "delete":
            merged = [other for place, other in enumerate(merged) if place not in places]
        elif places:
            merged[places[0]] = _merge_map(merged[places[0]], item, field.struct_class, here)
        else:
            merged.append(_merge_map({}, item, field.struct_class, here))
    return merged


def _distinct(items: Sequence[Any]) -> list[Any]:
    distinct: list[Any] = []
    for item in items:
        if item not in distinct:
            distinct.append(item)
    return distinct


def _key(item: Any, field: MergeField) -> Any:
    """What tells an element of a merged list apart: its key's value, or itself."""
    assert field.merge_key is not None
    if not field.merge_key.key:
        return item
    return item.get(field.merge_key.key) if isinstance(item, Mapping) else None


def _require_ordered(patch: list[Any], order: list[Any], field: MergeField, path: str) -> None:
    named = [_key(item, field) for item in order]
    for item in patch:
        directive = item.get(_PATCH) if isinstance(item, Mapping) else None
        if directive is None and _key(item, field) not in named:
            raise BadRequest(f"{path}: must name {_key(item, field)!r}, which the patch sets")


def _ordered(
    merged: list[Any], order: list[Any], before: list[Any], field: MergeField
) -> list[Any]:
    """The elements in the order asked for; those that it does not name (others have added them)
    keep their place relative to what followed them before.

    1. Sort the named elements as `order` has them, the others as they stood `before`.
    2. Merge the two: another goes first where it stood before the next named element.
    """
    named_keys = [_key(item, field) for item in order]
    before_keys = [_key(item, field) for item in before]
    named = [item for item in merged if _key(item, field) in named_keys]
    named.sort(key=lambda item: named_keys.index(_key(item, field)))
    others = [item for item in merged if _key(item, field) not in named_keys]
    result: list[Any] = []
    for item in named:
        while others and _stood_before(_key(others[0], field), _key(item, field), before_keys):
            result.append(others.pop(0))
        result.append(item)
    return result + others


def _stood_before(key: Any, other_key: Any, order: list[Any]) -> bool:
    if key not in order or other_key not in order:
        return False
    return order.index(key) < order.index(other_key)
