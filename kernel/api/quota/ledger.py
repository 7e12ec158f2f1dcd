"""The counts of ResourceQuotas, kept within the very writes that they count.

A write that changes how much of a quota is used carries the quota's new status as one more
operation: both happen or neither. Such writes of one namespace go one after the other, so that
each sees the counts of those before it. A new or changed quota is counted anew in its own write,
once all writes that are under way have come through. Where a namespace has no quota, nothing is
read, decoded or waited for.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import msgspec

from kernel.api.errors import Forbidden, UnreadableObject
from kernel.api.planning import Plan
from kernel.api.quota.charging import Change, charge, counted
from kernel.api.quota.usage import counts
from kernel.api.stored import encode
from kernel.api.upcasting import Upcasters
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.resource_policies import ResourceQuota
from kernel.store.errors import Compacted
from kernel.store.log import Operation, Write
from kernel.store.schema import Entry, Verb
from kernel.store.store import Store

_PREFIX = ResourceQuota.info.key_prefix()


class QuotaLedger:
    """Knows which namespaces have quotas, and what these count."""

    def __init__(self, store: Store, kinds: KindTable, upcasters: Upcasters):
        self._store = store
        self._kinds = kinds
        self._upcasters = upcasters
        self._names: dict[str, dict[str, frozenset[str]]] = {}  # namespace, quota → what it counts
        self._locks: dict[str, anyio.Lock] = {}
        for item in store.scan(_PREFIX)[0]:
            self._learn(item.key, item.value)
        store.observe(_PREFIX, self._observe)

    def concerns(self, plans: Iterable[Plan]) -> bool:
        """Whether a write changes what some quota counts, or a quota."""
        if self._names or self._locks:
            return any(self._is_counted(plan) for plan in plans)
        return ResourceQuota in [plan.kind for plan in plans]

    @asynccontextmanager
    async def charged(self, plans: Sequence[Plan]) -> AsyncIterator[list[Plan]]:
        """The plans of a write with those that keep the counts. The write is to be made before
        this is left. Raises `Forbidden` where a quota is exceeded."""
        namespaces = sorted({_namespace(plan) for plan in plans if self._is_counted(plan)})
        async with AsyncExitStack() as stack:
            for namespace in namespaces:
                await stack.enter_async_context(self._turn(namespace))
            if any(_is_new_count(plan) for plan in plans):
                await self._store.commit(Write(()))  # all that were before it have come through
            yield self._completed(plans, namespaces)

    @asynccontextmanager
    async def _turn(self, namespace: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(namespace, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            statistics = lock.statistics()
            if not statistics.locked and not statistics.tasks_waiting:
                self._locks.pop(namespace, None)

    def _is_counted(self, plan: Plan) -> bool:
        if plan.operation is None:
            return False
        if plan.kind is ResourceQuota or _namespace(plan) in self._locks:
            return True
        quotas = self._names.get(_namespace(plan))
        return quotas is not None and any(
            counts(plan.kind, name) for names in quotas.values() for name in names
        )

    def _completed(self, plans: Sequence[Plan], namespaces: Iterable[str]) -> list[Plan]:
        """The plans, those of quotas with their status, and plans for the other quotas."""
        completed = list(plans)
        written = {plan.key for plan in plans if plan.operation is not None}
        for namespace in namespaces:
            changes = self._changes(plan for plan in plans if _namespace(plan) == namespace)
            for place, plan in enumerate(plans):
                if _is_new_count(plan) and _namespace(plan) == namespace:
                    completed[place] = self._counted(plan, changes)
            for item in self._store.scan(ResourceQuota.info.key_prefix(namespace))[0]:
                quota = self._readable(ResourceQuota, item.key, item.value)
                if item.key in written or not isinstance(quota, ResourceQuota):
                    continue
                status, refusal = charge(quota, changes)
                if refusal:
                    raise _forbidden(plans, namespace, refusal)
                if status != quota.status:
                    quota.status = status
                    completed.append(_plan(item.key, encode(quota), item.revision))
        return completed

    def _counted(self, plan: Plan, changes: Iterable[Change]) -> Plan:
        """The plan of a quota, with the status that it has over what is there after the write."""
        quota = self._readable(ResourceQuota, plan.key, plan.data)
        assert isinstance(quota, ResourceQuota)
        there = {change.key: change.after for change in changes}
        for kind in self._kinds:
            if kind.info.namespaced and any(counts(kind, name) for name in quota.spec.hard):
                for item in self._store.scan(kind.info.key_prefix(_namespace(plan)))[0]:
                    obj = self._readable(kind, item.key, item.value)
                    if obj is not None:  # by its key: a kind may be served in several versions
                        there.setdefault(item.key, obj)
        quota.status = counted(quota, (obj for obj in there.values() if obj is not None))
        assert plan.operation is not None
        data = encode(quota)
        revision = self._still_meant(plan.key, plan.operation.expected_revision)
        operation = msgspec.structs.replace(plan.operation, value=data, expected_revision=revision)
        return msgspec.structs.replace(plan, data=data, operation=operation)

    def _still_meant(self, key: str, revision: int | None) -> int | None:
        """The revision to replace of a quota that was planned from `revision`: the present one
        where nothing but counts has changed, which go on changing while the namespace is used."""
        present = self._store.get(key)
        if not revision or present is None or present.revision == revision:
            return revision
        try:
            planned_from = self._store.get(key, at=revision)
        except Compacted:
            return revision
        if planned_from is None:
            return revision
        before = self._readable(ResourceQuota, key, planned_from.value)
        now = self._readable(ResourceQuota, key, present.value)
        if not isinstance(before, ResourceQuota) or not isinstance(now, ResourceQuota):
            return revision
        is_same = (before.metadata, before.spec) == (now.metadata, now.spec)
        return present.revision if is_same else revision

    def _changes(self, plans: Iterable[Plan]) -> list[Change]:
        """What a write does to each object, however often it names it."""
        changes = []
        for plan in {plan.key: plan for plan in plans if plan.operation is not None}.values():
            item = self._store.get(plan.key)
            before = None if item is None else self._readable(plan.kind, item.key, item.value)
            after = None if plan.deletes else self._readable(plan.kind, plan.key, plan.data)
            changes.append(Change(plan.key, before, after))
        return changes

    def _readable(self, kind: type[Kind], key: str, data: bytes) -> Kind | None:
        """An object; None where it can't be read, and so not be counted."""
        try:
            obj: Kind = self._upcasters.stored(kind, key, 0, data).decode()
        except UnreadableObject:
            return None
        return obj

    def _observe(self, entry: Entry) -> None:
        if entry.verb is Verb.DELETE:
            namespace, name = entry.key.removeprefix(_PREFIX).split("/", 1)
            quotas = self._names.get(namespace, {})
            quotas.pop(name, None)
            if not quotas:
                self._names.pop(namespace, None)
        else:
            self._learn(entry.key, entry.value)

    def _learn(self, key: str, data: bytes) -> None:
        namespace, name = key.removeprefix(_PREFIX).split("/", 1)
        quota = self._readable(ResourceQuota, key, data)
        if isinstance(quota, ResourceQuota):
            self._names.setdefault(namespace, {})[name] = frozenset(quota.spec.hard)


def _namespace(plan: Plan) -> str:
    return plan.key.split("/", 4)[3]


def _is_new_count(plan: Plan) -> bool:
    """Whether a quota is written, which is counted anew then."""
    return plan.kind is ResourceQuota and plan.operation is not None and not plan.deletes


def _plan(key: str, data: bytes, revision: int) -> Plan:
    operation = Operation(key, data, expected_revision=revision)
    return Plan(ResourceQuota, key, data, operation, revision)


def _forbidden(plans: Sequence[Plan], namespace: str, refusal: str) -> Forbidden:
    """The refusal of the first object that is written there."""
    plan = next(plan for plan in plans if _namespace(plan) == namespace)
    name = plan.key.rsplit("/", 1)[1]
    return Forbidden(f'{plan.kind.info.qualified_plural} "{name}" is forbidden: {refusal}')
