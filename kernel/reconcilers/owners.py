"""Objects whose owners are gone are deleted, and owners that are being deleted let go of theirs.

An ownerReference names its owner by kind, name and uid; the owner is looked for in the namespace
of the object, or outside namespaces where its kind is. An object goes when all of its owners are
gone; one that names an owner of a kind that is not served here is left alone, because nobody can
say whether that owner lives. Events own nothing and are owned by nothing.

An owner that is deleted in the foreground stays, with a finalizer, until the dependents that block
it are gone: they are deleted as if it were gone. One whose dependents are to be orphaned stays
until none of them names it ("Garbage Collection" in Kubernetes' documentation).

Kinds that are defined while the kernel runs share one reconciler, whose keys are definitions and,
as they begin with a slash, keys of objects in the store: `/example.dev/gardens/default/first`.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from kernel.api.client import Client, WatchEvent, WatchEventType
from kernel.api.errors import Conflict, NotFound
from kernel.control.informer import Informer, Informers
from kernel.control.reconciler import Reconciler, Request, Source, Trigger
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import FOREGROUND_FINALIZER, ORPHAN_FINALIZER, OwnerReference

NAME = "owners"

_OWNER_UID_INDEX = "owner-uid"


def owners(informers: Informers, kinds: KindTable) -> list[Reconciler]:
    """One reconciler for each kind, and one for all that come later, with one memory of who owns
    what."""
    ownership = _Ownership(informers, kinds)
    return [
        *(ownership.reconciler_of(kind) for kind in ownership.kinds),
        ownership.reconciler_of_later_kinds(),
    ]


class _Ownership:
    """Who owns what, found by the informers' indexes."""

    def __init__(self, informers: Informers, kinds: KindTable):
        self.kinds = list(_one_version_each(kind for kind in kinds if kind is not Event))
        self._kind_table = kinds
        self._informers = informers
        self._triggers: dict[type[Kind], Trigger] = {}
        self._by_key_prefix: dict[str, type[Kind]] = {}
        self._later_kinds: set[type[Kind]] = set()
        self._trigger_of_later: Trigger | None = None
        for kind in self.kinds:
            self._follow(kind, informers.of(kind))

    def _follow(self, kind: type[Kind], informer: Informer[Any]) -> None:
        self._by_key_prefix.setdefault(kind.info.key_prefix(), kind)
        informer.add_index(_OWNER_UID_INDEX, _owner_uids)
        informer.on_change(self._changed)
        informer.on_superseded(self._superseded)

    def reconciler_of(self, kind: type[Kind]) -> Reconciler:
        """The reconciler of one kind's objects, as owners and as dependents."""

        async def reconcile(request: Request, client: Client) -> None:
            await self._care_for(kind, request.namespace, request.name, client)

        return Reconciler(
            name=f"{NAME}/{kind.info.qualified_plural}",
            kind=kind,
            reconcile=reconcile,
            when=self._needs_care,
            sources=(self._source_of(kind),),
        )

    def reconciler_of_later_kinds(self) -> Reconciler:
        """The reconciler of the objects of kinds that are defined later, and of what defines
        them."""

        async def reconcile(request: Request, client: Client) -> None:
            if not request.name.startswith("/"):
                await self._take_in_later_kinds()
                return
            _, group, plural, namespace, name = request.name.split("/")
            kind = self._by_key_prefix[f"/{group}/{plural}/"]
            await self._care_for(kind, namespace, name, client)

        @asynccontextmanager
        async def source(trigger: Trigger) -> AsyncIterator[None]:
            self._trigger_of_later = trigger
            yield
            self._trigger_of_later = None

        return Reconciler(
            name=f"{NAME}/later-kinds",
            kind=CustomResourceDefinition,
            reconcile=reconcile,
            sources=(source,),
        )

    async def _take_in_later_kinds(self) -> None:
        """Follow the kinds that are new, and judge what names an owner of such a kind."""
        new = []
        for kind in self._kind_table:
            if kind.info.key_prefix() not in self._by_key_prefix:
                informer = await self._informers.of_late(kind)
                self._later_kinds.add(kind)
                self._follow(kind, informer)
                self.kinds.append(kind)
                new.append(kind)
        if new:
            for kind in self.kinds:
                for obj in self._informers.of(kind).all():
                    if obj.metadata.owner_references and self._needs_care(obj):
                        self._look_at(obj, 0)

    async def _care_for(self, kind: type[Kind], namespace: str, name: str, client: Client) -> None:
        obj = self._informers.of(kind).get(namespace, name)
        if obj is None:
            return
        if obj.metadata.deletion_timestamp is None:
            await self._judge_owners(obj, client)
        elif ORPHAN_FINALIZER in obj.metadata.finalizers:
            await self._orphan_dependents(obj, client)
        elif _waits_for_dependents(obj) and not self._blocking(obj):
            await _remove_finalizer(obj, FOREGROUND_FINALIZER, client)

    def _needs_care(self, obj: Kind) -> bool:
        metadata = obj.metadata
        if metadata.deletion_timestamp is not None:
            return ORPHAN_FINALIZER in metadata.finalizers or _waits_for_dependents(obj)
        return any(not self._holds(one, metadata.namespace) for one in metadata.owner_references)

    async def _judge_owners(self, obj: Kind, client: Client) -> None:
        """Delete an object without an owner that holds it; else forget the owners that don't."""
        metadata = obj.metadata
        references = metadata.owner_references
        holding = [one for one in references if self._holds(one, metadata.namespace)]
        if len(holding) == len(references):
            return
        if holding:
            await _set_owners(obj, holding, client)
            return
        owners = [self._owner(one, metadata.namespace) for one in references]
        dependents = self._dependents(obj)
        if not dependents or not any(owner and _waits_for_dependents(owner) for owner in owners):
            await _delete(obj, client)
            return
        if any(_waits_for_dependents(dependent) for dependent in dependents):
            # They own each other: somebody has to stop blocking.
            for one in references:
                if one.block_owner_deletion:
                    await _set_owners(obj, [_unblocking(one) for one in references], client)
                    return
        await _delete(obj, client, propagation_policy="Foreground")

    async def _orphan_dependents(self, owner: Kind, client: Client) -> None:
        uid = owner.metadata.uid
        for dependent in self._dependents(owner):
            others = [one for one in dependent.metadata.owner_references if one.uid != uid]
            await _set_owners(dependent, others, client)
        if not self._dependents(owner):  # else one has changed meanwhile, which comes back here
            await _remove_finalizer(owner, ORPHAN_FINALIZER, client)

    def _dependents(self, owner: Kind) -> list[Kind]:
        uid = owner.metadata.uid
        return [
            dependent
            for kind in self.kinds
            for dependent in self._informers.of(kind).by_index(_OWNER_UID_INDEX, uid)
        ]

    def _blocking(self, owner: Kind) -> list[Kind]:
        """The dependents that an owner has to outlive when it is deleted in the foreground."""
        uid = owner.metadata.uid
        return [
            dependent
            for dependent in self._dependents(owner)
            if any(
                one.uid == uid and one.block_owner_deletion
                for one in dependent.metadata.owner_references
            )
        ]

    def _source_of(self, kind: type[Kind]) -> Source:
        @asynccontextmanager
        async def source(trigger: Trigger) -> AsyncIterator[None]:
            self._triggers[kind] = trigger
            yield
            del self._triggers[kind]

        return source

    def _changed(self, event: WatchEvent[Kind], revision: int) -> None:
        """Where an owner has gone, or waits for its dependents, look at what it owns."""
        if event.type is WatchEventType.DELETED or _waits_for_dependents(event.object):
            for dependent in self._dependents(event.object):
                self._look_at(dependent, revision)
        is_later = type(event.object) in self._later_kinds
        if is_later and event.type is not WatchEventType.DELETED and self._needs_care(event.object):
            self._look_at(event.object, revision)

    def _superseded(self, old: Kind, revision: int) -> None:
        """Where a dependent has changed or gone, look at the owners that wait for it."""
        metadata = old.metadata
        for reference in metadata.owner_references:
            owner = self._owner(reference, metadata.namespace)
            if owner is not None and self._needs_care(owner):
                self._look_at(owner, revision)

    def _look_at(self, obj: Kind, cause: int) -> None:
        metadata = obj.metadata
        if type(obj) in self._later_kinds:
            if self._trigger_of_later is not None:
                key = obj.info.key(metadata.namespace, metadata.name)
                self._trigger_of_later(Request(key), cause=cause)
            return
        trigger = self._triggers.get(type(obj))
        if trigger is not None:
            trigger(Request(metadata.name, metadata.namespace), cause=cause)

    def _holds(self, reference: OwnerReference, namespace: str) -> bool:
        """Whether the owner that is named keeps its dependents alive."""
        if self._kind_of(reference) is None:
            return True
        owner = self._owner(reference, namespace)
        return owner is not None and not _waits_for_dependents(owner)

    def _owner(self, reference: OwnerReference, namespace: str) -> Kind | None:
        """The owner that is named, where it is of a kind that is served, and is there."""
        kind = self._kind_of(reference)
        if kind is None:
            return None
        namespace = namespace if kind.info.namespaced else ""
        found = self._informers.of(kind).get(namespace, reference.name)
        return found if found is not None and found.metadata.uid == reference.uid else None

    def _kind_of(self, reference: OwnerReference) -> type[Kind] | None:
        """The kind of an owner, as it is followed here: in one of its versions."""
        kind = self._kind_table.by_kind(reference.api_version, reference.kind)
        if kind is None or kind is Event:
            return None
        return self._by_key_prefix.get(kind.info.key_prefix())


def _one_version_each(kinds: Iterable[type[Kind]]) -> Iterable[type[Kind]]:
    """Of kinds in several versions the first: their objects are the same."""
    return {kind.info.key_prefix(): kind for kind in reversed(list(kinds))}.values()


def _waits_for_dependents(obj: Kind) -> bool:
    metadata = obj.metadata
    return metadata.deletion_timestamp is not None and FOREGROUND_FINALIZER in metadata.finalizers


def _unblocking(reference: OwnerReference) -> OwnerReference:
    return msgspec.structs.replace(reference, block_owner_deletion=False)


def _owner_uids(obj: Any) -> list[str]:
    return [owner.uid for owner in obj.metadata.owner_references]


async def _delete(obj: Kind, client: Client, *, propagation_policy: str | None = None) -> None:
    """Delete exactly the object that has been judged: a change to it starts over. Without a policy
    its finalizers say what becomes of its dependents."""
    metadata = obj.metadata
    try:
        await client.delete(
            type(obj),
            metadata.name,
            namespace=metadata.namespace or None,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
            propagation_policy=propagation_policy,
        )
    except (NotFound, Conflict):
        return  # the change that came between has been queued


async def _set_owners(obj: Kind, references: list[OwnerReference], client: Client) -> None:
    await _change(obj, {"ownerReferences": msgspec.to_builtins(references)}, client)


async def _remove_finalizer(obj: Kind, finalizer: str, client: Client) -> None:
    others = [one for one in obj.metadata.finalizers if one != finalizer]
    await _change(obj, {"finalizers": others}, client)


async def _change(obj: Kind, metadata_changes: dict[str, Any], client: Client) -> None:
    """Change the metadata of exactly the object that has been judged."""
    metadata = obj.metadata
    judged = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
    try:
        await client.patch(
            type(obj),
            metadata.name,
            {"metadata": judged | metadata_changes},
            namespace=metadata.namespace or None,
        )
    except (NotFound, Conflict):
        return  # the change that came between has been queued
