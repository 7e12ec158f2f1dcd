"""How the fields of a struct are merged: read once from their types, for patches and OpenAPI."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from kernel.objects.struct import MergeKey


@dataclass(frozen=True, slots=True)
class MergeField:
    """One field. `struct_class` is the struct that it holds, alone or as the elements of a list;
    `merge_key` is set for lists that are merged."""

    struct_class: type[msgspec.Struct] | None = None
    merge_key: MergeKey | None = None


@cache
def merge_schema(struct_class: type[msgspec.Struct]) -> Mapping[str, MergeField]:
    """The fields of a struct, by their names on the wire."""
    hints = get_type_hints(struct_class, include_extras=True)
    names = zip(struct_class.__struct_fields__, struct_class.__struct_encode_fields__, strict=True)
    return {name: _merge_field(hints[python_name]) for python_name, name in names}


def _merge_field(annotation: Any) -> MergeField:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extras = get_args(annotation)
        merge_key = next((extra for extra in extras if isinstance(extra, MergeKey)), None)
        return MergeField(_merge_field(inner).struct_class, merge_key)
    if origin in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return _merge_field(members[0]) if len(members) == 1 else MergeField()
    if origin is list:
        return MergeField(_merge_field(get_args(annotation)[0]).struct_class)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return MergeField(annotation)
    return MergeField()
