"""Terminating namespaces: emptied, then let go.

A deleted Namespace stays while `kubernetes` is among its spec's finalizers. Everything in it is
deleted, Events last so that they can still tell of the rest; objects that take their time (Pods
with a grace period, objects with finalizers) come back as deletions, and then the finalizer goes.
The conditions are Kubernetes' (pkg/controller/namespace/deletion).
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

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
    deletions = _Deletions(client, informers, kinds)

    async def reconcile(request: Request, client: Client) -> None:
        try:
            namespace = await client.get(Namespace, request.name)
        except NotFound:
            return
        if _is_terminating(namespace):
            deletions.follow_kinds()
            await _terminate(namespace, client, kinds, clock)

    return Reconciler(
        name=NAME,
        kind=Namespace,
        reconcile=reconcile,
        when=_is_terminating,
        sources=(deletions.source,),
    )


class _Deletions:
    """Has a terminating namespace looked at when an object in it has gone: it may have been the
    last."""

    def __init__(self, client: Client, informers: Informers, kinds: KindTable):
        self._client = client
        self._known = informers.of(Namespace)
        self._kinds = kinds
        self._trigger: Trigger | None = None
        self._ends: dict[type[Kind], Callable[[], None]] = {}

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        self._trigger = trigger
        self.follow_kinds()
        try:
            yield
        finally:
            self._trigger = None
            for end in self._ends.values():
                end()
            self._ends = {}

    def follow_kinds(self) -> None:
        """Follow all kinds that there are now: definitions may have brought some since."""
        for kind in _namespaced(self._kinds):
            if kind not in self._ends and self._trigger is not None:
                self._ends[kind] = self._client.observe(kind, self._changed)

    def _changed(self, event: WatchEvent[Kind], revision: int) -> None:
        if event.type is not WatchEventType.DELETED:
            return
        name = event.object.metadata.namespace
        namespace = self._known.get("", name)
        if namespace is not None and _is_terminating(namespace) and self._trigger is not None:
            self._trigger(Request(name), cause=revision)


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
    """All conditions of the namespace; those whose status stays as it was keep their time."""
    present = {condition.type: condition for condition in namespace.status.conditions}
    conditions = [
        NamespaceCondition(
            type=type,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=now_timestamp(clock),
        )
        for type, status, reason, message in (
            *_NO_FAILURES,
            _content_remaining(remaining),
            _finalizers_remaining(remaining),
        )
    ]
    for condition in conditions:
        before = present.get(condition.type)
        if before is not None and before.status == condition.status:
            condition.last_transition_time = before.last_transition_time
    return conditions


_Told = tuple[str, str, str, str]

# In Kubernetes these can fail, because the kinds are found out from other servers.
_NO_FAILURES: tuple[_Told, ...] = (
    ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
     "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
     "All legacy kube types successfully parsed"),
    ("NamespaceDeletionContentFailure", "False", "ContentDeleted",
     "All content successfully deleted, may be waiting on finalization"),
)  # fmt: skip


def _content_remaining(remaining: list[Kind]) -> _Told:
    type = "NamespaceContentRemaining"
    if not remaining:
        return type, "False", "ContentRemoved", "All content successfully removed"
    # Kubernetes writes `pods.`: plural, a dot, and the (empty) group.
    counts = Counter(f"{obj.info.plural}.{obj.info.group}" for obj in remaining)
    listed = ", ".join(f"{name} has {n} resource instances" for name, n in sorted(counts.items()))
    return type, "True", "SomeResourcesRemain", f"Some resources are remaining: {listed}"


def _finalizers_remaining(remaining: list[Kind]) -> _Told:
    type = "NamespaceFinalizersRemaining"
    counts = Counter(name for obj in remaining for name in obj.metadata.finalizers)
    if not counts:
        message = "All content-preserving finalizers finished"
        return type, "False", "ContentHasNoFinalizers", message
    listed = ", ".join(f"{name} in {n} resource instances" for name, n in sorted(counts.items()))
    message = f"Some content in the namespace has finalizers remaining: {listed}"
    return type, "True", "SomeFinalizersRemain", message
