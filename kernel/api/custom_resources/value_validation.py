"""Whether plain values are what a schema says, in Kubernetes' words.

What has not changed is not looked at in an update, so that an object that a stricter schema would
refuse can still be changed elsewhere (Kubernetes' validation ratcheting).

Source of the words: k8s.io/kube-openapi, pkg/validation/errors, as
k8s.io/apiextensions-apiserver, pkg/apiserver/validation, tells them.
"""

from typing import Any

import msgspec

from kernel.api.causes import Causes
from kernel.api.custom_resources.formats import INTEGER_BITS, TEXT_FORMATS, is_known
from kernel.api.custom_resources.go_patterns import PatternError, go_pattern
from kernel.objects.json_schema import JSONSchemaProps

ABSENT: Any = object()
NO_PATH = "<nil>"  # what Kubernetes names where only the message tells the field

_MULTIPLE_PRECISION = 1e-9


def check_value(
    value: Any, schema: JSONSchemaProps, path: str, causes: Causes, old: Any = ABSENT
) -> None:
    """Report what is wrong with a value. `old` is what takes its place from it in an update."""
    if old is not ABSENT and same(old, value):
        return
    if value is None and (schema.nullable or not (schema.type or schema.int_or_string)):
        return
    if not _check_type(value, schema, path, causes):
        return
    _check_choices(value, schema, path, causes)
    if isinstance(value, str):
        _check_text(value, schema, path, causes)
    elif isinstance(value, dict):
        _check_object(value, schema, path, causes, old)
    elif isinstance(value, list):
        _check_list(value, schema, path, causes, old)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _check_number(value, schema, path, causes)
    _check_compositions(value, schema, path, causes)


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: unlike in Python, true is not 1, and that at any depth."""
    if isinstance(left, dict | list) and isinstance(right, dict | list):
        encoded = [msgspec.json.encode(value, order="deterministic") for value in (left, right)]
        return encoded[0] == encoded[1]
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def type_name(value: Any) -> str:
    """What JSON Schema calls the type of a value; a whole number is an integer in any notation."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case dict():
            return "object"
        case _:
            return "array"


def _check_type(value: Any, schema: JSONSchemaProps, path: str, causes: Causes) -> bool:
    wanted = ("integer", "string") if schema.int_or_string else (schema.type,)
    actual = type_name(value)
    fits = actual in wanted or wanted == ("",) or (actual == "integer" and "number" in wanted)
    if not fits:
        listed = ",".join(wanted)
        causes.of_wrong_type(path, actual, f'{path} in body must be of type {listed}: "{actual}"')
    return fits


def _check_choices(value: Any, schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    if schema.enum and not any(same(value, choice) for choice in schema.enum):
        choices = [
            choice if isinstance(choice, str) else msgspec.json.encode(choice).decode()
            for choice in schema.enum
        ]
        causes.unsupported(path, value, choices)


def _check_text(value: str, schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    if schema.max_length is not None and len(value) > schema.max_length:
        causes.too_long(path, schema.max_length)
    if schema.min_length is not None and len(value) < schema.min_length:
        detail = f"{path} in body should be at least {schema.min_length} chars long"
        causes.invalid(path, value, detail)
    if schema.pattern:
        try:
            matches = go_pattern(schema.pattern).matches(value)
        except PatternError:
            matches = False
        if not matches:
            causes.invalid(path, value, f"{path} in body should match '{schema.pattern}'")
    if schema.format and is_known(schema.format, schema.type):
        is_valid = TEXT_FORMATS.get(schema.format.replace("-", ""))
        if is_valid is not None and not is_valid(value):
            detail = f'{path} in body must be of type {schema.format}: "{value}"'
            causes.of_wrong_type(path, value, detail)


def _check_number(value: float, schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    bits = INTEGER_BITS.get(schema.format) if schema.type == "integer" else None
    if bits is not None and not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        detail = f'{path} in body must be of type {schema.format}: "{type_name(value)}"'
        causes.of_wrong_type(path, value, detail)
    low, high = schema.minimum, schema.maximum
    if low is not None and (value <= low if schema.exclusive_minimum else value < low):
        words = "greater than" if schema.exclusive_minimum else "greater than or equal to"
        causes.invalid(path, value, f"{path} in body should be {words} {low}")
    if high is not None and (value >= high if schema.exclusive_maximum else value > high):
        words = "less than" if schema.exclusive_maximum else "less than or equal to"
        causes.invalid(path, value, f"{path} in body should be {words} {high}")
    if schema.multiple_of:
        quotient = value / schema.multiple_of
        if abs(quotient - round(quotient)) > _MULTIPLE_PRECISION:
            detail = f"{path} in body should be a multiple of {schema.multiple_of}"
            causes.invalid(path, value, detail)


def _check_object(
    value: dict[str, Any], schema: JSONSchemaProps, path: str, causes: Causes, old: Any
) -> None:
    if schema.min_properties is not None and len(value) < schema.min_properties:
        detail = f"{path} in body should have at least {schema.min_properties} properties"
        causes.invalid(path, value, detail)
    if schema.max_properties is not None and len(value) > schema.max_properties:
        causes.too_many(path, len(value), schema.max_properties)
    before = old if isinstance(old, dict) else {}
    for name, part in value.items():
        of_part = schema.of_field(name)
        if of_part is not None:
            where = f"{path}.{name}" if path else name
            check_value(part, of_part, where, causes, before.get(name, ABSENT))
    for name in schema.required:
        if name not in value:
            causes.required(f"{path}.{name}" if path else name)
    if schema.embedded_resource:
        for name in ("apiVersion", "kind"):
            if not value.get(name):
                causes.required(f"{path}.{name}", "must not be empty")


def _check_list(
    value: list[Any], schema: JSONSchemaProps, path: str, causes: Causes, old: Any
) -> None:
    if schema.min_items is not None and len(value) < schema.min_items:
        detail = f"{path} in body should have at least {schema.min_items} items"
        causes.invalid(path, len(value), detail)
    if schema.max_items is not None and len(value) > schema.max_items:
        causes.too_many(path, len(value), schema.max_items)
    before = _items_before(old, schema)
    if schema.item is not None:
        for index, item in enumerate(value):
            old_item = before.get(_keys_of(item, schema), ABSENT) if before else ABSENT
            check_value(item, schema.item, f"{path}[{index}]", causes, old_item)
    if schema.list_type in ("set", "map"):
        _check_distinct(value, schema, path, causes)


def _items_before(old: Any, schema: JSONSchemaProps) -> dict[str, Any]:
    """The items that there were, by their keys, of a list whose items have some."""
    if schema.list_type != "map" or not isinstance(old, list):
        return {}
    return {_keys_of(item, schema): item for item in old}


def _keys_of(item: Any, schema: JSONSchemaProps) -> str:
    """What tells an item apart, as text."""
    shown = item
    if schema.list_type == "map":
        names = schema.list_map_keys
        shown = {name: item[name] for name in names if name in item} if item else {}
    return msgspec.json.encode(shown, order="sorted").decode()


def _check_distinct(value: list[Any], schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    if schema.list_type == "map":
        for index, item in enumerate(value):
            if item is not None and not isinstance(item, dict):
                detail = "must be an object for an array of list-type map"
                causes.invalid(f"{path}[{index}]", item, detail)
                return
    known: set[str] = set()
    for index, item in enumerate(value):
        keys = _keys_of(item, schema)
        if keys in known:
            causes.duplicate(f"{path}[{index}]", msgspec.json.decode(keys))
        known.add(keys)


def _check_compositions(value: Any, schema: JSONSchemaProps, path: str, causes: Causes) -> None:
    """allOf, anyOf, oneOf and not. Kubernetes tells of these without the path of a field."""
    if schema.all_of:
        failures = [found for part in schema.all_of if (found := _failures(value, part, path))]
        for found in failures:
            causes.found.extend(found)
        if failures:
            none = ". None validated" if len(failures) == len(schema.all_of) else ""
            causes.invalid(NO_PATH, "", f'"{path}" must validate all the schemas (allOf){none}')
    if schema.any_of:
        best = _fewest_failures(value, schema.any_of, path)
        if best:
            detail = f'"{path}" must validate at least one schema (anyOf)'
            causes.invalid(NO_PATH, "", detail)
            causes.found.extend(best)
    if schema.one_of:
        valid = sum(not _failures(value, part, path) for part in schema.one_of)
        if valid != 1:
            number = f"Found {valid} valid alternatives" if valid else "Found none valid"
            detail = f'"{path}" must validate one and only one schema (oneOf). {number}'
            causes.invalid(NO_PATH, "", detail)
            if not valid:
                causes.found.extend(_fewest_failures(value, schema.one_of, path))
    if schema.not_ is not None and not _failures(value, schema.not_, path):
        causes.invalid(NO_PATH, "", f'"{path}" must not validate the schema (not)')


def _failures(value: Any, schema: JSONSchemaProps, path: str) -> list[Any]:
    causes = Causes()
    check_value(value, schema, path, causes)
    return causes.found


def _fewest_failures(value: Any, schemas: list[JSONSchemaProps], path: str) -> list[Any]:
    return min((_failures(value, one, path) for one in schemas), key=len)
