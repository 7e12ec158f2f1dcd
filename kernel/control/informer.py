"""A kind in memory, with indexes, never behind the writes of this process.

Changes arrive through `Client.observe`, synchronously, before the write that made them returns:
whoever reads an informer after a write of their own sees it. Objects are shared between all
readers and must not be changed.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, cast

from kernel.api.client import Client, KindType, WatchEvent, WatchEventType
from kernel.objects.kind import Kind

ObjectKey = tuple[str, str]
IndexFunction = Callable[[Any], Iterable[str]]
ChangeHandler = Callable[[WatchEvent[Any], int], None]
SupersededHandler = Callable[[Any, int], None]


def key_of(obj: Kind) -> ObjectKey:
    """Namespace and name."""
    return obj.metadata.namespace, obj.metadata.name


class Informer(Generic[KindType]):
    """All objects of one kind, by key and by index."""

    def __init__(self, client: Client, kind: type[KindType]):
        self.kind = kind
        self._client = client
        self._objects: dict[ObjectKey, KindType] = {}
        self._revisions: dict[ObjectKey, int] = {}
        self._indexes: dict[str, dict[str, dict[ObjectKey, KindType]]] = {}
        self._index_functions: dict[str, IndexFunction] = {}
        self._handlers: list[ChangeHandler] = []
        self._superseded_handlers: list[SupersededHandler] = []
        self._stop: Callable[[], None] | None = None
        self._starting = True

    async def start(self) -> None:
        """Take in what there is; from here on the informer is never behind."""
        self._stop = self._client.observe(self.kind, self._apply)
        present = await self._client.list(self.kind)
        for obj in present:
            if key_of(obj) not in self._revisions:
                self._set(obj, int(obj.metadata.resource_version))
        # What was deleted while the list was on its way has a revision and no object.
        self._revisions = {
            key: revision for key, revision in self._revisions.items() if key in self._objects
        }
        self._starting = False

    def stop(self) -> None:
        """Take no more changes in."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Find objects by the values that `function(object)` gives, with `by_index`."""
        self._index_functions[name] = function
        self._indexes[name] = {}
        for key, obj in self._objects.items():
            self._index(name, key, obj)

    def on_change(self, handler: ChangeHandler) -> None:
        """Call `handler(event, revision)` for each change, after it has been taken in."""
        self._handlers.append(handler)

    def on_superseded(self, handler: SupersededHandler) -> None:
        """Call `handler(old_object, revision)` with each state that the change at `revision`
        replaces or removes, before `on_change`."""
        self._superseded_handlers.append(handler)

    def get(self, namespace: str, name: str) -> KindType | None:
        """One object."""
        return self._objects.get((namespace, name))

    def all(self) -> list[KindType]:
        """All objects, in no order."""
        return list(self._objects.values())

    def by_index(self, name: str, value: str) -> list[KindType]:
        """The objects for which the index function gave `value`."""
        return list(self._indexes[name].get(value, {}).values())

    def __len__(self) -> int:
        return len(self._objects)

    def _apply(self, event: WatchEvent[KindType], revision: int) -> None:
        key = key_of(event.object)
        if revision <= self._revisions.get(key, 0):
            return
        old = self._objects.get(key)
        if event.type is WatchEventType.DELETED:
            self._remove(key)
            if self._starting:
                self._revisions[key] = revision
        else:
            self._set(event.object, revision)
        if old is not None:
            for superseded_handler in self._superseded_handlers:
                superseded_handler(old, revision)
        for handler in self._handlers:
            handler(event, revision)

    def _set(self, obj: KindType, revision: int) -> None:
        key = key_of(obj)
        self._remove(key)
        self._objects[key] = obj
        self._revisions[key] = revision
        for name in self._index_functions:
            self._index(name, key, obj)

    def _remove(self, key: ObjectKey) -> None:
        old = self._objects.pop(key, None)
        self._revisions.pop(key, None)
        if old is None:
            return
        for name, function in self._index_functions.items():
            index = self._indexes[name]
            for value in function(old):
                entries = index.get(value)
                if entries is not None:
                    entries.pop(key, None)
                    if not entries:
                        del index[value]

    def _index(self, name: str, key: ObjectKey, obj: KindType) -> None:
        for value in self._index_functions[name](obj):
            self._indexes[name].setdefault(value, {})[key] = obj


class Informers:
    """One informer a kind, shared by everyone who asks."""

    def __init__(self, client: Client):
        self._client = client
        self._informers: dict[type[Kind], Informer[Any]] = {}
        self._has_started = False

    def of(self, kind: type[KindType]) -> Informer[KindType]:
        """The informer of a kind; it knows its objects once `start` has returned, so a kind must
        have been asked for before that."""
        if kind not in self._informers:
            assert not self._has_started, f"an informer of {kind.__name__} would stay empty"
            self._informers[kind] = Informer(self._client, kind)
        return cast(Informer[KindType], self._informers[kind])

    async def of_late(self, kind: type[KindType]) -> Informer[KindType]:
        """The informer of a kind that may have come after `start`, which knows its objects."""
        if kind not in self._informers:
            informer = Informer(self._client, kind)
            await informer.start()
            self._informers[kind] = informer
        return cast(Informer[KindType], self._informers[kind])

    async def start(self) -> None:
        """Start all that have been asked for."""
        self._has_started = True
        for informer in self._informers.values():
            await informer.start()

    def stop(self) -> None:
        """Stop all of them."""
        for informer in self._informers.values():
            informer.stop()
