"""A schema as rules see it: which fields there are, under which names, and values of their types.

Names that are no identifiers of CEL are escaped as Kubernetes does: `foo-bar` is `foo__dash__bar`
("Escaping" in its documentation of validation rules).
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kernel.api.custom_resources.rules.expressions import ExpressionError, at
from kernel.objects.json_schema import JSONSchemaProps

_KEYWORDS = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for"),
        *("function", "if", "import", "let", "loop", "package", "namespace", "return"),
    }
)
_SIGNS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# Each sign can be read in one way alone: else a text without its end takes exponential time.
_QUOTE = r"(\"\"\"|'''|\"|')"
_STRING = re.compile(
    rf"(?<!\w)[rR]{_QUOTE}(?:(?!\1).)*\1|{_QUOTE}(?:\\.|(?!\2)[^\\])*\2", re.DOTALL
)
_ACCESS = re.compile(r"(?<![\w.])(?:self|oldSelf)((?:\s*\.\s*[A-Za-z_]\w*)+)(\s*\()?")
_STEP = re.compile(r"\.\s*([A-Za-z_]\w*)")
_GO_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}

_TEXT = JSONSchemaProps(type="string")
_METADATA = JSONSchemaProps(type="object", properties={"name": _TEXT, "generateName": _TEXT})
ENVELOPE: Mapping[str, JSONSchemaProps] = {
    "apiVersion": _TEXT,
    "kind": _TEXT,
    "metadata": _METADATA,
}


def escaped(name: str) -> str | None:
    """The name of a field in rules; None where it can't be named there."""
    if name in _KEYWORDS:
        return f"__{name}__"
    text = re.sub(r"__|[./-]", lambda match: _SIGNS[match[0]], name)
    return text if _IDENTIFIER.fullmatch(text) else None


def require_fields(text: str, schema: JSONSchemaProps, *, is_root: bool) -> None:
    """Raise `ExpressionError` where an expression names a field that the schema does not have."""
    bare = _STRING.sub(lambda match: " " * len(match[0]), text)
    for access in _ACCESS.finditer(bare):
        steps = list(_STEP.finditer(bare, access.start(1), access.end(1)))
        if access[2]:
            steps.pop()  # a function that is called on the value
        found: JSONSchemaProps | None = schema
        at_root = is_root
        for step in steps:
            if found is None or _is_open(found):
                break
            fields = _fields(found, is_root=at_root)
            if found.value is not None and not found.properties:
                found = found.value
            elif step[1] in fields:
                found = fields[step[1]]
            else:
                raise at(text, step.start(), f"undefined field '{step[1]}'")
            at_root = False


def _is_open(schema: JSONSchemaProps) -> bool:
    """Whether nothing is known of what is in there."""
    return bool(schema.int_or_string or (schema.preserve_unknown_fields and not schema.properties))


def _fields(schema: JSONSchemaProps, *, is_root: bool) -> dict[str, JSONSchemaProps]:
    declared = dict(schema.properties)
    if is_root or schema.embedded_resource:
        declared |= ENVELOPE
    return {name: part for known, part in declared.items() if (name := escaped(known))}


def in_rules(value: Any, schema: JSONSchemaProps | None, *, is_root: bool = False) -> Any:
    """A value as rules see it: numbers, times and bytes as their schema says, and of an object the
    fields that it declares."""
    if value is None or schema is None or schema.int_or_string:
        return value
    if isinstance(value, list):
        return [in_rules(item, schema.item) for item in value]
    if isinstance(value, dict):
        if schema.value is not None or _is_open(schema):
            return {name: in_rules(part, schema.value) for name, part in value.items()}
        declared = dict(schema.properties)
        if is_root or schema.embedded_resource:
            declared |= ENVELOPE
        return {
            name: in_rules(value[known], part)
            for known, part in declared.items()
            if known in value and (name := escaped(known))
        }
    if schema.type == "number":
        return float(value)
    if schema.type == "integer":
        return int(value)
    return _formatted(value, schema.format) if schema.type == "string" else value


def _formatted(text: Any, format_: str) -> Any:
    try:
        match format_:
            case "date" | "date-time" | "datetime":
                return datetime.fromisoformat(text + "T00:00:00Z" if len(text) == 10 else text)
            case "duration":
                return _duration(text)
            case "byte":
                return base64.b64decode(text)
    except ValueError as error:
        raise ExpressionError(str(error)) from None
    return text


def _duration(text: str) -> timedelta:
    parts = _GO_DURATION.findall(text)
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)
