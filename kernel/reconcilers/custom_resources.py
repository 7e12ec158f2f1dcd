"""CustomResourceDefinitions that are deleted take the objects of their kind with them; those whose
names were taken are looked at again when names become free.

A deleted definition stays, with a finalizer, until the last of its objects is gone. Source of the
rules: k8s.io/apiextensions-apiserver, pkg/controller/{finalizer,status}.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kernel.api.client import Client, WatchEvent, WatchEventType
from kernel.api.custom_resources.establishment import (
    ESTABLISHED,
    NAMES_ACCEPTED,
    continue_termination,
)
from kernel.api.errors import Conflict, NotFound
from kernel.clock import Clock, now_timestamp
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler, Request, RetryAfter, Trigger
from kernel.objects.custom_object import custom_kind
from kernel.objects.custom_resource_definition import (
    CLEANUP_FINALIZER,
    CustomResourceDefinition,
)
from kernel.objects.kind import Kind

NAME = "custom-resources"
CONFLICT_RETRY_SECONDS = 0.05


def custom_resources(client: Client, informers: Informers, clock: Clock) -> Reconciler:
    """The reconciler of definitions. `client` tells it of deletions."""
    return _Definitions(client, informers, clock).reconciler()


class _Definitions:
    def __init__(self, client: Client, informers: Informers, clock: Clock):
        self._client = client
        self._clock = clock
        self._informer = informers.of(CustomResourceDefinition)
        self._trigger: Trigger | None = None
        self._observed: dict[str, Callable[[], None]] = {}

    def reconciler(self) -> Reconciler:
        self._informer.on_change(self._changed)
        return Reconciler(
            name=NAME,
            kind=CustomResourceDefinition,
            reconcile=self._reconcile,
            when=_needs_care,
            sources=(self._source,),
        )

    @asynccontextmanager
    async def _source(self, trigger: Trigger) -> AsyncIterator[None]:
        self._trigger = trigger
        try:
            yield
        finally:
            self._trigger = None
            for end in self._observed.values():
                end()
            self._observed = {}

    def _changed(self, event: WatchEvent[CustomResourceDefinition], revision: int) -> None:
        """The names of a definition that is gone are free for others of its group."""
        if event.type is not WatchEventType.DELETED:
            return
        end = self._observed.pop(event.object.metadata.name, None)
        if end is not None:
            end()
        for other in self._informer.all():
            if other.spec.group == event.object.spec.group and _lacks_names(other):
                self._look_at(other.metadata.name, revision)

    def _look_at(self, name: str, cause: int) -> None:
        if self._trigger is not None:
            self._trigger(Request(name), cause=cause)

    async def _reconcile(self, request: Request, client: Client) -> None:
        definition = await client.get(CustomResourceDefinition, request.name)
        try:
            if definition.metadata.deletion_timestamp is None:
                # Whoever writes a definition gets its names anew among those of all others.
                await client.update(definition)
            elif CLEANUP_FINALIZER in definition.metadata.finalizers:
                await self._terminate(definition, client)
        except NotFound:
            return
        except Conflict as error:
            raise RetryAfter(CONFLICT_RETRY_SECONDS, str(error)) from error

    async def _terminate(self, definition: CustomResourceDefinition, client: Client) -> None:
        kind = _kind_of(definition)
        if kind is not None and await self._remain(definition, kind, client):
            before = list(definition.status.conditions)
            continue_termination(definition, now_timestamp(self._clock))
            if definition.status.conditions != before:
                await client.update_status(definition)
            return
        definition.metadata.finalizers.remove(CLEANUP_FINALIZER)
        await client.update(definition)

    async def _remain(
        self, definition: CustomResourceDefinition, kind: type[Kind], client: Client
    ) -> bool:
        """Delete the objects of a kind; answers whether any is still there, as one with finalizers
        is. When one has gone, this is done again."""
        name = definition.metadata.name
        if name not in self._observed:

            def changed(event: WatchEvent[Kind], revision: int) -> None:
                if event.type is WatchEventType.DELETED:
                    self._look_at(name, revision)

            self._observed[name] = self._client.observe(kind, changed)
        for obj in await client.list(kind):
            if obj.metadata.deletion_timestamp is None:
                try:
                    namespace = obj.metadata.namespace or None
                    await client.delete(kind, obj.metadata.name, namespace=namespace)
                except NotFound:
                    continue
        return bool(await client.list(kind, limit=1))


def _kind_of(definition: CustomResourceDefinition) -> type[Kind] | None:
    """The kind as it is stored; None where it was never served."""
    if not definition.has_condition(ESTABLISHED):
        return None
    stored = next(version for version in definition.spec.versions if version.storage)
    return custom_kind(definition, stored)


def _needs_care(definition: CustomResourceDefinition) -> bool:
    return definition.metadata.deletion_timestamp is not None or _lacks_names(definition)


def _lacks_names(definition: CustomResourceDefinition) -> bool:
    return not definition.has_condition(NAMES_ACCEPTED)
