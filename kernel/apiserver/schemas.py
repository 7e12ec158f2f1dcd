"""OpenAPI schemas of the structs: what each field is, and how a patch merges it."""

from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from kernel.objects.kind import Kind, KindInfo
from kernel.objects.struct import Atomic, MergeKey, RetainKeys, Struct

Schema = dict[str, Any]

META_PREFIX = "io.k8s.apimachinery.pkg.apis.meta.v1"
META_MODULE = "kernel.objects.meta"

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number", "format": "double"},
    bytes: {"type": "string", "format": "byte"},
    datetime: {"type": "string", "format": "date-time"},
}
_ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_INTEGER_OR_STRING: Schema = {
    "x-kubernetes-int-or-string": True,
    "format": "int-or-string",
    "oneOf": [{"type": "integer"}, {"type": "string"}],
}
_CONSTRAINTS = {
    "ge": "minimum",
    "le": "maximum",
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "description": "description",
}


class SchemaSet:
    """The schemas of one document, each under a name of its own, collected as they are met."""

    def __init__(self, prefix: str):
        self._prefix = prefix
        self._names: dict[type, str] = {}
        self.schemas: dict[str, Schema] = {}

    def reference(self, struct: type[msgspec.Struct]) -> Schema:
        """A reference to the schema of `struct`, which is added with all that it needs."""
        return {"$ref": f"#/components/schemas/{self.add(struct)}"}

    def add(self, struct: type[msgspec.Struct]) -> str:
        """The name of the schema of `struct`."""
        known = self._names.get(struct)
        if known is not None:
            return known
        name = self._new_name(struct)
        self._names[struct] = name
        schema = self.schemas[name] = {}  # in place before its fields, which may refer to it
        schema |= self._struct_schema(struct)
        return name

    def _new_name(self, struct: type) -> str:
        prefix = META_PREFIX if struct.__module__ == META_MODULE else self._prefix
        name = f"{prefix}.{struct.__name__}"
        return f"{prefix}.{struct.__module__}.{struct.__name__}" if name in self.schemas else name

    def _struct_schema(self, struct: type[msgspec.Struct]) -> Schema:
        hints = get_type_hints(struct, include_extras=True)
        properties = {}
        required = []
        for field in msgspec.structs.fields(struct):
            properties[field.encode_name] = self._schema(hints[field.name])
            if field.required:
                required.append(field.encode_name)
        schema: Schema = {"type": "object", "properties": properties}
        description = " ".join((struct.__doc__ or "").split())
        if description:
            schema["description"] = description
        if required:
            schema["required"] = required
        if issubclass(struct, Struct) and struct.is_atomic:
            schema["x-kubernetes-map-type"] = "atomic"
        if issubclass(struct, Kind):
            schema["x-kubernetes-group-version-kind"] = [group_version_kind(struct.info)]
        return schema

    def _schema(self, annotation: Any) -> Schema:
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *notes = get_args(annotation)
            return _annotated(self._schema(inner), notes)
        if origin in (Union, UnionType):
            return self._union(get_args(annotation))
        if origin is list or origin is tuple or origin is set:
            items = get_args(annotation)
            return {"type": "array", "items": self._schema(items[0]) if items else _ANYTHING}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._schema(get_args(annotation)[1])}
        if origin is Literal:
            return {"type": "string", "enum": list(get_args(annotation))}
        return self._plain(annotation)

    def _plain(self, annotation: Any) -> Schema:
        if annotation in _PLAIN:
            return dict(_PLAIN[annotation])
        if isinstance(annotation, type):
            if issubclass(annotation, msgspec.Struct):
                # A bare $ref can carry nothing beside it; explain and apply both read this form.
                return {"allOf": [self.reference(annotation)]}
            if issubclass(annotation, Enum):
                return {"type": "string", "enum": [member.value for member in annotation]}
            if annotation in (dict, list):
                return {"type": "object" if annotation is dict else "array"} | _ANYTHING
        return dict(_ANYTHING)

    def _union(self, options: tuple[Any, ...]) -> Schema:
        others = [option for option in options if option is not NoneType]
        if len(others) == 1:
            return self._schema(others[0])
        if set(others) == {int, str}:
            return dict(_INTEGER_OR_STRING)
        return dict(_ANYTHING)


def group_version_kind(info: KindInfo) -> dict[str, str]:
    """The extension by which clients find the schema and the operations of a kind."""
    return {"group": info.group, "version": info.version, "kind": info.kind}


def _annotated(schema: Schema, notes: list[Any]) -> Schema:
    for note in notes:
        if isinstance(note, MergeKey):
            schema |= _merge_extensions(note)
        elif isinstance(note, RetainKeys):
            schema["x-kubernetes-patch-strategy"] = "retainKeys"
        elif isinstance(note, Atomic):
            is_list = schema.get("type") == "array"
            schema["x-kubernetes-list-type" if is_list else "x-kubernetes-map-type"] = "atomic"
            schema.pop("x-kubernetes-list-map-keys", None)
        elif isinstance(note, msgspec.Meta):
            for name, keyword in _CONSTRAINTS.items():
                value = getattr(note, name)
                if value is not None:
                    schema[keyword] = value
    return schema


def _merge_extensions(merge: MergeKey) -> Schema:
    strategy = "merge,retainKeys" if merge.retain_keys else "merge"
    if not merge.key:
        return {"x-kubernetes-patch-strategy": strategy, "x-kubernetes-list-type": "set"}
    return {
        "x-kubernetes-patch-strategy": strategy,
        "x-kubernetes-patch-merge-key": merge.key,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [merge.key, *(name for name, _ in merge.also)],
    }
