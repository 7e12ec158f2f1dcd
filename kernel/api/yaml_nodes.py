"""YAML text to plain JSON values that know their lines.

Built on libyaml's stream of events rather than its composer, because that one follows nesting on
the C stack and aliases without bound. What a plain scalar means follows what kubectl makes of it:
booleans also as yes, no, on and off, no dates, no base-60 numbers. Keys are always strings.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

NESTING_MAX = 100
ALIASED_NODES_MAX = 100_000
NODES_MAX = 100_000  # of a document: about a second

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    form: truth
    for truth, words in ((True, ("true", "yes", "on")), (False, ("false", "no", "off")))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_BASED_INTEGER = re.compile(r"(?P<sign>[-+]?)0(?P<base>[xob]?)_*(?P<digits>[0-9a-fA-F_]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_BASES = {"x": 16, "o": 8, "b": 2, "": 8}
_DIGITS_MAX = 400

_TAG_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}
_TAG_PREFIX = "tag:yaml.org,2002:"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """The text can't be read; `line` counts from 1."""

    def __init__(self, line: int, message: str):
        super().__init__(message)
        self.line = line
        self.message = message


class Node:
    """A value and where it stands.

    `members` holds the parts of a mapping (by key) or sequence (by index), each with the line of
    its key; `size` counts the nodes in it, aliases expanded.
    """

    __slots__ = ("line", "members", "size", "value")

    def __init__(self, value: Any, line: int):
        self.value = value
        self.line = line
        self.size = 1
        self.members: dict[str | int, tuple[Node, int]] = {}


def read_documents(text: str, repeated: list[YamlError] | None = None) -> Iterator[Node]:
    """The documents of a YAML stream, empty ones left out. Raises `YamlError`.

    A key that a mapping has twice is an error too; with `repeated` it is noted there instead, and
    the last value counts.
    """
    try:
        events = yaml.parse(text, Loader=_LOADER)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                node = _Composer(events, repeated).compose()
                if node.value is not None:
                    yield node
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlError(line, f"invalid YAML: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except UnicodeEncodeError as error:  # lone surrogates
        raise YamlError(1, f"invalid YAML: {error.reason}") from None


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "it can't be read"
    if any("\t" in before[:column] for before in text.splitlines()[line - 1 : line]):
        problem += " (YAML is indented with spaces, not tabs)"
    context = f" {error.context}" if error.context else ""
    return YamlError(line, f"invalid YAML{context}: {problem}, column {column}")


class _Composer:
    """Builds one document from its events."""

    def __init__(self, events: Iterator[yaml.Event], repeated: list[YamlError] | None):
        self._events = events
        self._repeated = repeated
        self._anchors: dict[str, Node] = {}
        self._aliased_nodes = 0
        self._nodes = 0

    def compose(self) -> Node:
        return self._node(self._next(), 1)

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, depth: int) -> Node:
        """The node that begins with `event`."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), line)
        if depth > NESTING_MAX:
            raise YamlError(line, f"nested deeper than {NESTING_MAX} levels")
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise YamlError(line, f"the document has more than {NODES_MAX} values")
        if isinstance(event, yaml.ScalarEvent):
            node = Node(_scalar(event, line), line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(line, depth)
        else:
            node = self._mapping(line, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, line: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise YamlError(line, f"alias *{anchor} has no anchor &{anchor} before it")
        self._aliased_nodes += node.size
        if self._aliased_nodes > ALIASED_NODES_MAX:
            raise YamlError(line, f"aliases stand for more than {ALIASED_NODES_MAX} nodes")
        return node

    def _sequence(self, line: int, depth: int) -> Node:
        node = Node([], line)
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            item = self._node(event, depth + 1)
            node.members[len(node.value)] = (item, item.line)
            node.value.append(item.value)
            node.size += item.size
        return node

    def _mapping(self, line: int, depth: int) -> Node:
        node = Node({}, line)
        merged: list[Node] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key_line = event.start_mark.line + 1
            key, is_merge = self._key(event, key_line)
            value = self._node(self._next(), depth + 1)
            node.size += value.size
            if is_merge:
                merged += _merge_sources(value, key_line)
                continue
            if key in node.members:
                first_line = node.members[key][1]
                message = f'duplicate key "{key}", first set on line {first_line}'
                if self._repeated is None:
                    raise YamlError(key_line, message)
                self._repeated.append(YamlError(key_line, message))
            node.members[key] = (value, key_line)
            node.value[key] = value.value
        for source in merged:
            for name, member in source.members.items():
                if name not in node.members:
                    node.members[name] = member
                    node.value[name] = member[0].value
        return node

    def _key(self, event: Any, line: int) -> tuple[str, bool]:
        """A key's text, and whether it is the merge key `<<`."""
        if isinstance(event, yaml.AliasEvent):
            key = self._alias(str(event.anchor), line).value
            if isinstance(key, str):
                return key, False
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                self._anchors[event.anchor] = Node(event.value, line)
            plain = event.implicit[0]
            return event.value, plain and event.value == "<<"
        raise YamlError(line, "a key must be a string")


def _merge_sources(node: Node, line: int) -> list[Node]:
    sources = [node]
    if isinstance(node.value, list):
        sources = [member for member, _ in node.members.values()]
    if any(not isinstance(source.value, dict) for source in sources):
        raise YamlError(line, "<< must be given a mapping, or a sequence of mappings")
    return sources


def _scalar(event: Any, line: int) -> Any:
    text: str = event.value
    tag = event.tag
    if tag is None or tag == "!":
        return _plain(text, line) if event.implicit[0] else text
    name = tag.removeprefix(_TAG_PREFIX)
    if name in ("str", "binary"):
        return text
    value = _plain(text, line)
    if name not in _TAG_TYPES:
        raise YamlError(line, f"unknown tag {tag}")
    if not isinstance(value, _TAG_TYPES[name]):
        raise YamlError(line, f'"{text}" is no {name}')
    return value


def _plain(text: str, line: int) -> Any:
    """What a scalar without quotes stands for."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > _DIGITS_MAX or text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    based = _BASED_INTEGER.fullmatch(text)
    if based:
        try:
            return int(based["sign"] + based["digits"], _BASES[based["base"]])
        except ValueError:  # a digit that the base does not have: read on
            pass
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise YamlError(line, f"{text} is too large")
        return number
    if _NOT_JSON.fullmatch(text):
        raise YamlError(line, f"{text} can't be said in JSON")
    return text
