"""Which schemas a CustomResourceDefinition may have: structural ones, in Kubernetes' words.

A structural schema says the type of every field outside of allOf, anyOf, oneOf and not, which only
narrow the values ("Specifying a structural schema" in Kubernetes' documentation). Source of the
words: k8s.io/apiextensions-apiserver, pkg/apiserver/schema/validation.go and
pkg/apis/apiextensions/validation.
"""

from typing import Literal

import msgspec

from kernel.api.causes import Causes
from kernel.api.custom_resources.go_patterns import PatternError, go_pattern
from kernel.api.custom_resources.value_validation import check_value
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.pruning import pruned

TYPES = ("array", "boolean", "integer", "number", "object", "string")

_Level = Literal["root", "items", "field"]
_TYPE_REQUIRED = {
    "root": "must not be empty at the root",
    "items": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_ENVELOPE = ("apiVersion", "kind", "metadata")
_INT_OR_STRING = [JSONSchemaProps(type="integer"), JSONSchemaProps(type="string")]


def check_schema(schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    """Report what keeps a schema from being a definition's."""
    if schema.nullable:
        causes.forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    structural = Causes()
    _check_structure(schema, "root", path, structural)
    if not structural.found:
        _check_defaults(schema, path, structural)
    causes.found += sorted(structural.found, key=lambda cause: (cause.field, cause.message))
    _check_keywords(schema, path, causes, is_root=True)


def _check_structure(schema: JSONSchemaProps, level: _Level, path: str, causes: Causes) -> None:
    if schema.type == "array" and schema.items is None:
        causes.required(f"{path}.items", "must be specified")
    if schema.item is not None:
        _check_structure(schema.item, "items", f"{path}.items", causes)
    for name, part in schema.properties.items():
        if not (level == "root" and name == "metadata"):
            _check_structure(part, "field", f"{path}.properties[{name}]", causes)
    if schema.additional_properties is not None:
        if level == "root":
            causes.forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if schema.value is not None:
            _check_structure(schema.value, "field", f"{path}.additionalProperties", causes)
    _check_extensions(schema, path, causes)
    _check_value_rules(schema, path, causes)
    _check_type(schema, level, path, causes)
    if level == "root" or schema.embedded_resource:
        _check_envelope(schema, level, path, causes)


def _check_extensions(schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    if schema.int_or_string:
        detail = "must be false if x-kubernetes-int-or-string is true"
        for name, value in (
            ("preserve-unknown-fields", schema.preserve_unknown_fields),
            ("embedded-resource", schema.embedded_resource),
        ):
            if value:
                causes.invalid(f"{path}.x-kubernetes-{name}", value, detail)
    if schema.embedded_resource:
        if schema.additional_properties is not None:
            detail = "must not be used if x-kubernetes-embedded-resource is set"
            causes.forbidden(f"{path}.additionalProperties", detail)
        if not schema.preserve_unknown_fields and not schema.properties:
            causes.required(
                f"{path}.properties",
                "must not be empty if x-kubernetes-embedded-resource is true without"
                " x-kubernetes-preserve-unknown-fields",
            )


def _check_type(schema: JSONSchemaProps, level: _Level, path: str, causes: Causes) -> None:
    place = f"{path}.type"
    if schema.embedded_resource and schema.type != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        if schema.type:
            causes.invalid(place, schema.type, detail)
        else:
            causes.required(place, detail)
    elif not (schema.type or schema.int_or_string or schema.preserve_unknown_fields):
        causes.required(place, _TYPE_REQUIRED[level])
    if level == "root" and schema.type not in ("", "object"):
        causes.invalid(place, schema.type, "must be object at the root")


def _check_envelope(schema: JSONSchemaProps, level: _Level, path: str, causes: Causes) -> None:
    for name in ("kind", "apiVersion"):
        part = schema.properties.get(name)
        if part is not None and part.type != "string":
            causes.invalid(f"{path}.properties[{name}].type", part.type, "must be string")
    metadata = schema.properties.get("metadata")
    if metadata is None:
        return
    where = f"{path}.properties[metadata]"
    if metadata.type != "object":
        causes.invalid(f"{where}.type", metadata.type, "must be object")
    allowed = JSONSchemaProps(type=metadata.type, description=metadata.description)
    names_alone = msgspec.structs.replace(metadata, properties={})
    if level == "root" and (
        names_alone != allowed or not metadata.properties.keys() <= {"name", "generateName"}
    ):
        causes.forbidden(
            where,
            "must not specify anything other than name and generateName, but metadata is"
            " implicitly specified",
        )


def _check_value_rules(schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    """What narrows the values; that of the pattern for a number or a text is left out."""
    if schema.any_of != _INT_OR_STRING or not schema.int_or_string:
        for index, part in enumerate(schema.any_of):
            _check_narrowing(part, f"{path}.anyOf[{index}]", causes, may_have_rules=False)
    for index, part in enumerate(schema.all_of):
        if not (index == 0 and schema.int_or_string and part.any_of == _INT_OR_STRING):
            _check_narrowing(part, f"{path}.allOf[{index}]", causes, may_have_rules=False)
    for index, part in enumerate(schema.one_of):
        _check_narrowing(part, f"{path}.oneOf[{index}]", causes, may_have_rules=False)
    if schema.not_ is not None:
        _check_narrowing(schema.not_, f"{path}.not", causes, may_have_rules=False)
    if schema.pattern:
        try:
            go_pattern(schema.pattern)
        except PatternError as error:
            detail = f"must be a valid regular expression, but isn't: {error}"
            causes.invalid(f"{path}.pattern", schema.pattern, detail)


def _check_narrowing(
    schema: JSONSchemaProps, path: str, causes: Causes, *, may_have_rules: bool
) -> None:
    _check_value_rules(schema, path, causes)
    if schema.item is not None:
        _check_narrowing(schema.item, f"{path}.items", causes, may_have_rules=may_have_rules)
    for name, part in schema.properties.items():
        where = f"{path}.properties[{name}]"
        _check_narrowing(part, where, causes, may_have_rules=may_have_rules)
        if name == "metadata":
            causes.forbidden(where, "must not be specified in a nested context")
    for name, is_set, wanted in (
        ("type", schema.type, "must be empty"),
        ("additionalProperties", schema.additional_properties is not None, "must be undefined"),
        ("default", schema.default is not None, "must be undefined"),
        ("title", schema.title, "must be empty"),
        ("description", schema.description, "must be empty"),
        ("nullable", schema.nullable, "must be false"),
        (
            "x-kubernetes-preserve-unknown-fields",
            schema.preserve_unknown_fields,
            "must be false",
        ),
        ("x-kubernetes-embedded-resource", schema.embedded_resource, "must be false"),
        ("x-kubernetes-int-or-string", schema.int_or_string, "must be false"),
        ("x-kubernetes-list-map-keys", schema.list_map_keys, "must be empty"),
        ("x-kubernetes-list-type", schema.list_type is not None, "must be undefined"),
        ("x-kubernetes-map-type", schema.map_type is not None, "must be undefined"),
        (
            "x-kubernetes-validations",
            schema.validations and not may_have_rules,
            "must be empty",
        ),
    ):
        if is_set:
            causes.forbidden(f"{path}.{name}", f"{wanted} to be structural")


def _check_defaults(schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    """A default must be what its own schema wants, and have nothing that would be pruned."""
    if schema.default is not None:
        where = f"{path}.default"
        kept, unknown = pruned(schema.default, schema)
        if unknown:
            names = ", ".join(str(error.path) for error in unknown)
            causes.invalid(where, schema.default, f"must not have unknown fields: {names}")
        check_value(kept, schema, where, causes)
    if schema.item is not None:
        _check_defaults(schema.item, f"{path}.items", causes)
    if schema.value is not None:
        _check_defaults(schema.value, f"{path}.additionalProperties", causes)
    for name, part in schema.properties.items():
        _check_defaults(part, f"{path}.properties[{name}]", causes)


def _check_keywords(
    schema: JSONSchemaProps, path: str, causes: Causes, *, is_root: bool = False
) -> None:
    if schema.type == "null":
        detail = "type cannot be set to null, use nullable as an alternative"
        causes.forbidden(f"{path}.type", detail)
    elif schema.type and schema.type not in TYPES:
        causes.unsupported(f"{path}.type", schema.type, TYPES)
    for name, is_set in (
        ("id", schema.id),
        ("additionalItems", schema.additional_items is not None),
        ("patternProperties", schema.pattern_properties),
        ("definitions", schema.definitions),
        ("dependencies", schema.dependencies),
        ("$ref", schema.ref is not None),
    ):
        if is_set:
            causes.forbidden(f"{path}.{name}", f"{name} is not supported")
    if isinstance(schema.items, list):
        detail = "items must be a schema object and not an array"
        causes.forbidden(f"{path}.items", detail)
    if schema.unique_items:
        causes.forbidden(
            f"{path}.uniqueItems",
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        )
    if schema.additional_properties not in (None, True) and schema.properties:
        detail = "additionalProperties and properties are mutual exclusive"
        causes.forbidden(f"{path}.additionalProperties", detail)
    if schema.preserve_unknown_fields is False:
        place = f"{path}.x-kubernetes-preserve-unknown-fields"
        causes.invalid(place, False, "must be true or undefined")
    _check_list_and_map_types(schema, path, causes)
    if is_root:
        for name in _ENVELOPE:
            part = schema.properties.get(name)
            if part is not None and part.default is not None:
                place = f"{path}.properties[{name}].default"
                causes.forbidden(place, f"must not be set in top-level {name}")
    for where, part in _parts(schema, path):
        _check_keywords(part, where, causes)


def _parts(schema: JSONSchemaProps, path: str) -> list[tuple[str, JSONSchemaProps]]:
    """All schemas in a schema, with their paths."""
    found = [(f"{path}.properties[{name}]", part) for name, part in schema.properties.items()]
    for name, part in (("items", schema.item), ("additionalProperties", schema.value)):
        if part is not None:
            found.append((f"{path}.{name}", part))
    if schema.not_ is not None:
        found.append((f"{path}.not", schema.not_))
    for name, parts in (
        ("allOf", schema.all_of),
        ("oneOf", schema.one_of),
        ("anyOf", schema.any_of),
    ):
        found += [(f"{path}.{name}[{index}]", part) for index, part in enumerate(parts)]
    return found


def _check_list_and_map_types(schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    for keyword, value, type_, choices in (
        ("x-kubernetes-map-type", schema.map_type, "object", ("atomic", "granular")),
        ("x-kubernetes-list-type", schema.list_type, "array", ("atomic", "set", "map")),
    ):
        if value is None:
            continue
        if schema.type != type_:
            detail = f"must be {type_} if {keyword} is specified"
            if schema.type:
                causes.invalid(f"{path}.type", schema.type, detail)
            else:
                causes.required(f"{path}.type", detail)
        if value not in choices:
            causes.unsupported(f"{path}.{keyword}", value, choices)
    if schema.list_map_keys and schema.list_type != "map":
        detail = "must be map if x-kubernetes-list-map-keys is non-empty"
        if schema.list_type is None:
            causes.required(f"{path}.x-kubernetes-list-type", detail)
        else:
            causes.invalid(f"{path}.x-kubernetes-list-type", schema.list_type, detail)
    if schema.list_type == "set" and schema.item is not None:
        _check_set_items(schema.item, f"{path}.items", causes)
    if schema.list_type == "map":
        _check_map_items(schema, path, causes)


def _check_set_items(item: JSONSchemaProps, path: str, causes: Causes) -> None:
    detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
    if item.type == "array" and item.list_type not in (None, "atomic"):
        causes.invalid(f"{path}.x-kubernetes-list-type", item.list_type, detail)
    if item.type == "object" and item.map_type != "atomic":
        causes.invalid(f"{path}.x-kubernetes-map-type", item.map_type, detail)


def _check_map_items(schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    place = f"{path}.x-kubernetes-list-map-keys"
    keys, item = schema.list_map_keys, schema.item
    if not keys:
        causes.required(place, "must not be empty if x-kubernetes-list-type is map")
    if item is None:
        detail = "must have a schema if x-kubernetes-list-type is map"
        causes.required(f"{path}.items", detail)
        return
    if item.type != "object":
        detail = "must be object if parent array's x-kubernetes-list-type is map"
        causes.invalid(f"{path}.items.type", item.type, detail)
        return
    if not item.properties.keys() >= set(keys):  # told once: the message shows all keys
        causes.invalid(place, keys, "entries must all be names of item properties")
    for key in keys:
        of_key = item.properties.get(key)
        if of_key is None:
            continue
        if of_key.type in ("array", "object"):
            detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            causes.invalid(f"{path}.items.properties[{key}].type", of_key.type, detail)
        elif of_key.nullable:
            detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            causes.forbidden(f"{path}.items.properties[{key}].nullable", detail)
        elif of_key.default is None and key not in item.required:
            causes.required(
                f"{path}.items.properties[{key}].default",
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be"
                " a required property",
            )
    if len(set(keys)) != len(keys):
        causes.invalid(place, keys, "must not contain duplicate entries")
