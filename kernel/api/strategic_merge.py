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

from collections import deque
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
    try:
        return _merge_map(document, patch, kind_class, "")
    except RecursionError:
        raise BadRequest("the patch is nested too deeply") from None


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
    listed = patch[_RETAIN_KEYS]
    if not isinstance(listed, list):
        raise BadRequest(f"{path or 'patch'}: $retainKeys must be an array")
    names = {name for name in listed if isinstance(name, str)}
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
        name = directive.removeprefix(prefix)
        merge_key = fields.get(name, _NO_FIELD).merge_key
        here = f"{path}.{directive}" if path else directive
        if not prefix:
            raise BadRequest(f"{here}: unknown directive")
        if merge_key is None or not isinstance(listed, list):
            raise BadRequest(f"{here}: must be an array, beside a list that is merged")
        if name not in merged:
            continue
        given = _as_list(patch.get(name))
        if prefix == _DELETE_PREFIX:
            # A value that the same patch adds stays: the deletion is of what was there.
            gone = set(_keys(listed, merge_key.key, here)) - set(_keys(given, merge_key.key, here))
            merged[name] = [item for item in merged[name] if _key(item, merge_key.key) not in gone]
        else:
            order = _keys(listed, merge_key.key, here)
            _require_named(given, order, merge_key.key, here)
            before = _as_list(present.get(name))
            merged[name] = _ordered(merged[name], order, before, merge_key.key)
    return merged


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _directive(item: Any) -> Any:
    return item.get(_PATCH) if isinstance(item, Mapping) else None


def _key(item: Any, key: str) -> Any:
    """What tells an element of a merged list apart: the value of its `key`, or itself.

    None where it has nothing of that kind.
    """
    found = item
    if key:
        found = item.get(key) if isinstance(item, Mapping) else None
    return found if isinstance(found, str | int | float) else None


def _keys(items: Sequence[Any], key: str, path: str) -> list[Any]:
    """What tells the elements apart; raises `BadRequest` for one that has nothing of that kind."""
    keys = []
    for index, item in enumerate(items):
        found = _key(item, key)
        if found is None:
            lacking = f"lacks the field {key}, by which elements are told apart"
            wrong = lacking if key and isinstance(item, Mapping) else "is no element of this list"
            raise BadRequest(f"{path}[{index}]: {wrong}")
        keys.append(found)
    return keys


def _merge_list(present: list[Any], patch: list[Any], field: MergeField, path: str) -> list[Any]:
    assert field.merge_key is not None
    key = field.merge_key.key
    if key and any(_directive(item) == "replace" for item in patch):
        return [item for item in patch if _directive(item) != "replace"]
    keys = _keys(patch, key, path)
    if not key:
        return list(dict.fromkeys([*_keys(present, key, path), *keys]))
    merged: list[Any] = list(present)
    places = {_key(item, key): place for place, item in reversed(list(enumerate(present)))}
    gone = set()
    for index, (item, found) in enumerate(zip(patch, keys, strict=True)):
        here = f"{path}[{index}]"
        if _directive(item) == "delete":
            gone.add(found)
        elif found in places:
            place = places[found]
            merged[place] = _merge_map(merged[place], item, field.struct_class, here)
        else:
            places[found] = len(merged)
            merged.append(_merge_map({}, item, field.struct_class, here))
    return [item for item in merged if _key(item, key) not in gone]


def _require_named(given: list[Any], order: list[Any], key: str, path: str) -> None:
    named = set(order)
    for item in given:
        if _directive(item) is None and _key(item, key) not in named:
            raise BadRequest(f"{path}: must name {_key(item, key)!r}, which the patch sets")


def _ordered(merged: list[Any], order: list[Any], before: list[Any], key: str) -> list[Any]:
    """The elements in the order asked for; those that it does not name (others have added them)
    keep their place relative to what followed them before.

    1. Sort the named elements as `order` has them, the others as they stood `before`.
    2. Merge the two: another goes first where it stood before the next named element.
    """
    wanted = {found: place for place, found in enumerate(order)}
    stood = {_key(item, key): place for place, item in enumerate(before)}
    named = [item for item in merged if _key(item, key) in wanted]
    named.sort(key=lambda item: wanted[_key(item, key)])
    others = deque(item for item in merged if _key(item, key) not in wanted)
    result: list[Any] = []
    for item in named:
        place = stood.get(_key(item, key), -1)
        while others and stood.get(_key(others[0], key), place) < place:
            result.append(others.popleft())
        result.append(item)
    return [*result, *others]
