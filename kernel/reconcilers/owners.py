"""Objects whose owners are gone are deleted.

An ownerReference names its owner by kind, name and uid; the owner is looked for in the namespace
of the object, or outside namespaces where its kind is. An object goes when all of its owners are
gone; one that names an owner of a kind that is not served here is left alone, because nobody can
say whether that owner lives. Events own nothing and are owned by nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kernel.api.client import Client, WatchEvent, WatchEventType
from kernel.api.errors import Conflict, NotFound
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler, Request, Source, Trigger
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import OwnerReference

NAME = "owners"

_OWNER_UID_INDEX = "owner-uid"


def owners(informers: Informers, kinds: KindTable) -> list[Reconciler]:
    """One reconciler for each kind, all with one memory of who owns what."""
    ownership = _Ownership(informers, kinds)
    return [ownership.reconciler_of(kind) for kind in ownership.kinds]


class _Ownership:
    """Who owns what, found by the informers' indexes."""

    def __init__(self, informers: Informers, kinds: KindTable):
        self.kinds = [kind for kind in kinds if kind is not Event]
        self._kind_table = kinds
        self._informers = informers
        self._triggers: dict[type[Kind], Trigger] = {}
        for kind in self.kinds:
            informer = informers.of(kind)
            informer.add_index(_OWNER_UID_INDEX, _owner_uids)
            informer.on_change(self._changed)

    def reconciler_of(self, kind: type[Kind]) -> Reconciler:
        """The reconciler that deletes the orphans of one kind."""

        async def reconcile(request: Request, client: Client) -> None:
            obj = self._informers.of(kind).get(request.namespace, request.name)
            if obj is not None and self._is_orphan(obj):
                await _delete(obj, client)

        return Reconciler(
            name=f"{NAME}/{kind.info.qualified_plural}",
            kind=kind,
            reconcile=reconcile,
            when=self._is_orphan,
            sources=(self._source_of(kind),),
        )

    def _source_of(self, kind: type[Kind]) -> Source:
        @asynccontextmanager
        async def source(trigger: Trigger) -> AsyncIterator[None]:
            self._triggers[kind] = trigger
            yield
            del self._triggers[kind]

        return source

    def _changed(self, event: WatchEvent[Kind], revision: int) -> None:
        """Where an owner has gone, look at what it owned."""
        if event.type is not WatchEventType.DELETED:
            return
        uid = event.object.metadata.uid
        for kind, trigger in self._triggers.items():
            for dependent in self._informers.of(kind).by_index(_OWNER_UID_INDEX, uid):
                metadata = dependent.metadata
                trigger(Request(metadata.name, metadata.namespace), cause=revision)

    def _is_orphan(self, obj: Kind) -> bool:
        metadata = obj.metadata
        return (
            bool(metadata.owner_references)
            and metadata.deletion_timestamp is None
            and not any(self._lives(one, metadata.namespace) for one in metadata.owner_references)
        )

    def _lives(self, owner: OwnerReference, namespace: str) -> bool:
        kind = self._kind_table.by_kind(owner.api_version, owner.kind)
        if kind is None or kind is Event:
            return True
        found = self._informers.of(kind).get(namespace if kind.info.namespaced else "", owner.name)
        return found is not None and found.metadata.uid == owner.uid


def _owner_uids(obj: Any) -> list[str]:
    return [owner.uid for owner in obj.metadata.owner_references]


async def _delete(obj: Kind, client: Client) -> None:
    """Delete exactly the object that has been judged: a change to it starts over."""
    metadata = obj.metadata
    try:
        await client.delete(
            type(obj),
            metadata.name,
            namespace=metadata.namespace or None,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            propagation_policy="Background",
        )
    except (NotFound, Conflict):
        return  # the change that came between has been queued
