"""Custom objects as rows of `kubectl get`: the columns that their definition asks for."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import AGE, NAME, Rows
from kernel.objects.custom_object import CustomObject
from kernel.objects.custom_resource_definition import CustomResourceColumnDefinition
from kernel.objects.json_path import JsonPathError, parse_json_path
from kernel.objects.kind import Column

# What makes a cell of an object that is decoded to plain values.
_Cell = Callable[[Any, datetime], object]


def custom_rows(kind: type[CustomObject]) -> Rows:
    """NAME and the columns of the kind's version, in the types that these have; AGE where there
    are none."""
    definitions = kind.version.additional_printer_columns
    if not definitions:
        definitions = [
            CustomResourceColumnDefinition(name=AGE.name, type=AGE.type, json_path=f".{AGE.path}")
        ]
    makers = [_cell_of(one) for one in definitions]

    def cells(document: Any, now: datetime) -> list[object]:
        return [document["metadata"].get("name"), *(make(document, now) for make in makers)]

    return Rows((NAME, *(_column(one) for one in definitions)), cells)


def _column(definition: CustomResourceColumnDefinition) -> Column:
    path = definition.json_path
    described = f"Custom resource definition column (in JSONPath format): {path}"
    return Column(
        definition.name,
        path,
        type=definition.type,
        priority=definition.priority,
        description=definition.description or described,
    )


def _cell_of(definition: CustomResourceColumnDefinition) -> _Cell:
    try:
        path = parse_json_path(definition.json_path)
    except JsonPathError:
        return lambda document, now: None
    return lambda document, now: _cell(path.first(document), definition.type, now)


def _cell(value: Any, type_: str, now: datetime) -> object:
    """The value as its column's type has it; None where it is of another type."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match type_:
        case "integer" if is_number:
            return int(value)
        case "number" if is_number:
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "date" if isinstance(value, str):
            return _age(value, now)
        case "string" if value is not None:
            return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return None


def _age(text: str, now: datetime) -> str:
    try:
        return age(datetime.fromisoformat(text), now)
    except (ValueError, TypeError):
        return "<invalid>"
