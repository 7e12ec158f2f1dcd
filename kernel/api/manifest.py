"""Manifests: YAML and JSON files to objects, each complaint with file, line and field path."""

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any

from kernel.api.yaml_nodes import Node, YamlError, read_documents
from kernel.objects.decoding import DecodeFailure, decode
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable

_STEP = re.compile(r"\[(?P<index>\d+)\]|\[(?P<odd_key>[^\]]*)\]|\.?(?P<key>[^.\[\]]+)")


class ManifestError(Exception):
    """A manifest that can't be used.

    Its text has one line for each problem:
    `pod.yaml:12: spec.containers[0].ports[0].hostPost: unknown field, did you mean "hostPort"?`
    """

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Document:
    """One object of a manifest, not decoded yet. `value` is its plain JSON form."""

    def __init__(self, source: str, value: dict[str, Any], node: Node):
        self.source = source
        self.value = value
        self._node = node

    def line_of(self, path: str) -> int:
        """The line, from 1, of the field that `path` leads to, or of what is nearest above it."""
        node, line = self._node, self._node.line
        for step in _STEP.finditer(path):
            index = step["index"]
            key = step["odd_key"] or step["key"]
            member = node.members.get(int(index)) if index else node.members.get(key)
            if member is None and index:
                member = node.members.get(index)  # a key that looks like an index
            if member is None:
                break
            node, line = member
        return line

    def problem(self, path: str, message: str) -> str:
        """A complaint about a field, as one line."""
        where = f"{path}: " if path else ""
        return f"{self.source}:{self.line_of(path)}: {where}{message}"


def load_manifest(text: str | bytes, source: str) -> list[Document]:
    """The documents of a YAML stream or JSON text; the items of lists come one by one.

    `source` is the name that complaints give the file. Raises `ManifestError`.
    """
    if isinstance(text, bytes):
        text = _decoded(text, source)
    try:
        nodes = [_read_json(text)] if text.lstrip()[:1] == "{" else None
    except ValueError:
        nodes = None  # YAML may begin with a brace, too
    try:
        nodes = nodes or list(read_documents(text))
    except YamlError as error:
        raise ManifestError([f"{source}:{error.line}: {error.message}"]) from None
    return [document for node in nodes for document in _documents(node, source)]


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ManifestError([f"{source}:{line}: the file is not UTF-8 text"]) from None


def decode_document(document: Document, kinds: KindTable) -> Kind:
    """The object that a document describes. Raises `ManifestError`."""
    api_version = _name(document, "apiVersion")
    kind_name = _name(document, "kind")
    kind = kinds.by_kind(api_version, kind_name)
    if kind is None:
        problem = _unknown_kind(api_version, kind_name, kinds)
        raise ManifestError([document.problem(*problem)])
    try:
        return decode(kind, document.value)
    except DecodeFailure as failure:
        raise ManifestError(
            document.problem(error.path, error.message + error.hint) for error in failure.errors
        ) from None


def _name(document: Document, field: str) -> str:
    value = document.value.get(field)
    if isinstance(value, str) and value:
        return value
    message = "missing required field" if value in (None, "") else "expected string"
    raise ManifestError([document.problem(field, message)])


def _unknown_kind(api_version: str, kind_name: str, kinds: KindTable) -> tuple[str, str]:
    """The field that is most likely wrong, and what to say of it."""
    message = f'unknown kind "{kind_name}" in version "{api_version}"'
    versions = [kind.info.api_version for kind in kinds if kind.info.kind == kind_name]
    if versions:
        near = difflib.get_close_matches(api_version, versions, n=1) or versions
        return "apiVersion", f'{message}, did you mean version "{near[0]}"?'
    suggestion = kinds.suggest(kind_name)
    return "kind", message + (f', did you mean "{suggestion}"?' if suggestion else "")


def _documents(node: Node, source: str) -> list[Document]:
    if not isinstance(node.value, dict):
        name = "array" if isinstance(node.value, list) else type(node.value).__name__
        raise ManifestError([f"{source}:{node.line}: expected an object, got {name}"])
    kind = node.value.get("kind")
    items = node.members.get("items")
    is_list = isinstance(kind, str) and kind.endswith("List") and items is not None
    if not is_list or items is None or not isinstance(items[0].value, list):
        return [Document(source, node.value, node)]
    item_kind = {
        "apiVersion": node.value.get("apiVersion"),
        "kind": str(kind).removesuffix("List"),
    }
    expanded = []
    for item, _ in items[0].members.values():
        for document in _documents(item, source):
            if kind != "List" and "kind" not in document.value:
                document.value = item_kind | document.value
            expanded.append(document)
    return expanded


def _read_json(text: str) -> Node:
    """JSON text as a node; the lines come from reading it as YAML, where that can be done.

    Raises ValueError where it is not JSON.
    """
    try:
        value = json.loads(text, object_pairs_hook=_distinct_pairs, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # fails on half a surrogate pair
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        # Tabs are white space in JSON wherever they may stand, but not in YAML.
        for node in read_documents(text.replace("\t", " ")):
            node.value = value
            return node
    except YamlError:
        pass  # some escapes, such as surrogate pairs, are JSON's alone
    return _node_without_lines(value)


def _node_without_lines(value: Any) -> Node:
    node = Node(value, 1)
    if isinstance(value, dict):
        node.members = {key: (_node_without_lines(part), 1) for key, part in value.items()}
    elif isinstance(value, list):
        node.members = {index: (_node_without_lines(part), 1) for index, part in enumerate(value)}
    return node


def _distinct_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")  # said with its line by the YAML reader
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")
