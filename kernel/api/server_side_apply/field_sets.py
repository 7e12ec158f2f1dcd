"""Sets of fields of an object, as metadata.managedFields writes them (FieldsV1).

A set is a tree of path elements, each of which may itself be in the set:

    f:NAME       a field of a struct, or a key of a map
    k:{"a":"b"}  the element of a list whose merge keys have these values
    v:VALUE      the element of a list of plain values
    i:NUMBER     the element at a place, where nothing better tells it apart

    {"f:labels": {".": {}, "f:app": {}}}     labels itself, and app in it
    {"f:labels": {"f:app": {}}}              app alone

Sets are values: no operation changes its operands. The format is Kubernetes' (see "Server-Side
Apply" in its documentation, and sigs.k8s.io/structured-merge-diff).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

Path = tuple[str, ...]


class FieldSetError(ValueError):
    """What is given is no FieldsV1."""


class FieldSet(msgspec.Struct, frozen=True):
    """A field (`member`: whether it is in the set) and what is in the set below it."""

    member: bool = False
    children: Mapping[str, "FieldSet"] = {}

    def __bool__(self) -> bool:
        return self.member or bool(self.children)

    @staticmethod
    def of(paths: Iterable[Path]) -> "FieldSet":
        """The set of these paths."""
        root: dict[str, Any] = {}
        for path in paths:
            place = root
            for element in path:
                place = place.setdefault(element, {})
            place["."] = {}
        return _from_tree(root)

    def paths(self) -> Iterator[Path]:
        """All that is in the set, parents before their children."""
        if self.member:
            yield ()
        for element, child in self.children.items():
            for path in child.paths():
                yield (element, *path)

    def union(self, other: "FieldSet") -> "FieldSet":
        """What is in either."""
        children = dict(self.children)
        for element, child in other.children.items():
            present = children.get(element)
            children[element] = child if present is None else present.union(child)
        return FieldSet(self.member or other.member, children)

    def difference(self, other: "FieldSet") -> "FieldSet":
        """What is here and not in `other`; a field's absence says nothing of those below it."""
        children = {
            element: left
            for element, child in self.children.items()
            if (left := child.difference(other.children.get(element, EMPTY)))
        }
        return FieldSet(self.member and not other.member, children)

    def intersection(self, other: "FieldSet") -> "FieldSet":
        """What is in both."""
        children = {
            element: common
            for element, child in self.children.items()
            if element in other.children and (common := child.intersection(other.children[element]))
        }
        return FieldSet(self.member and other.member, children)

    def encode(self) -> dict[str, Any]:
        """FieldsV1 as plain JSON values."""
        encoded: dict[str, Any] = {}
        for element, child in sorted(self.children.items()):
            inner = child.encode()
            if child.member and inner:
                inner = {".": {}} | inner
            encoded[element] = inner
        return encoded

    @staticmethod
    def decode(encoded: Any) -> "FieldSet":
        """The set that FieldsV1 stands for. Raises `FieldSetError`."""
        try:
            return FieldSet(False, _decoded_children(encoded))
        except RecursionError:
            raise FieldSetError("nested too deeply") from None


EMPTY = FieldSet()


def _from_tree(tree: Mapping[str, Any]) -> FieldSet:
    children = {element: _from_tree(inner) for element, inner in tree.items() if element != "."}
    return FieldSet("." in tree, children)


def _decoded_children(encoded: Any) -> dict[str, FieldSet]:
    if not isinstance(encoded, Mapping):
        raise FieldSetError("a set of fields is an object of objects")
    children = {}
    for element, inner in encoded.items():
        if element == ".":
            continue
        _require_element(element)
        below = _decoded_children(inner)
        children[element] = FieldSet(not inner or "." in inner, below)
    return children


def _require_element(element: str) -> None:
    kind, text = element[:2], element[2:]
    try:
        if kind == "f:":
            return
        if kind == "k:" and isinstance(msgspec.json.decode(text), dict):
            return
        if kind in ("v:", "i:"):
            msgspec.json.decode(text)
            return
    except (msgspec.DecodeError, RecursionError):
        pass
    raise FieldSetError(f"{element!r} is no path element")


def shown(path: Path) -> str:
    """A path as people read it: `.spec.containers[name="web"].image`."""
    return "".join(_shown_element(element) for element in path)


def _shown_element(element: str) -> str:
    kind, text = element[:2], element[2:]
    if kind == "f:":
        return f".{text}"
    if kind == "k:":
        keys = msgspec.json.decode(text)
        listed = (f"{name}={msgspec.json.encode(value).decode()}" for name, value in keys.items())
        return f"[{','.join(listed)}]"
    return f"[={text}]" if kind == "v:" else f"[{text}]"
