"""What a path under `/api/v1` or `/apis/GROUP/VERSION` stands for."""

from collections.abc import Sequence

import msgspec

from kernel.api.errors import NotFound
from kernel.apiserver.served_kinds import Kinds
from kernel.objects.kind import Kind, KindInfo

NAMESPACE_SUBRESOURCES = ("status", "finalize")


class Target(msgspec.Struct, frozen=True, gc=False):
    """All objects of a kind (`name` is empty), one of them, or a part of one.

    `namespace` is None for a list across namespaces, and empty for kinds that have none. Where it
    is asked for in an old version, `shown_as` is the kind in that one, and `warning` tells of it.
    """

    kind: type[Kind]
    namespace: str | None
    name: str = ""
    subresource: str = ""
    shown_as: type[Kind] | None = None
    warning: str = ""

    @property
    def info(self) -> KindInfo:
        """How the API knows the kind."""
        return self.kind.info

    @property
    def one_namespace(self) -> str:
        """The namespace of an object, for calls that need one."""
        return self.namespace or ""


class PathNotFound(NotFound):
    """There is nothing at this path, whatever objects there may be."""

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource")


class Place(msgspec.Struct, frozen=True, gc=False):
    """A path to objects, taken apart: `rest` is a kind's plural, then perhaps a name and a
    subresource; `namespace` is None where the path names none."""

    group: str
    version: str
    namespace: str | None
    rest: Sequence[str]


def stands_for_objects(segments: Sequence[str]) -> bool:
    """Whether a path is one of objects, and not of documents about the API."""
    length_min = {"api": 3, "apis": 4}.get(segments[0])
    return length_min is not None and len(segments) >= length_min


def divide(segments: Sequence[str]) -> Place:
    """Take a path to objects apart, given in segments from `api` or `apis` on."""
    if segments[0] == "api":
        group, version, rest = "", segments[1], segments[2:]
    else:
        group, version, rest = segments[1], segments[2], segments[3:]
    namespace: str | None = None
    in_namespace = len(rest) > 2 and rest[0] == "namespaces"
    if in_namespace and not (len(rest) == 3 and rest[2] in NAMESPACE_SUBRESOURCES):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3 and rest[2] == "proxy":
        rest = rest[:3]  # what follows is the path of whoever answers
    return Place(group, version, namespace, rest)


def resolve(kinds: Kinds, segments: Sequence[str]) -> Target:
    """The target of a path, given in segments from `api` or `apis` on. Raises `PathNotFound`."""
    place = divide(segments)
    namespace, rest = place.namespace, place.rest
    if not 1 <= len(rest) <= 3:
        raise PathNotFound
    kind = kinds.by_plural(place.group, place.version, rest[0])
    if kind is None or namespace == "" or not all(rest):
        raise PathNotFound
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not kind.info.namespaced:
        if namespace is not None:
            raise PathNotFound
        return Target(kind, "", name, subresource)
    if name and namespace is None:
        raise PathNotFound
    return Target(kind, namespace, name, subresource)
