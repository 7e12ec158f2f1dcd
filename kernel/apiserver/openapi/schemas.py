"""OpenAPI schemas of the structs: what each field is, and how a patch merges it."""

from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from kernel.apiserver.openapi.descriptions import (
    Descriptions,
    allowed_values,
    description_of_struct,
    is_required,
)
from kernel.apiserver.openapi.schema_names import META_PREFIX, schema_name
from kernel.objects.custom_object import CustomObject
from kernel.objects.kind import Kind, KindInfo
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, MergeKey, RetainKeys, Struct
from kernel.objects.wire_types import Int32, Int64, Time

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    Int32: {"type": "integer", "format": "int32"},
    Int64: {"type": "integer", "format": "int64"},
    float: {"type": "number", "format": "double"},
    bytes: {"type": "string", "format": "byte"},
    datetime: {"type": "string", "format": "date-time"},
}
_ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}

# Types of single values that have a schema with a name, as in Kubernetes.
QUANTITY_NAME = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INTEGER_OR_STRING_NAME = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
TIME_NAME = f"{META_PREFIX}.Time"
_NAMED: dict[Any, tuple[str, Schema]] = {
    Quantity: (
        QUANTITY_NAME,
        {
            "description": "An amount of a resource: a number with a unit, 500m (a half), 2k, 1Gi.",
            "oneOf": [{"type": "string"}, {"type": "number"}],
        },
    ),
    Time: (
        TIME_NAME,
        {
            "description": "A time with its offset from UTC, as RFC 3339 has it.",
            "type": "string",
            "format": "date-time",
        },
    ),
    frozenset((int, str)): (
        INTEGER_OR_STRING_NAME,
        {
            "description": "A number, or a text: a percentage or a name.",
            "format": "int-or-string",
            "oneOf": [{"type": "integer"}, {"type": "string"}],
        },
    ),
}
_VALUE_FACTORIES = (int, bool, str)
"""Of fields that are on the wire whatever their value, and so required where others tell them."""
_CONSTRAINTS = {
    "ge": "minimum",
    "le": "maximum",
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "description": "description",
}


class SchemaSet:
    """The schemas of all documents, each under a name of its own, made as they are met."""

    def __init__(self) -> None:
        self._descriptions = Descriptions()  # reads the sources of the structs once
        self._names: dict[type, str] = {}
        self._references: dict[str, set[str]] = {}
        self.schemas: dict[str, Schema] = {}

    def needed_for(self, paths: dict[str, Any]) -> dict[str, Schema]:
        """Those of the schemas that some paths lead to, by name."""
        found: dict[str, Schema] = {}
        waiting = _references_in(paths)
        while waiting:
            name = waiting.pop()
            found[name] = self.schemas[name]
            if name not in self._references:
                self._references[name] = _references_in(found[name])
            waiting |= self._references[name] - found.keys()
        return dict(sorted(found.items()))

    def add(self, struct: type[msgspec.Struct]) -> str:
        """The name of the schema of `struct`, which is added with all that it needs."""
        known = self._names.get(struct)
        if known is not None:
            return known
        name = schema_name(struct)
        if name in self.schemas:
            name = f"{name}.{len(self.schemas)}"
        self._names[struct] = name
        schema = self.schemas[name] = {}  # in place before its fields, which may refer to it
        schema |= self._struct_schema(struct)
        return name

    def add_list(self, kind: type[Kind], list_metadata: type[msgspec.Struct]) -> str:
        """The name of the schema of a list of objects of a kind."""
        item = self.add(kind)
        info = kind.info
        texts = [self._descriptions.of_field(Kind, name) for name in ("api_version", "kind")]
        self.schemas[f"{item}List"] = {
            "type": "object",
            "description": f"A list of {info.plural}.",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string", "description": texts[0]},
                "items": {
                    "type": "array",
                    "description": "The objects.",
                    "items": {"allOf": [reference_to(item)]},
                },
                "kind": {"type": "string", "description": texts[1]},
                "metadata": {
                    "allOf": [reference_to(self.add(list_metadata))],
                    "description": "The revision of the list, and how it goes on.",
                },
            },
            "x-kubernetes-group-version-kind": [
                group_version_kind(info) | {"kind": f"{info.kind}List"}
            ],
        }
        return f"{item}List"

    def _struct_schema(self, struct: type[msgspec.Struct]) -> Schema:
        if issubclass(struct, CustomObject):
            return self._custom_schema(struct)
        properties, required = self._fields(struct)
        schema: Schema = {"type": "object", "properties": properties}
        about = description_of_struct(struct)
        if about:
            schema["description"] = about
        if required:
            schema["required"] = required
        if issubclass(struct, Struct) and struct.is_atomic:
            schema["x-kubernetes-map-type"] = "atomic"
        if issubclass(struct, Kind):
            schema["x-kubernetes-group-version-kind"] = [group_version_kind(struct.info)]
        return schema

    def _fields(self, struct: type[msgspec.Struct]) -> tuple[dict[str, Schema], list[str]]:
        """The schemas of a struct's fields, and the names of those that must be there."""
        hints = get_type_hints(struct, include_extras=True)
        properties: dict[str, Schema] = {}
        required: list[str] = []
        for field in msgspec.structs.fields(struct):
            description = self._descriptions.of_field(struct, field.name)
            value = self._schema(hints[field.name])
            properties[field.encode_name] = _described(value, field, description)
            is_always_there = field.default_factory in _VALUE_FACTORIES
            if field.required or is_always_there or is_required(description):
                required.append(field.encode_name)
        return properties, required

    def _custom_schema(self, kind: type[CustomObject]) -> Schema:
        """The schema of a definition, with what all objects have."""
        schema: Schema = msgspec.to_builtins(kind.schema())
        envelope, _ = self._fields(Kind)
        schema["properties"] = envelope | {
            name: field
            for name, field in schema.get("properties", {}).items()
            if name not in envelope
        }
        schema["x-kubernetes-group-version-kind"] = [group_version_kind(kind.info)]
        if kind.info.selectable_fields:
            paths = [{"fieldPath": path} for path in kind.info.selectable_fields]
            schema["x-kubernetes-selectable-fields"] = paths
        return schema

    def _schema(self, annotation: Any) -> Schema:
        plain = _named_or_plain(annotation)
        if plain is not None:
            return self._value_schema(annotation, plain)
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *notes = get_args(annotation)
            return self._annotated(self._schema(inner), notes)
        if origin in (Union, UnionType):
            return self._union(get_args(annotation))
        if origin in (list, tuple, set):
            items = get_args(annotation)
            return {
                "type": "array",
                "items": self._schema(items[0]) if items else dict(_ANYTHING),
                "x-kubernetes-list-type": "atomic",
            }
        if origin is dict:
            return {"type": "object", "additionalProperties": self._schema(get_args(annotation)[1])}
        if origin is Literal:
            return {"type": "string", "enum": list(get_args(annotation))}
        return self._class_schema(annotation)

    def _value_schema(self, annotation: Any, plain: Schema) -> Schema:
        named = _NAMED.get(annotation)
        if named is None:
            return dict(plain)
        name, schema = named
        self.schemas[name] = schema
        return {"allOf": [reference_to(name)]}

    def _class_schema(self, annotation: Any) -> Schema:
        if isinstance(annotation, type):
            if issubclass(annotation, msgspec.Struct):
                # A bare $ref can carry nothing beside it; explain and apply both read this form.
                return {"allOf": [reference_to(self.add(annotation))]}
            if issubclass(annotation, Enum):
                return {"type": "string", "enum": [member.value for member in annotation]}
            if annotation in (dict, list):
                return {"type": "object" if annotation is dict else "array"} | _ANYTHING
        return dict(_ANYTHING)

    def _union(self, options: tuple[Any, ...]) -> Schema:
        others = [option for option in options if option is not NoneType]
        if len(others) == 1:
            return self._schema(others[0])
        return self._schema(frozenset(others)) if set(others) == {int, str} else dict(_ANYTHING)

    def _annotated(self, schema: Schema, notes: list[Any]) -> Schema:
        for note in notes:
            if isinstance(note, MergeKey):
                schema |= _merge_extensions(note)
                self._put_defaults(schema["items"], note)
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

    def _put_defaults(self, item: Schema, merge: MergeKey) -> None:
        """Clients that tell items apart by several fields must know what a missing one means."""
        for field, value in merge.also:
            if value:
                name = item["allOf"][0]["$ref"].rpartition("/")[2]
                self.schemas[name]["properties"][field]["default"] = value


def _references_in(part: Any) -> set[str]:
    """The names of the schemas that a part of a document refers to."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        match waiting.pop():
            case {"$ref": str() as reference}:
                found.add(reference.rpartition("/")[2])
            case dict() as document:
                waiting += document.values()
            case list() as items:
                waiting += items
    return found


def reference_to(name: str) -> Schema:
    """A reference to the schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def group_version_kind(info: KindInfo) -> dict[str, str]:
    """The extension by which clients find the schema and the operations of a kind."""
    return {"group": info.group, "version": info.version, "kind": info.kind}


def _named_or_plain(annotation: Any) -> Schema | None:
    try:
        named = _NAMED.get(annotation)
        return named[1] if named else _PLAIN.get(annotation)
    except TypeError:  # annotations with notes that have no hash
        return None


def _described(schema: Schema, field: msgspec.structs.FieldInfo, description: str) -> Schema:
    """The schema of a field's type, with what is said of the field."""
    if description:
        schema.setdefault("description", description)
        values = allowed_values(description)
        if values:
            schema.get("items", schema)["enum"] = values
    default = _default(field)
    if default is not None:
        schema["default"] = default
    return schema


def _default(field: msgspec.structs.FieldInfo) -> Any:
    """What a field that is left out means, where that is something and can be told in JSON."""
    factory = field.default_factory
    if factory in _VALUE_FACTORIES:
        return factory()
    if isinstance(factory, type) and issubclass(factory, msgspec.Struct):
        return {}
    value = field.default
    return value if isinstance(value, (bool, int, float, str)) and value else None


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
