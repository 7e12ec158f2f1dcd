"""The cursors that watches over HTTP read by; they end with what they are about.

The kind of a CustomResourceDefinition is served no more once that is deleted, or its version is
switched off. A cursor of such a kind answers what there still is, the deletion of the last objects
above all, and is over then. Source of the rule: k8s.io/apiextensions-apiserver, which ends the
watches of a kind as it tears down its storage.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.api.object_api import ObjectApi
from kernel.api.watching import StoredWatch
from kernel.apiserver.watching.subject import Subject
from kernel.objects.custom_object import CustomObject


class KindGone(Exception):
    """The kind is served no more: a watch of it is over, and nothing is wrong."""


class Cursors:
    """Opens cursors, and ends those of kinds that go."""

    def __init__(self, api: ObjectApi):
        self._api = api
        self._by_kind: dict[type[CustomObject], set[StoredWatch]] = {}
        api.custom_kinds.when_gone(self._end)

    @contextmanager
    def open(self, subject: Subject, from_revision: int) -> Iterator[StoredWatch]:
        """A cursor over what comes after a revision. Raises `Expired`."""
        kind = subject.kind
        with self._api.watch(
            kind,
            namespace=subject.namespace,
            label_selector=subject.label_selector,
            field_selector=subject.field_selector,
            from_revision=from_revision,
        ) as cursor:
            if not issubclass(kind, CustomObject):
                yield cursor
                return
            cursors = self._by_kind.setdefault(kind, set())
            cursors.add(cursor)
            if kind not in self._api.kinds:  # it has gone since the request came
                cursor.end()
            try:
                yield cursor
            finally:
                cursors.discard(cursor)

    def _end(self, kind: type[CustomObject]) -> None:
        for cursor in self._by_kind.pop(kind, ()):
            cursor.end()
