"""Any kind as rows of `kubectl get`: the columns that it declares, or those its struct suggests."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import AGE, NAME, Rows
from kernel.objects.kind import Column, Kind

SUGGESTED_COLUMNS = 5
SCALAR_TYPES: dict[Any, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    datetime: "date",
}


def generic_rows(kind: type[Kind]) -> Rows:
    """NAME, the kind's columns, AGE. Where it declares none, the plain values in its spec and
    status are its columns; those after the fifth show with `-o wide` only."""
    declared = kind.info.columns or suggested_columns(kind)
    taken = {column.name.lower() for column in declared}
    columns = [column for column in (NAME,) if "name" not in taken]
    columns += declared
    columns += [column for column in (AGE,) if "age" not in taken]
    return Rows(tuple(columns), cells_by_path(columns))


def suggested_columns(kind: type[Kind]) -> list[Column]:
    """A column for each plain value in the spec and status of a kind."""
    found: list[Column] = []
    hints = get_type_hints(kind, include_extras=True)
    for part in ("spec", "status"):
        struct = _bare(hints.get(part))
        if not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
            continue
        types = get_type_hints(struct, include_extras=True)
        for field in msgspec.structs.fields(struct):
            scalar = SCALAR_TYPES.get(_bare(types[field.name]))
            if scalar is not None:
                priority = 0 if len(found) < SUGGESTED_COLUMNS else 1
                path = f"{part}.{field.encode_name}"
                found.append(Column(_title(field.name), path, type=scalar, priority=priority))
    return found


def cells_by_path(columns: Sequence[Column]) -> Callable[[Any, datetime], list[object]]:
    """What looks up each column's path in an object that is decoded to plain values."""
    steps = [(column.path.lstrip(".").split("."), column.type) for column in columns]

    def cells(document: Any, now: datetime) -> list[object]:
        return [_cell(_lookup(document, path), type_, now) for path, type_ in steps]

    return cells


def _lookup(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _cell(value: Any, type_: str, now: datetime) -> object:
    if type_ == "date" and isinstance(value, str):
        try:
            return age(datetime.fromisoformat(value), now)
        except (ValueError, TypeError):
            return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return value


def _bare(annotation: Any) -> Any:
    """The type without Annotated and None; a choice of texts counts as text."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return str if all(isinstance(word, str) for word in get_args(annotation)) else annotation
    if get_origin(annotation) in (Union, UnionType):
        others = [option for option in get_args(annotation) if option is not NoneType]
        return _bare(others[0]) if len(others) == 1 else annotation
    return annotation


def _title(python_name: str) -> str:
    return " ".join(word.capitalize() for word in python_name.strip("_").split("_"))
