"""How server-side apply sees a value: one leaf, a struct, a map, a list of elements that it can
tell apart. Read once from the types of the structs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from kernel.objects.struct import Atomic, MergeKey, Struct

# The API's own structs are never absent once their owner is there, and so never "added".
_CONTAINERS = (msgspec.NODEFAULT, list, dict)


class Form(Enum):
    """`LEAF` has one owner as a whole; of all others each part has owners of its own."""

    LEAF = "leaf"
    STRUCT = "struct"
    MAP = "map"
    LIST = "list"
    SET = "set"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Shape:
    """`struct_class` is set for structs, `element` for maps and lists, `merge_key` for lists.

    `always_there` marks a field that its object can't be without, which therefore nobody adds.
    `ANYTHING` is untyped: maps are maps of anything, all else is a leaf.
    """

    form: Form
    struct_class: type[msgspec.Struct] | None = None
    element: "Shape | None" = None
    merge_key: MergeKey | None = None
    always_there: bool = False


LEAF = Shape(Form.LEAF)
ANYTHING = Shape(Form.ANYTHING)


def shape_of(struct_class: type[msgspec.Struct]) -> Shape:
    """The shape of objects of a kind."""
    return Shape(Form.STRUCT, struct_class)


@cache
def fields_of(struct_class: type[msgspec.Struct]) -> Mapping[str, Shape]:
    """The shapes of a struct's fields, by their names on the wire."""
    hints = get_type_hints(struct_class, include_extras=True)
    shapes = {}
    for field in msgspec.structs.fields(struct_class):
        always_there = field.required or field.default_factory not in _CONTAINERS
        shape = _shape(hints[field.name])
        shapes[field.encode_name] = replace(shape, always_there=always_there)
    return shapes


def _shape(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated_shape(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        members = [member for member in arguments if member is not type(None)]
        return _shape(members[0]) if len(members) == 1 else LEAF
    if origin is dict:
        return Shape(Form.MAP, element=_shape(arguments[1]))
    if annotation in (Any, dict):
        return ANYTHING
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        is_atomic = issubclass(annotation, Struct) and annotation.is_atomic
        return LEAF if is_atomic else shape_of(annotation)
    return LEAF


def _annotated_shape(inner: Any, notes: tuple[Any, ...]) -> Shape:
    if any(isinstance(note, Atomic) for note in notes):
        return LEAF
    for note in notes:
        if isinstance(note, MergeKey):
            element = _shape(get_args(inner)[0])
            return Shape(Form.LIST if note.key else Form.SET, element=element, merge_key=note)
    return _shape(inner)
