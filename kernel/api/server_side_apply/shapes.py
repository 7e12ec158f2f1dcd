"""How server-side apply sees a value: one leaf, a struct, a map, a list of elements that it can
tell apart. Read once from the types of the structs; of custom objects, from their schema."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from kernel.objects.custom_object import CustomObject
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.kind import Kind
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
    """`struct_class` is set for structs that are ours; those of custom objects say their fields in
    `declared`, and are `open` to others where their schema preserves what it does not know.
    `element` is set for maps and lists, `merge_key` for lists.

    `always_there` marks a field that its object can't be without, which therefore nobody adds.
    `ANYTHING` is untyped: maps are maps of anything, all else is a leaf.
    """

    form: Form
    struct_class: type[msgspec.Struct] | None = None
    declared: "Mapping[str, Shape] | None" = None
    open: bool = False
    element: "Shape | None" = None
    merge_key: MergeKey | None = None
    always_there: bool = False

    @property
    def fields(self) -> "Mapping[str, Shape]":
        """The shapes of a struct's fields, by their names on the wire."""
        if self.declared is not None:
            return self.declared
        assert self.struct_class is not None
        return fields_of(self.struct_class)


LEAF = Shape(Form.LEAF)
ANYTHING = Shape(Form.ANYTHING)


def shape_of(struct_class: type[msgspec.Struct]) -> Shape:
    """The shape of objects of a kind."""
    if issubclass(struct_class, CustomObject):
        return _shape_of_objects(struct_class.schema())
    return Shape(Form.STRUCT, struct_class)


def _shape_of_objects(schema: JSONSchemaProps) -> Shape:
    declared = {name: _shape_by_schema(part) for name, part in schema.properties.items()}
    return Shape(
        Form.STRUCT,
        declared={**declared, **fields_of(Kind)},
        open=bool(schema.preserve_unknown_fields),
    )


def _shape_by_schema(schema: JSONSchemaProps | None) -> Shape:
    """The shape that a schema's x-kubernetes-map-type and x-kubernetes-list-type ask for."""
    if schema is None:
        return ANYTHING
    if schema.type == "array":
        return _list_shape(schema)
    if schema.map_type == "atomic" or schema.type not in ("object", ""):
        return LEAF
    if schema.allows_any_property:
        return Shape(Form.MAP, element=_shape_by_schema(schema.value))
    if not schema.properties:
        return ANYTHING
    declared = {name: _shape_by_schema(part) for name, part in schema.properties.items()}
    if schema.embedded_resource:
        declared |= fields_of(Kind)
    return Shape(
        Form.STRUCT,
        declared=declared,
        open=bool(schema.preserve_unknown_fields),
    )


def _list_shape(schema: JSONSchemaProps) -> Shape:
    element = _shape_by_schema(schema.item)
    if schema.list_type == "set":
        return Shape(Form.SET, element=element, merge_key=MergeKey())
    if schema.list_type != "map" or not schema.list_map_keys or schema.item is None:
        return LEAF
    first, *others = schema.list_map_keys
    keys = schema.item.properties
    also = tuple((name, (keys[name].default or "") if name in keys else "") for name in others)
    return Shape(Form.LIST, element=element, merge_key=MergeKey(first, also=also))


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
