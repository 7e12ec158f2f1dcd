"""Terminating namespaces: emptied, then let go.

A deleted Namespace stays while `kubernetes` is among its spec's finalizers. Everything in it is
deleted, Events last so that they can still tell of the rest; objects that take their time (Pods
with a grace period, objects with finalizers) come back as deletions, and then the finalizer goes.
The conditions are Kubernetes' (pkg/controller/namespace/deletion).
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

import msgspec

from kernel.api.client import Client, WatchEvent, WatchEventType
from kernel.api.errors import Conflict, NotFound
from kernel.clock import Clock, now_timestamp
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler, Request, RetryAfter, Trigger
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.namespace import Namespace, NamespaceCondition

NAME = "namespaces"
FINALIZER = "kubernetes"
CONFLICT_RETRY_SECONDS = 0.05


def namespaces(client: Client, informers: Informers, kinds: KindTable, clock: Clock) -> Reconciler:
    """The reconciler that ends namespaces. `client` tells it of deletions, `kinds` are all kinds
    that there may be objects of."""
    known = informers.of(Namespace)

    async def reconcile(request: Request, client: Client) -> None:
        try:
            namespace = await client.get(Namespace, request.name)
        except NotFound:
            return
        if _is_terminating(namespace):
            await _terminate(namespace, client, kinds, clock)

    @asynccontextmanager
    async def deletions(trigger: Trigger) -> AsyncIterator[None]:
        """An object of a terminating namespace has gone: it may have been the last."""

        def changed(event: WatchEvent[Kind], revision: int) -> None:
            if event.type is not WatchEventType.DELETED:
                return
            name = event.object.metadata.namespace
            namespace = known.get("", name)
            if namespace is not None and _is_terminating(namespace):
                trigger(Request(name), cause=revision)

        with ExitStack() as observers:
            for kind in _namespaced(kinds):
                end: Callable[[], None] = client.observe(kind, changed)
                observers.callback(end)
            yield

    return Reconciler(
        name=NAME,
        kind=Namespace,
        reconcile=reconcile,
        when=_is_terminating,
        sources=(deletions,),
    )


def _is_terminating(namespace: Namespace) -> bool:
    return namespace.metadata.deletion_timestamp is not None


def _namespaced(kinds: KindTable) -> list[type[Kind]]:
    """All kinds whose objects are in namespaces, Event last."""
    found = [kind for kind in kinds if kind.info.namespaced]
    return sorted(found, key=lambda kind: kind is Event)


async def _terminate(namespace: Namespace, client: Client, kinds: KindTable, clock: Clock) -> None:
    remaining: list[Kind] = []
    for kind in _namespaced(kinds):
        if kind is Event and remaining:
            break
        remaining += await _empty(kind, namespace.metadata.name, client)
    if not remaining and FINALIZER in namespace.spec.finalizers:
        namespace.spec.finalizers.remove(FINALIZER)
        write = client.update(namespace)
    else:
        conditions = _conditions(namespace, remaining, clock)
        if conditions == namespace.status.conditions:
            return
        namespace.status.conditions = conditions
        write = client.update_status(namespace)
    try:
        await write
    except NotFound:
        return
    except Conflict as error:
        raise RetryAfter(CONFLICT_RETRY_SECONDS, str(error)) from error


async def _empty(kind: type[Kind], namespace: str, client: Client) -> list[Kind]:
    """Delete the objects of a kind; answers those that are still there."""
    for obj in await client.list(kind, namespace=namespace):
        if obj.metadata.deletion_timestamp is None:
            try:
                await client.delete(kind, obj.metadata.name, namespace=namespace)
            except NotFound:
                continue
    return list(await client.list(kind, namespace=namespace))


def _conditions(
    namespace: Namespace, remaining: list[Kind], clock: Clock
) -> list[NamespaceCondition]:
    """All conditions of the namespace, in Kubernetes' words; those that don't change keep their
    time."""
    counts = Counter(obj.info.qualified_plural for obj in remaining)
    finalizers = Counter(name for obj in remaining for name in obj.metadata.finalizers)
    wanted = [
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
         "All resources successfully discovered"),
        ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
         "All legacy kube types successfully parsed"),
        ("NamespaceDeletionContentFailure", "False", "ContentDeleted",
         "All content successfully deleted, may be waiting on finalization"),
    ]  # fmt: skip
    if counts:
        told = [
            f"{plural if '.' in plural else plural + '.'} has {count} resource instances"
            for plural, count in sorted(counts.items())
        ]
        message = f"Some resources are remaining: {', '.join(told)}"
        wanted.append(("NamespaceContentRemaining", "True", "SomeResourcesRemain", message))
    else:
        message = "All content successfully removed"
        wanted.append(("NamespaceContentRemaining", "False", "ContentRemoved", message))
    if finalizers:
        told = [
            f"{name} in {count} resource instances" for name, count in sorted(finalizers.items())
        ]
        message = f"Some content in the namespace has finalizers remaining: {', '.join(told)}"
        wanted.append(("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", message))
    else:
        message = "All content-preserving finalizers finished"
        wanted.append(("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", message))
    present = {condition.type: condition for condition in namespace.status.conditions}
    return [
        _since(
            present.get(one[0]),
            NamespaceCondition(
                type=one[0],
                status=one[1],
                reason=one[2],
                message=one[3],
                last_transition_time=now_timestamp(clock),
            ),
        )
        for one in wanted
    ]


def _since(present: NamespaceCondition | None, new: NamespaceCondition) -> NamespaceCondition:
    if present is None or present.status != new.status:
        return new
    return msgspec.structs.replace(new, last_transition_time=present.last_transition_time)
