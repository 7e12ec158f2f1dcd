"""The defaults of a schema, filled into plain values (as Kubernetes does it for custom objects)."""

import copy
from typing import Any

from kernel.objects.json_schema import JSONSchemaProps


def defaulted(value: Any, schema: JSONSchemaProps | None) -> Any:
    """`value`, which is left as it is, with what it lacks, or has as a null that the schema does
    not allow. Doing it twice is doing it once."""
    if schema is None:
        return value
    if isinstance(value, list):
        return [_of_part(item, schema.item) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {name: _of_part(part, schema.of_field(name)) for name, part in value.items()}
    for name, of_field in schema.properties.items():
        if name not in filled and of_field.default is not None:
            filled[name] = defaulted(copy.deepcopy(of_field.default), of_field)
    return filled


def _of_part(value: Any, schema: JSONSchemaProps | None) -> Any:
    if value is None and schema is not None and not schema.nullable:
        value = copy.deepcopy(schema.default)
    return defaulted(value, schema)
