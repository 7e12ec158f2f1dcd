"""The kinds that the server speaks of: those that are stored, measured, or only asked with."""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from kernel.objects.authentication import SelfSubjectReview, TokenReview
from kernel.objects.authorization import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
)
from kernel.objects.kind import Kind, KindInfo
from kernel.objects.kinds import KindTable
from kernel.objects.metrics import NodeMetrics, PodMetrics

MEASURED_KINDS: tuple[type[Kind], ...] = (NodeMetrics, PodMetrics)
ASKED_KINDS: tuple[type[Kind], ...] = (
    *(TokenReview, SelfSubjectReview),
    *(SelfSubjectAccessReview, SelfSubjectRulesReview),
    *(SubjectAccessReview, LocalSubjectAccessReview),
)
"""Objects that are sent to be completed, and never stored."""

_READING_VERBS = ["get", "list"]
_ASKING_VERBS = ["create"]
_ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def verbs_of(info: KindInfo) -> list[str]:
    """What can be done with objects of a kind."""
    if is_asked(info):
        return _ASKING_VERBS
    measured = any(info == kind.info for kind in MEASURED_KINDS)
    return _READING_VERBS if measured else _ALL_VERBS


def is_asked(info: KindInfo) -> bool:
    """Whether it is one of `ASKED_KINDS`."""
    return any(info == kind.info for kind in ASKED_KINDS)


class Kinds(Protocol):
    """What discovery and routing need of a table of kinds."""

    @property
    def changes(self) -> int:
        """How often it has changed: a number that differs when anything does."""
        ...

    def __iter__(self) -> Iterator[type[Kind]]: ...

    def groups(self) -> list[tuple[str, list[str]]]: ...

    def by_plural(self, group: str, version: str, plural: str) -> type[Kind] | None: ...


class ServedKinds:
    """A table of stored kinds, which may grow while the server runs, with others beside it."""

    def __init__(self, stored: KindTable, others: Sequence[type[Kind]] = ()):
        self.stored = stored
        self._others = KindTable(others)

    def without(self, kinds: Collection[type[Kind]]) -> "ServedKinds":
        """The same without some of those that stand beside the table."""
        return ServedKinds(self.stored, [kind for kind in self._others if kind not in kinds])

    @property
    def changes(self) -> int:
        """How often the stored kinds have changed."""
        return self.stored.changes

    def __iter__(self) -> Iterator[type[Kind]]:
        yield from self.stored
        yield from self._others

    def groups(self) -> list[tuple[str, list[str]]]:
        """Each group with its versions, stored ones first."""
        found = {group: list(versions) for group, versions in self.stored.groups()}
        for group, versions in self._others.groups():
            known = found.setdefault(group, [])
            known += [version for version in versions if version not in known]
        return list(found.items())

    def by_plural(self, group: str, version: str, plural: str) -> type[Kind] | None:
        """The kind behind a path."""
        found = self.stored.by_plural(group, version, plural)
        return found or self._others.by_plural(group, version, plural)
