"""Namespaces that were found to be there and not ending, until the log says otherwise.

Every create asks for its namespace. Reading it anew each time takes a turn of the lock that the
log's writer needs as well, for an answer that hardly ever changes.
"""

from kernel.objects.namespace import Namespace
from kernel.store.schema import Entry
from kernel.store.store import Store, StoreReader


class LivingNamespaces:
    """The names of living namespaces. Of a store that nobody here writes, nothing is remembered:
    there is no telling when it changes."""

    def __init__(self, store: StoreReader):
        self._living: set[str] = set()
        self._may_remember = isinstance(store, Store)
        if isinstance(store, Store):
            store.observe(Namespace.info.key_prefix(), self._changed)

    def __contains__(self, name: object) -> bool:
        return name in self._living

    def add(self, name: str) -> None:
        """The namespace is there, and not ending."""
        if self._may_remember:
            self._living.add(name)

    def _changed(self, entry: Entry) -> None:
        self._living.discard(entry.key.rpartition("/")[2])
