"""Objects as plain JSON values, taken apart along their shape: what is in them, what differs
between two, one merged into another, a set of fields taken out. Nothing passed in is changed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from kernel.api.errors import BadRequest
from kernel.api.server_side_apply.field_sets import EMPTY, FieldSet, Path, shown
from kernel.api.server_side_apply.shapes import ANYTHING, LEAF, Form, Shape

ABSENT: Any = object()


class Comparison(msgspec.Struct, frozen=True):
    """What one state of an object has and the other has not, or has otherwise."""

    added: FieldSet = EMPTY
    modified: FieldSet = EMPTY
    removed: FieldSet = EMPTY

    @property
    def changed(self) -> FieldSet:
        """What a writer has set."""
        return self.added.union(self.modified)


def parts_of(value: Any, shape: Shape) -> dict[str, tuple[Any, Shape]] | None:
    """A value's parts by path element, each with its shape; None for a leaf.

    Of elements of a list that can't be told apart, all but the first go by their place.
    """
    if shape.form is Form.STRUCT and isinstance(value, Mapping):
        fields = shape.fields
        return {f"f:{name}": (part, fields.get(name, ANYTHING)) for name, part in value.items()}
    if shape.form in (Form.MAP, Form.ANYTHING) and isinstance(value, Mapping):
        element = shape.element or ANYTHING
        return {f"f:{name}": (part, element) for name, part in value.items()}
    if shape.form in (Form.LIST, Form.SET) and isinstance(value, list):
        parts: dict[str, tuple[Any, Shape]] = {}
        for index, item in enumerate(value):
            name = _element_of(item, shape, index)
            parts[f"i:{index}" if name in parts else name] = (item, shape.element or LEAF)
        return parts
    return None


def _element_of(item: Any, shape: Shape, index: int) -> str:
    if shape.form is Form.SET:
        return f"v:{msgspec.json.encode(item).decode()}"
    keys = _keys_of(item, shape)
    if None in keys.values():
        return f"i:{index}"
    return f"k:{msgspec.json.encode(keys, order='sorted').decode()}"


def _keys_of(item: Any, shape: Shape) -> dict[str, Any]:
    """What tells an element apart; None stands for a key that it lacks."""
    assert shape.merge_key is not None
    found = item if isinstance(item, Mapping) else {}
    keys = {shape.merge_key.key: found.get(shape.merge_key.key)}
    for name, default in shape.merge_key.also:
        keys[name] = found.get(name) or default or None
    return keys


def cleaned(value: Any, shape: Shape, path: Path = ()) -> Any:
    """What a person applies, without nulls. Raises `BadRequest` where it does not fit its shape:
    for a field that there is not, or elements of a list that can't be told apart."""
    if value is None:
        return ABSENT
    if shape.form in (Form.LIST, Form.SET) and isinstance(value, list):
        _require_distinct(value, shape, path)
    parts = parts_of(value, shape)
    if parts is None:
        if shape.form not in (Form.LEAF, Form.ANYTHING):
            wanted = "list" if shape.form in (Form.LIST, Form.SET) else "map"
            raise BadRequest(f"{shown(path)}: expected {wanted}, got {_shown_value(value)}")
        return value
    if shape.form is Form.STRUCT and not shape.open:
        for name in value:
            if name not in shape.fields:
                raise BadRequest(f"{shown((*path, f'f:{name}'))}: field not declared in schema")
    kept = {
        element: found
        for element, (part, inner) in parts.items()
        if (found := cleaned(part, inner, (*path, element))) is not ABSENT
    }
    return _assembled(kept, value)


def _require_distinct(value: list[Any], shape: Shape, path: Path) -> None:
    known = set()
    for index, item in enumerate(value):
        element = _element_of(item, shape, index)
        if element.startswith("i:"):
            lacking = next(name for name, key in _keys_of(item, shape).items() if key is None)
            raise BadRequest(
                f"{shown(path)}: element {index}: associative list with keys has an element that "
                f'omits key field "{lacking}" (and doesn\'t have default value)'
            )
        if element in known:
            raise BadRequest(f"{shown(path)}: duplicate entries for key {shown((element,))}")
        known.add(element)


def _shown_value(value: Any) -> str:
    return msgspec.json.encode(value).decode()[:64]


def _assembled(parts: Mapping[str, Any], like: Any) -> Any:
    """The container that has these parts."""
    if isinstance(like, Mapping):
        return {element[2:]: part for element, part in parts.items()}
    return list(parts.values())


def field_set_of(value: Any, shape: Shape) -> FieldSet:
    """All fields that are in an object: its leaves, and the keys and elements that it has."""
    parts = parts_of(value, shape)
    if parts is None:
        return FieldSet(member=True)
    children = {}
    for element, (part, inner) in parts.items():
        child = field_set_of(part, inner)
        is_own = shape.form is not Form.STRUCT or part == {}
        if is_own and not child.member:
            child = FieldSet(True, child.children)
        if child:
            children[element] = child
    return FieldSet(False, children)


def with_structs(fields: FieldSet, shape: Shape) -> FieldSet:
    """`fields` with every struct in a field that has any of them in it."""
    children = {}
    for element, child in fields.children.items():
        inner = _shape_below(shape, element)
        grown = with_structs(child, inner)
        if shape.form is Form.STRUCT and inner.form is Form.STRUCT and grown.children:
            grown = FieldSet(True, grown.children)
        children[element] = grown
    return FieldSet(fields.member, children)


def _shape_below(shape: Shape, element: str) -> Shape:
    if shape.form is Form.STRUCT:
        return shape.fields.get(element[2:], ANYTHING)
    return shape.element or ANYTHING


def compare(old: Any, new: Any, shape: Shape) -> Comparison:
    """How `new` differs from `old`; `ABSENT` stands for no object."""
    found: tuple[list[Path], list[Path], list[Path]] = ([], [], [])
    _compare(old, new, shape, (), *found)
    return Comparison(*(FieldSet.of(paths) for paths in found))


def _compare(
    old: Any,
    new: Any,
    shape: Shape,
    path: Path,
    added: list[Path],
    modified: list[Path],
    removed: list[Path],
) -> None:
    old_parts, new_parts = parts_of(old, shape), parts_of(new, shape)
    is_leaf = (old is not ABSENT and old_parts is None) or (new is not ABSENT and new_parts is None)
    is_leaf = is_leaf or not (old_parts or new_parts)
    if old is ABSENT or new is ABSENT:
        if is_leaf or (path and not shape.always_there):
            (added if old is ABSENT else removed).append(path)
    elif is_leaf and old != new:
        modified.append(path)
    old_parts, new_parts = old_parts or {}, new_parts or {}
    for element in {**old_parts, **new_parts}:
        before, inner = old_parts.get(element, (ABSENT, LEAF))
        after, inner = new_parts.get(element, (ABSENT, inner))
        if before is not after and before != after:
            _compare(before, after, inner, (*path, element), added, modified, removed)


def merge(live: Any, applied: Any, shape: Shape) -> Any:
    """`live` with all that is `applied`. Lists are in the applied order; elements that only the
    live one has stay before the one that they stood before."""
    live_parts, applied_parts = parts_of(live, shape), parts_of(applied, shape)
    if applied_parts is None or live_parts is None:
        return applied
    if isinstance(applied, Mapping):
        order = list({**live_parts, **applied_parts})
    else:
        order = _interleaved(list(live_parts), list(applied_parts))
    merged = {}
    for element in order:
        before, inner = live_parts.get(element, (ABSENT, LEAF))
        after, inner = applied_parts.get(element, (ABSENT, inner))
        if after is ABSENT:
            merged[element] = before
        else:
            merged[element] = after if before is ABSENT else merge(before, after, inner)
    return _assembled(merged, applied)


def _interleaved(live: list[str], applied: list[str]) -> list[str]:
    """Both, in the order of `applied`, what is in `live` alone before what followed it there."""
    wanted = set(applied)
    waiting = iter(applied)
    order: dict[str, None] = {}
    for element in live:
        if element not in wanted:
            order[element] = None
            continue
        while element not in order:
            order[next(waiting)] = None
    return [*order, *(element for element in waiting if element not in order)]


def without(value: Any, fields: FieldSet, shape: Shape) -> Any:
    """`value` without `fields`. What is emptied by that goes as well; `ABSENT` if all does."""
    parts = parts_of(value, shape)
    if not parts or not fields.children:
        return value
    kept = {}
    for element, (part, inner) in parts.items():
        child = fields.children.get(element, EMPTY)
        if child.member:
            continue
        left = without(part, child, inner) if child else part
        if left is not ABSENT:
            kept[element] = left
    return _assembled(kept, value) if kept else ABSENT
