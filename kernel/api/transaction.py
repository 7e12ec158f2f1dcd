"""Several writes as one: planned one after the other, committed together."""

from typing import Any, cast

from kernel.api.client import KindType
from kernel.api.errors import BadRequest
from kernel.api.idempotency import Remembered
from kernel.api.object_api import ObjectApi
from kernel.api.planning import Plan
from kernel.api.stored import Stored, copy_of
from kernel.objects.kind import Kind
from kernel.objects.meta import DeleteOptions


class LocalTransaction:
    """Collects plans; each is made against the state that the store has now."""

    def __init__(self, api: ObjectApi, *, idempotency_key: str = ""):
        self._api = api
        self._idempotency_key = idempotency_key
        self._plans: list[Plan] = []
        self._latest: dict[str, Plan] = {}

    async def create(self, obj: KindType) -> KindType:
        namespace = namespace_of(obj)
        earlier = self._latest.get(obj.info.key(namespace, obj.metadata.name))
        deleted = earlier is not None and earlier.deletes
        plan = await self._api.planner.create(copy_of(obj), namespace, is_name_checked=not deleted)
        return cast(KindType, self._add(plan))

    async def update(self, obj: KindType) -> KindType:
        plan = await self._api.planner.update(self._present(obj), copy_of(obj))
        return cast(KindType, self._add(plan))

    async def update_status(self, obj: KindType) -> KindType:
        plan = await self._api.planner.update(
            self._present(obj), copy_of(obj), subresource="status"
        )
        return cast(KindType, self._add(plan))

    async def delete(
        self,
        kind: type[Kind],
        name: str,
        *,
        namespace: str | None = None,
        grace_period_seconds: int | None = None,
    ) -> None:
        present = self._api.planner.read(kind, resolve_namespace(kind, namespace), name)
        options = DeleteOptions(grace_period_seconds=grace_period_seconds)
        self._add(await self._api.planner.delete(present, options))

    async def commit(self) -> None:
        """Make all of it happen. Raises `Conflict` or `AlreadyExists`, and then none of it has."""
        await self._api.commit(self._plans, idempotency_key=self._idempotency_key)

    def _present(self, obj: Kind) -> Stored:
        return self._api.planner.read(type(obj), namespace_of(obj), obj.metadata.name)

    def _add(self, plan: Plan) -> Any:
        earlier = self._latest.get(plan.key)
        if earlier is not None and not (earlier.deletes and plan.present_revision == 0):
            raise BadRequest(f"{plan.key} stands in the transaction already")
        self._plans.append(plan)
        self._latest[plan.key] = plan
        return Stored(plan.kind, plan.key, plan.present_revision, plan.data).decode()


class RepeatedTransaction:
    """Answers each part of a transaction as its first run did, and writes nothing."""

    def __init__(self, api: ObjectApi, remembered: Remembered):
        self._api = api
        self._remembered = remembered

    async def create(self, obj: KindType) -> KindType:
        return cast(KindType, self._remembered.created(obj, namespace_of(obj)).decode())

    async def update(self, obj: KindType) -> KindType:
        kind, namespace, name = type(obj), namespace_of(obj), obj.metadata.name
        changed = self._remembered.changed(kind, kind.info.key(namespace, name))
        if changed is None:
            changed = self._api.get(kind, namespace, name, at=self._remembered.revision)
        return cast(KindType, changed.decode())

    async def update_status(self, obj: KindType) -> KindType:
        return await self.update(obj)

    async def delete(
        self,
        kind: type[Kind],
        name: str,
        *,
        namespace: str | None = None,
        grace_period_seconds: int | None = None,
    ) -> None:
        """Has been done."""


def namespace_of(obj: Kind) -> str:
    """Where a client means an object to be: `default` unless it says otherwise."""
    return resolve_namespace(type(obj), obj.metadata.namespace or None)


def resolve_namespace(kind: type[Kind], namespace: str | None) -> str:
    """The namespace that a call about one object means."""
    if not kind.info.namespaced:
        return ""
    return "default" if namespace is None else namespace
