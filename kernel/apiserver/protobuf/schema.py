"""How messages of protobuf are described, and descriptions of many messages in little space."""

from typing import Literal, cast, get_args

import msgspec

Scalar = Literal[
    "string", "int", "bool", "bytes", "time", "int_or_string", "quantity", "passed over"
]
Message = dict[int, "Field"]

_SUFFIXES: dict[str, Literal["list", "map", "inline"]] = {
    "[]": "list",
    "{}": "map",
    "+": "inline",
}


class Field(msgspec.Struct, frozen=True):
    """A field of a message: its wire name and what it holds, once, as a list or as a map. The
    fields of an inline message are, in JSON, those of the message that it is in."""

    name: str
    type: Scalar | Message
    shape: Literal["one", "list", "map", "inline"] = "one"


def read_schema(text: str) -> dict[str, Message]:
    """The messages in a text, which may refer to one another.

    A message's name stands at the beginning of a line, its fields indented below, joined by
    commas: `1 name, 2 count:int, 3 args[], 4 labels{}, 5 ports:Port[], 6 source:Source+`. What
    has no type is text; `[]` is a list, `{}` a map with text for keys, `+` inline.
    """
    bodies: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith(" "):
            bodies[name] += line
        elif line:
            name = line.strip()
            bodies[name] = ""
    messages: dict[str, Message] = {name: {} for name in bodies}
    for name, body in bodies.items():
        for field in body.split(",") if body else ():
            number, _, described = field.strip().partition(" ")
            messages[name][int(number)] = _field(described, messages)
    return messages


def _field(described: str, messages: dict[str, Message]) -> Field:
    shape: Literal["one", "list", "map", "inline"] = "one"
    for suffix, meaning in _SUFFIXES.items():
        if described.endswith(suffix):
            described, shape = described.removesuffix(suffix), meaning
    name, _, type_ = described.partition(":")
    type_ = type_ or "string"
    if type_ in get_args(Scalar):
        return Field(name, cast(Scalar, type_), shape)
    return Field(name, messages[type_], shape)
