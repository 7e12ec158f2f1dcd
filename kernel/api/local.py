"""LocalClient: the client over the store of this process."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, cast

import anyio
import msgspec

from kernel.api.client import (
    Client,
    KindType,
    ObjectList,
    PatchType,
    ProjectionView,
    Subresource,
    Transaction,
    WatchEvent,
    WatchEventType,
)
from kernel.api.errors import BadRequest, NotFound, UnreadableObject
from kernel.api.object_api import ObjectApi
from kernel.api.server_side_apply.ownership import Application
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.api.stored import StoredEvent, copy_of
from kernel.api.transaction import (
    LocalTransaction,
    RepeatedTransaction,
    namespace_of,
    resolve_namespace,
)
from kernel.api.upcasting import Upcasters
from kernel.api.watching import StoredWatch
from kernel.objects.authentication import TokenRequest
from kernel.objects.custom_object import CustomObject, wire_form
from kernel.objects.event import Binding, ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.meta import DeleteOptions, ObjectMeta, Preconditions
from kernel.objects.pod import Pod
from kernel.objects.service import ServiceAccount


class LocalClient(Client):
    """Typed calls of an `ObjectApi`; see `Client` for what each does. `projection` answers what
    the projections of plugins have made of the log, `tokens` issues tokens of ServiceAccounts."""

    def __init__(
        self,
        api: ObjectApi,
        projection: Callable[[str], ProjectionView] | None = None,
        tokens: ServiceAccountTokens | None = None,
    ):
        self._api = api
        self._projection = projection
        self._tokens = tokens

    async def create(
        self, obj: KindType, *, dry_run: bool = False, idempotency_key: str = ""
    ) -> KindType:
        stored = await self._api.create(
            copy_of(obj),
            namespace=namespace_of(obj),
            dry_run=dry_run,
            idempotency_key=idempotency_key,
        )
        return cast(KindType, stored.decode())

    async def get(
        self,
        kind: type[KindType],
        name: str,
        *,
        namespace: str | None = None,
        at: int | datetime | None = None,
    ) -> KindType:
        revision = None if at is None else self._api.revision_at(at)
        stored = self._api.get(kind, resolve_namespace(kind, namespace), name, at=revision)
        return cast(KindType, stored.decode())

    async def list(
        self,
        kind: type[KindType],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        at: int | datetime | None = None,
    ) -> ObjectList[KindType]:
        page = self._api.list(
            kind,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            limit=limit,
            continue_token=continue_token,
            at=None if at is None else self._api.revision_at(at),
        )
        return ObjectList(
            [obj for stored in page.items if (obj := self._api.upcasters.decoded(stored))],
            revision=page.revision,
            continue_token=page.continue_token,
            remaining=page.remaining,
        )

    @asynccontextmanager
    async def watch(
        self,
        kind: type[KindType],
        *,
        namespace: str | None = None,
        name: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        from_revision: int | None = None,
    ) -> AsyncIterator[AsyncIterator[WatchEvent[KindType]]]:
        if name is not None:
            namespace = resolve_namespace(kind, namespace)
        with self._api.watch(
            kind,
            namespace=namespace,
            name=name,
            label_selector=label_selector,
            field_selector=field_selector,
            from_revision=from_revision,
        ) as batches:
            yield _Events(batches, self._api.upcasters)

    async def update(self, obj: KindType, *, dry_run: bool = False) -> KindType:
        stored = await self._api.update(obj, namespace=namespace_of(obj), dry_run=dry_run)
        return cast(KindType, stored.decode())

    async def update_status(self, obj: KindType, *, dry_run: bool = False) -> KindType:
        stored = await self._api.update(
            obj, namespace=namespace_of(obj), subresource="status", dry_run=dry_run
        )
        return cast(KindType, stored.decode())

    async def patch(
        self,
        kind: type[KindType],
        name: str,
        patch: Any,
        *,
        namespace: str | None = None,
        type: PatchType = "merge",
        subresource: Subresource = "",
        dry_run: bool = False,
    ) -> KindType:
        stored, _ = await self._api.patch(
            kind,
            resolve_namespace(kind, namespace),
            name,
            patch,
            type,
            subresource=subresource,
            dry_run=dry_run,
        )
        return cast(KindType, stored.decode())

    async def apply(
        self,
        obj: KindType | Mapping[str, Any],
        *,
        field_manager: str,
        force: bool = False,
        subresource: Subresource = "",
        dry_run: bool = False,
    ) -> KindType:
        kind, configuration = self._configuration(obj)
        metadata = configuration.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        stored, _ = await self._api.apply(
            kind,
            resolve_namespace(kind, metadata.get("namespace") or None),
            metadata.get("name") or "",
            Application(configuration, field_manager, force),
            subresource=subresource,
            dry_run=dry_run,
        )
        return cast(KindType, stored.decode())

    def _configuration(self, obj: Kind | Mapping[str, Any]) -> tuple[type[Kind], dict[str, Any]]:
        """What is applied, and its kind. An object read before applies none of its managers."""
        try:
            configuration = msgspec.json.decode(
                wire_form(obj) if isinstance(obj, Kind) else msgspec.json.encode(obj)
            )
        except TypeError as error:
            raise BadRequest(f"what is applied can't be written as JSON: {error}") from error
        if isinstance(obj, Kind):
            configuration["metadata"].pop("managedFields", None)
            return type(obj), configuration
        version, name = configuration.get("apiVersion"), configuration.get("kind")
        kind = self._api.kinds.by_kind(str(version), str(name))
        if kind is None:
            raise BadRequest(f"there is no kind {name} of {version}")
        return kind, configuration

    async def delete(
        self,
        kind: type[KindType],
        name: str,
        *,
        namespace: str | None = None,
        grace_period_seconds: int | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation_policy: str | None = None,
        dry_run: bool = False,
    ) -> KindType:
        preconditions = None
        if uid is not None or resource_version is not None:
            preconditions = Preconditions(uid=uid, resource_version=resource_version)
        options = DeleteOptions(
            grace_period_seconds=grace_period_seconds,
            preconditions=preconditions,
            propagation_policy=propagation_policy,
        )
        stored, _ = await self._api.delete(
            kind, resolve_namespace(kind, namespace), name, options, dry_run=dry_run
        )
        try:
            return cast(KindType, stored.decode())
        except UnreadableObject:
            return cast(KindType, stored.outline())

    async def bind(
        self, name: str, node_name: str, *, namespace: str | None = None, uid: str = ""
    ) -> None:
        target = ObjectReference(kind="Node", name=node_name)
        binding = Binding(metadata=ObjectMeta(name=name, uid=uid), target=target)
        await self._api.bind(resolve_namespace(Pod, namespace), name, binding)

    async def request_token(
        self, name: str, request: TokenRequest | None = None, *, namespace: str | None = None
    ) -> TokenRequest:
        if self._tokens is None:
            raise NotFound.of("serviceaccounts/token", name)
        place = resolve_namespace(ServiceAccount, namespace)
        return self._tokens.issue(place, name, request or TokenRequest())

    async def wait(
        self,
        kind: type[KindType],
        name: str,
        condition: Callable[[KindType | None], bool],
        *,
        namespace: str | None = None,
        timeout_seconds: float = 30,
    ) -> KindType | None:
        with anyio.fail_after(timeout_seconds):
            async with self.watch(kind, name=name, namespace=namespace) as events:
                if not self._exists(kind, name, namespace) and condition(None):
                    return None
                async for event in events:
                    gone = event.type is WatchEventType.DELETED
                    found = None if gone else event.object
                    if condition(found):
                        return found
        raise AssertionError("a watch ends with an error or not at all")

    def _exists(self, kind: type[Kind], name: str, namespace: str | None) -> bool:
        try:
            self._api.get(kind, resolve_namespace(kind, namespace), name)
        except NotFound:
            return False
        return True

    @asynccontextmanager
    async def transaction(self, *, idempotency_key: str = "") -> AsyncIterator[Transaction]:
        remembered = self._api.remembered(idempotency_key) if idempotency_key else None
        if remembered is not None:
            yield RepeatedTransaction(self._api, remembered)
            return
        transaction = LocalTransaction(self._api, idempotency_key=idempotency_key)
        yield transaction
        await transaction.commit()

    def observe(
        self, kind: type[KindType], handler: Callable[[WatchEvent[KindType], int], None]
    ) -> Callable[[], None]:
        def observer(event: StoredEvent) -> None:
            try:
                obj = event.shared_object()
            except UnreadableObject as error:
                self._api.upcasters.warn(error)
            else:
                handler(WatchEvent(event.type, obj), event.stored.revision)

        return self._api.observe(kind, observer)

    def custom_kind(self, api_version: str, kind: str) -> type[CustomObject]:
        found = self._api.kinds.by_kind(api_version, kind)
        if found is None or not issubclass(found, CustomObject):
            raise NotFound(f"no CustomResourceDefinition defines a {kind} of {api_version}")
        return found

    def projection(self, name: str) -> ProjectionView:
        if self._projection is None:
            raise NotFound.of("projections", name)
        return self._projection(name)


class _Events:
    """The events of a watch, one by one. Not a generator: that would end with the first read
    that is cancelled, and would have to be closed by whoever has seen enough."""

    def __init__(self, batches: StoredWatch, upcasters: Upcasters):
        self._batches = batches
        self._upcasters = upcasters
        self._batch: Iterator[StoredEvent] = iter(())

    def __aiter__(self) -> "_Events":
        return self

    async def __anext__(self) -> WatchEvent[Any]:
        while True:
            for event in self._batch:
                obj = self._upcasters.decoded(event.stored)
                if obj is not None:
                    return WatchEvent(event.type, obj)
            self._batch = iter(await self._batches.__anext__())
