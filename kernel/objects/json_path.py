"""JSON paths as kubectl and CustomResourceDefinitions write them, looked up in plain values.

    .spec.replicas                                    a field
    .metadata.annotations.example\\.dev/tier          one whose name has a dot
    .spec['odd name'][0]                              by name in brackets, and by position
    .status.conditions[?(@.type=="Ready")].status     of the items that a comparison selects
    .spec.ports[*].port                               of all items

Unions, slices with a step, recursive descent and templates are not understood.
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

_STEP = re.compile(
    r"""
    \.(?P<field>(?:\\.|[^.\[\]\\\s])+)
    | \[ \s* (?P<index>-?\d{1,9}) \s* \]
    | (?P<every>\[ \s* \* \s* \]|\.\*)
    | \[ \s* '(?P<quoted>(?:\\.|[^'\\])*)' \s* \]
    | \[ \s* "(?P<double_quoted>(?:\\.|[^"\\])*)" \s* \]
    | \[ \s* \?\( \s* (?P<filter>(?:"[^"]*"|'[^']*'|[^"')])*) \) \s* \]
    """,
    re.VERBOSE,
)
_FILTER = re.compile(
    r"@(?P<path>[^=!<>\s]*)(?:\s*(?P<sign>==|!=|<=|>=|<|>)\s*(?P<value>\S.*))?", re.DOTALL
)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# From a value to those that the step leads to.
_Step = Callable[[Any], list[Any]]


class JsonPathError(ValueError):
    """The text is no path, or one of a form that is not understood."""


class JsonPath(msgspec.Struct, frozen=True):
    """A parsed path."""

    text: str
    steps: Sequence[_Step]

    def find(self, value: Any) -> list[Any]:
        """All that is there, in order; empty where the path leads nowhere."""
        found = [value]
        for step in self.steps:
            found = [after for before in found for after in step(before)]
        return found

    def first(self, value: Any) -> Any:
        """The first that is there, else None."""
        found = self.find(value)
        return found[0] if found else None


def parse_json_path(text: str) -> JsonPath:
    """The path that a text stands for; it starts with a dot or a bracket. Raises
    `JsonPathError`."""
    steps: list[_Step] = []
    rest = text.strip()
    if rest == ".":
        return JsonPath(text, [])
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise JsonPathError(f'can\'t understand "{rest[position:]}" in the path "{text}"')
        steps.append(_step(match))
        position = match.end()
    if not steps:
        raise JsonPathError("the path is empty")
    return JsonPath(text, steps)


def simple_path(text: str) -> list[str] | None:
    """The names in a path of fields alone, without brackets (`.spec.replicas`); None for others."""
    if not re.fullmatch(r"(?:\.(?:\\.|[^.\[\]\\\s'\"])+)+", text):
        return None
    return [_unescaped(match["field"]) for match in _STEP.finditer(text)]


def _step(match: re.Match[str]) -> _Step:
    if match["every"]:
        return _every
    if match["index"]:
        return _index(int(match["index"]))
    if match["filter"] is not None:
        return _filter(match["filter"])
    name = match["field"]
    if name is None:
        name = match["quoted"] if match["quoted"] is not None else match["double_quoted"]
    return _field(_unescaped(name))


def _unescaped(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)


def _field(name: str) -> _Step:
    def step(value: Any) -> list[Any]:
        return [value[name]] if isinstance(value, dict) and name in value else []

    return step


def _index(index: int) -> _Step:
    def step(value: Any) -> list[Any]:
        if not isinstance(value, list) or not -len(value) <= index < len(value):
            return []
        return [value[index]]

    return step


def _every(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _filter(text: str) -> _Step:
    match = _FILTER.fullmatch(text.strip())
    if match is None:
        raise JsonPathError(f'can\'t understand the filter "{text}"')
    path = parse_json_path(match["path"] or ".")
    compare = _SIGNS[match["sign"]] if match["sign"] else None
    wanted = _literal(match["value"]) if compare else None

    def holds(item: Any) -> bool:
        found = path.find(item)
        if compare is None or not found:
            return bool(found)
        try:
            return compare(found[0], wanted)
        except TypeError:
            return False

    def step(value: Any) -> list[Any]:
        return [item for item in _every(value) if holds(item)]

    return step


def _literal(text: str) -> Any:
    if text[:1] == text[-1:] == "'":
        return text[1:-1]
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise JsonPathError(f"{text} is neither a number nor a quoted text") from None
