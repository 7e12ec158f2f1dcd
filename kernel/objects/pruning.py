"""What a schema does not know, taken out of plain values (as Kubernetes prunes custom objects)."""

from typing import Any

from kernel.objects.field_errors import FieldError, join_path, nearest_name
from kernel.objects.json_schema import JSONSchemaProps

_ENVELOPE = ("apiVersion", "kind", "metadata")


def pruned(value: Any, schema: JSONSchemaProps | None) -> tuple[Any, list[FieldError]]:
    """`value` without the fields that `schema` does not have, and which these were.

    Nulls go too, where the schema neither allows them nor puts a default in their place. What
    embedded resources have by themselves stays, and all that is below
    x-kubernetes-preserve-unknown-fields. `value` is left as it is.
    """
    unknown: list[FieldError] = []
    return _pruned(value, schema, "", unknown, preserving=False), unknown


def _pruned(
    value: Any,
    schema: JSONSchemaProps | None,
    path: str,
    unknown: list[FieldError],
    *,
    preserving: bool,
) -> Any:
    """`preserving`: the list that this is an item of preserves what it does not know."""
    if isinstance(value, list):
        preserving = preserving or (schema is not None and bool(schema.preserve_unknown_fields))
        item = schema.item if schema else None
        return [
            _pruned(one, item, f"{path}[{index}]", unknown, preserving=preserving)
            for index, one in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    if schema is None:
        if preserving:
            return value
        schema = JSONSchemaProps()
    preserving = preserving or bool(schema.preserve_unknown_fields)
    kept = {}
    for name, part in value.items():
        if schema.embedded_resource and name in _ENVELOPE:
            kept[name] = part
        elif name in schema.properties or schema.allows_any_property:
            of_part = schema.of_field(name)
            if not _is_stray_null(part, of_part):
                where = join_path(path, name)
                kept[name] = _pruned(part, of_part, where, unknown, preserving=False)
        elif preserving:
            kept[name] = part
        else:
            hint = nearest_name(name, schema.properties)
            error = FieldError(join_path(path, name), "unknown field", hint, reason="unknown")
            unknown.append(error)
    return kept


def _is_stray_null(value: Any, schema: JSONSchemaProps | None) -> bool:
    return value is None and schema is not None and not schema.nullable and schema.default is None
