"""The client: the one door to the objects, for reconcilers, embedding programs and tests.

`LocalClient` (kernel/api/local.py) is the implementation over the store of this process; a client
over HTTP can take its place. A write returns after every watcher and informer of this process has
it, so the next read of the same task sees it.

Namespaces: where `namespace` is None, calls that name one object mean `default` (or nothing, for
cluster-scoped kinds), and `list` and `watch` mean all namespaces. Objects that are returned are
the caller's own to change.

Time travel: `get` and `list` take `at`, a revision or a time with a zone, and answer as of then.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from kernel.objects.authentication import TokenRequest
from kernel.objects.custom_object import CustomObject
from kernel.objects.kind import Kind

KindType = TypeVar("KindType", bound=Kind)

PatchType = Literal["json", "merge", "strategic"]
Subresource = Literal["", "status", "ephemeralcontainers", "resize"]
"""What of an object is written: its own fields, its status, or a Pod's ephemeral containers."""


class WatchEventType(str, Enum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchEvent(msgspec.Struct, Generic[KindType], frozen=True):
    """One item of a watch stream. For DELETED, `object` is the last state of the object."""

    type: WatchEventType
    object: KindType


class ObjectList(list[KindType]):
    """Objects, in order of namespace and name, as of one `revision`.

    `continue_token` is empty on the last page; `remaining` counts what follows this page.
    """

    def __init__(
        self,
        items: "list[KindType]",
        *,
        revision: int,
        continue_token: str = "",
        remaining: int | None = None,
    ):
        super().__init__(items)
        self.revision = revision
        self.continue_token = continue_token
        self.remaining = remaining


class ProjectionView(msgspec.Struct, frozen=True):
    """What a projection has made of the log up to `revision`.

    `state` is shared and not to be changed. What was compacted before the projection was there
    went into it only as far as it still existed at `since_revision`; 0: it has seen everything.
    """

    name: str
    revision: int
    since_revision: int
    state: Any


class Transaction(Protocol):
    """Collects writes that happen together or not at all, when the context is left without error.

    Nothing is visible before that. Each method raises what can be known at once (an invalid
    object); conflicts are raised when the context is left.
    """

    async def create(self, obj: KindType) -> KindType: ...

    async def update(self, obj: KindType) -> KindType: ...

    async def update_status(self, obj: KindType) -> KindType: ...

    async def delete(
        self,
        kind: type[Kind],
        name: str,
        *,
        namespace: str | None = None,
        grace_period_seconds: int | None = None,
    ) -> None: ...


class Client(Protocol):
    """Reads and writes objects under the API's rules; raises `kernel.api.errors.ApiError`s."""

    async def create(
        self, obj: KindType, *, dry_run: bool = False, idempotency_key: str = ""
    ) -> KindType:
        """Store a new object; answers it as stored, defaults and metadata filled in.

        A create that may have happened can be tried again with the same idempotency key (up to 511
        bytes): it is done once, and answered each time with what was stored then. Raises
        `Invalid` for the key of another write. Keys are kept as long as their entries are.
        """
        ...

    async def get(
        self,
        kind: type[KindType],
        name: str,
        *,
        namespace: str | None = None,
        at: int | datetime | None = None,
    ) -> KindType:
        """The object as it is now, or was at a revision or time. Raises `NotFound`; `Expired` or
        `RevisionTooLarge` where the log does not reach there."""
        ...

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
        """Objects of a kind; at most `limit` of them where that is not 0. `at` as in `get`; pages
        after the first are as of the first one in any case."""
        ...

    def watch(
        self,
        kind: type[KindType],
        *,
        namespace: str | None = None,
        name: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        from_revision: int | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[KindType]]]:
        """Changes after `from_revision`; where that is None, first ADDED for each present object.

        With selectors, an object that starts (stops) to match is ADDED (DELETED). Raises
        `Expired` where the revision has been compacted.
        """
        ...

    async def update(self, obj: KindType, *, dry_run: bool = False) -> KindType:
        """Replace spec and metadata (never status). Where `metadata.resource_version` is set and
        not the object's present one, raises `Conflict`."""
        ...

    async def update_status(self, obj: KindType, *, dry_run: bool = False) -> KindType:
        """Replace the status alone, under the same rule."""
        ...

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
        """Change parts of an object: RFC 6902, RFC 7386, or Kubernetes' strategic merge."""
        ...

    async def apply(
        self,
        obj: KindType | Mapping[str, Any],
        *,
        field_manager: str,
        force: bool = False,
        subresource: Subresource = "",
        dry_run: bool = False,
    ) -> KindType:
        """Server-side apply: create or change an object so that it has what `obj` says, and has no
        more what this field manager applied before and `obj` does not say.

        An object applies what differs from its kind's defaults; plain JSON values apply exactly
        what they hold, and may leave out what others set. Raises `Conflict`, with the fields and
        their managers as causes, where it would change what others have set; `force` takes that
        over.
        """
        ...

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
        """Ask for an object's end; answers its last state. It is gone at once unless it has
        finalizers, or is a Pod on a node and its grace period is not 0.

        `propagation_policy` says what becomes of its dependents: `Background` (the default) deletes
        them after it, `Foreground` before it, `Orphan` lets them live."""
        ...

    async def bind(
        self, name: str, node_name: str, *, namespace: str | None = None, uid: str = ""
    ) -> None:
        """Put a Pod on a node. Raises `Conflict` where it is on one, or being deleted, or has
        another `uid` than the one given."""
        ...

    async def request_token(
        self, name: str, request: TokenRequest | None = None, *, namespace: str | None = None
    ) -> TokenRequest:
        """A token of the ServiceAccount `name`: the request, with its status filled in. Without a
        request it is good for this API, for an hour. Raises `NotFound`; `Invalid`, `BadRequest`,
        `Conflict` for what can't be asked for."""
        ...

    async def wait(
        self,
        kind: type[KindType],
        name: str,
        condition: Callable[[KindType | None], bool],
        *,
        namespace: str | None = None,
        timeout_seconds: float = 30,
    ) -> KindType | None:
        """Return the object as soon as `condition(object)` holds; the condition is given None
        while there is no such object. Raises `TimeoutError`."""
        ...

    def transaction(self, *, idempotency_key: str = "") -> AbstractAsyncContextManager[Transaction]:
        """Several writes as one atomic write. With the idempotency key of an earlier one, nothing
        is written, and its methods answer what they answered then (see `create`)."""
        ...

    def observe(
        self, kind: type[KindType], handler: Callable[[WatchEvent[KindType], int], None]
    ) -> Callable[[], None]:
        """Call `handler(event, revision)` for each change of a kind, before the write that made
        it returns. The handler must not block; objects it is given are shared, not to be changed.
        Answers the function that ends it."""
        ...

    def custom_kind(self, api_version: str, kind: str) -> type[CustomObject]:
        """The class of a kind that a CustomResourceDefinition defines, by its name in documents:
        `custom_kind("stable.example.com/v1", "CronTab")`. It is one class as long as the kernel
        runs, and does wherever a class of objects is asked for. Raises `NotFound`."""
        ...

    def projection(self, name: str) -> ProjectionView:
        """What a plugin's projection has made of the log, the caller's own writes included.
        Raises `NotFound`; `ApiError` where it has failed."""
        ...
