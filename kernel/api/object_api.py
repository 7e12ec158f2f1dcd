"""ObjectApi: every read and write of objects, under the API's rules, without HTTP.

The typed client and the API server are two thin covers of it. It works on kinds and on objects in
their stored form, so that a list over HTTP never decodes what it only passes on.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from kernel.api.admission import AdmissionChain
from kernel.api.client import PatchType, Subresource, WatchEventType
from kernel.api.context import current_actor, current_cause
from kernel.api.custom_resources.custom_kinds import CustomKinds
from kernel.api.defaulting import NAMESPACE_NAME_LABEL
from kernel.api.deletion import require_valid_options
from kernel.api.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Expired,
    InsufficientStorage,
    NotFound,
    UnreadableObject,
)
from kernel.api.field_validation import FieldValidation
from kernel.api.idempotency import Remembered, require_usable
from kernel.api.patching import patched
from kernel.api.planning import Plan, Planner
from kernel.api.quota.ledger import QuotaLedger
from kernel.api.reading import ObjectReader
from kernel.api.selection import Selection
from kernel.api.server_side_apply.ownership import Application
from kernel.api.stored import Stored, StoredEvent, StoredList, copy_of
from kernel.api.strategies import TERMINAL_PHASES
from kernel.api.upcasting import Upcasters
from kernel.api.watching import EventCache, StoredWatch
from kernel.clock import Clock, now_timestamp
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.event import Binding
from kernel.objects.eviction import Eviction
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import DeleteOptions
from kernel.objects.namespace import Namespace
from kernel.objects.pod import Pod
from kernel.objects.pod_status import PodCondition
from kernel.objects.resource_policies import ResourceQuota
from kernel.store.errors import Compacted, PreconditionFailed, StoreError, StoreFull
from kernel.store.log import Write
from kernel.store.schema import Entry
from kernel.store.store import Store

CONFLICT_RETRIES_MAX = 16


class ObjectApi:
    """The API over one store. All methods raise `ApiError`s."""

    def __init__(
        self,
        store: Store,
        kinds: KindTable,
        clock: Clock,
        admission: AdmissionChain | None = None,
        upcasters: Upcasters | None = None,
    ):
        self.kinds = kinds
        self.clock = clock
        self.admission = admission or AdmissionChain()
        self.upcasters = upcasters or Upcasters()
        self.custom_kinds = CustomKinds(kinds, clock)
        self.planner = Planner(store, clock, self.admission, self.upcasters, self.custom_kinds)
        self._store = store
        self._quotas = QuotaLedger(store, kinds, self.upcasters)
        self._reader = ObjectReader(store, self.upcasters)
        self.admission.labels_of_namespace = self.labels_of_namespace
        self._events = EventCache(self.upcasters)
        self._follow_definitions()

    def _follow_definitions(self) -> None:
        """Serve the kinds that the log has, and those that come to it."""

        def changed(event: StoredEvent) -> None:
            self.custom_kinds.take_in(event.type, event.stored.decode())

        self.observe(CustomResourceDefinition, changed)
        for stored in self.list(CustomResourceDefinition).items:
            self.custom_kinds.take_in(WatchEventType.ADDED, stored.decode())

    @property
    def revision(self) -> int:
        """The newest revision that every watcher of this process has been shown."""
        return self._store.published_revision

    @property
    def size_bytes(self) -> int:
        """How much room the log takes on disk."""
        return self._store.size_bytes

    def labels_of_namespace(self, name: str) -> Mapping[str, str]:
        """The labels of a namespace; one that is only about to be there has its name's alone."""
        try:
            return self._reader.get(Namespace, "", name).metadata().labels
        except NotFound:
            return {NAMESPACE_NAME_LABEL: name}

    # Reading

    def revision_at(self, moment: int | datetime) -> int:
        """The revision that a moment means (see `ObjectReader.revision_at`)."""
        return self._reader.revision_at(moment)

    def get(self, kind: type[Kind], namespace: str, name: str, *, at: int | None = None) -> Stored:
        """One object as it is now, or was at a revision. Raises `NotFound`, `Expired`,
        `RevisionTooLarge`."""
        return self._reader.get(kind, namespace, name, at=at)

    def list(
        self,
        kind: type[Kind],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        at: int | None = None,
    ) -> StoredList:
        """Objects in order of namespace and name, of all namespaces where that is None; as of
        now, or of the revision `at`. Raises `Expired`, `RevisionTooLarge`."""
        return self._reader.list(
            kind,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            limit=limit,
            continue_token=continue_token,
            at=at,
        )

    @contextmanager
    def watch(
        self,
        kind: type[Kind],
        *,
        namespace: str | None = None,
        name: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        from_revision: int | None = None,
    ) -> Iterator[StoredWatch]:
        """Batches of changes after `from_revision`; where that is None, first what is there.

        Raises `Expired` where the log no longer reaches back to that revision.
        """
        selection = Selection(kind, label_selector, field_selector)
        initial: list[StoredEvent] = []
        prefix = kind.info.key_prefix(namespace)
        if name is not None:
            prefix = kind.info.key(namespace or "", name)
        start_revision = from_revision
        if start_revision is None:
            items, start_revision = self._store.scan(prefix, limit=0 if name is None else 1)
            initial = [
                StoredEvent(WatchEventType.ADDED, stored)
                for stored in self.upcasters.stored_items(kind, items)
                if (name is None or stored.key == prefix)
                and self._reader.is_selected(stored, selection)
            ]
        if selection.name and (namespace or not kind.info.namespaced):
            # Who waits for one object is found by its key, and costs the others' writers nothing.
            prefix = kind.info.key(namespace or "", selection.name)
        try:
            with self._store.watch(prefix, after_revision=start_revision) as watch:
                yield StoredWatch(
                    kind,
                    watch,
                    self._store,
                    self._events,
                    None if selection.everything else selection.matches,
                    initial,
                    start_revision,
                )
        except Compacted as error:
            raise Expired(f"too old resource version: {from_revision} ({error})") from error

    def observe(
        self, kind: type[Kind], observer: Callable[[StoredEvent], None]
    ) -> Callable[[], None]:
        """Call `observer` for every change of a kind before its writer resumes; answers how to
        end that. The observer must not block, raise, or change what it is given."""

        def show(entry: Entry) -> None:
            event = self._events.event_of(kind, entry)
            if event is not None:
                observer(event)

        return self._store.observe(kind.info.key_prefix(), show)

    # Writing

    async def create(
        self,
        obj: Kind,
        *,
        namespace: str = "",
        dry_run: bool = False,
        idempotency_key: str = "",
    ) -> Stored:
        """Store a new object; `obj` is changed on the way. Raises `AlreadyExists`, `Invalid`…

        With the idempotency key of an earlier create of such an object, nothing is written and the
        answer is what was stored then.
        """
        if not idempotency_key or dry_run:
            return await self._create(obj, namespace, dry_run)
        asked = copy_of(obj)
        remembered = self.remembered(idempotency_key)
        if remembered is not None:
            return remembered.created(asked, namespace)
        try:
            stored = await self._create(obj, namespace, dry_run, idempotency_key)
        except AlreadyExists:
            # Perhaps by the same request, which came a second time while the first was under way.
            remembered = self.remembered(idempotency_key)
            if remembered is None:
                raise
            return remembered.created(asked, namespace)
        remembered = self.remembered(idempotency_key)
        return stored if remembered is None else remembered.created(asked, namespace)

    def remembered(self, idempotency_key: str) -> Remembered | None:
        """What the write with this idempotency key did; None where none is known. Raises
        `BadRequest` for what is no such key."""
        require_usable(idempotency_key)
        entries = self._store.remembered(idempotency_key)
        return Remembered(idempotency_key, entries, self.upcasters) if entries else None

    async def _create(
        self, obj: Kind, namespace: str, dry_run: bool, idempotency_key: str = ""
    ) -> Stored:
        if obj.metadata.name or not obj.metadata.generate_name:
            plan = await self.planner.create(
                obj, namespace, dry_run=dry_run, is_name_checked=dry_run
            )
            return await self._carry_out(plan, dry_run, idempotency_key)
        for _ in range(CONFLICT_RETRIES_MAX):
            try:
                plan = await self.planner.create(copy_of(obj), namespace, dry_run=dry_run)
                return await self._carry_out(plan, dry_run, idempotency_key)
            except AlreadyExists:
                continue  # the name was taken: another one
        raise AlreadyExists.of(obj.info.qualified_plural, obj.metadata.generate_name)

    async def update(
        self,
        obj: Kind,
        *,
        namespace: str = "",
        name: str = "",
        subresource: Subresource = "",
        dry_run: bool = False,
    ) -> Stored:
        """Replace an object or a part of it. With a resourceVersion in it, only from that one.
        `obj` stays as it is."""

        async def plan(present: Stored) -> Plan:
            # Each attempt starts from what was asked for: admission changes what it is given.
            return await self.planner.update(
                present, copy_of(obj), subresource=subresource, dry_run=dry_run
            )

        return await self._change(type(obj), namespace, name or obj.metadata.name, plan, dry_run)

    async def patch(
        self,
        kind: type[Kind],
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType,
        *,
        subresource: Subresource = "",
        validation: FieldValidation = "Strict",
        dry_run: bool = False,
        is_admitted: bool = False,
    ) -> tuple[Stored, Sequence[str]]:
        """Change parts of an object; `patch` is plain JSON data. Answers the object, and what the
        client is to be warned of. `is_admitted`: the hooks have been asked."""
        warnings: Sequence[str] = ()

        async def plan(present: Stored) -> Plan:
            nonlocal warnings
            obj, warnings = patched(kind, present, patch, patch_type, validation)
            return await self.planner.update(
                present, obj, subresource=subresource, dry_run=dry_run, is_admitted=is_admitted
            )

        return await self._change(kind, namespace, name, plan, dry_run), warnings

    async def apply(
        self,
        kind: type[Kind],
        namespace: str,
        name: str,
        application: Application,
        *,
        subresource: Subresource = "",
        dry_run: bool = False,
        before_create: Callable[[], None] = lambda: None,
    ) -> tuple[Stored, bool]:
        """Server-side apply; answers the object, and whether it is new. Raises `Conflict` where
        that changes fields of other managers and does not take them over, and what `before_create`
        does, which is called where there is no such object yet."""
        for _ in range(CONFLICT_RETRIES_MAX):
            plan = await self.planner.apply(
                kind,
                namespace,
                name,
                application,
                subresource=subresource,
                dry_run=dry_run,
                before_create=before_create,
            )
            try:
                return await self._carry_out(plan, dry_run), not plan.present_revision
            except (Conflict, AlreadyExists):
                continue  # another write came between
        raise Conflict.modified(kind.info.qualified_plural, name)

    async def delete(
        self,
        kind: type[Kind],
        namespace: str,
        name: str,
        options: DeleteOptions | None = None,
        *,
        dry_run: bool = False,
    ) -> tuple[Stored, bool]:
        """Ask for an object's end; answers its last state, and whether it is gone now."""
        wanted = options or DeleteOptions()
        gone = False

        async def plan(present: Stored) -> Plan:
            nonlocal gone
            made = await self.planner.delete(present, wanted, dry_run=dry_run)
            gone = made.deletes
            return made

        try:
            return await self._change(kind, namespace, name, plan, dry_run), gone
        except UnreadableObject as error:
            if error.key != kind.info.key(namespace, name):
                raise
        removal = self.planner.removal_of_unreadable(kind, namespace, name, wanted)
        return await self._carry_out(removal, dry_run), True

    async def delete_collection(
        self,
        kind: type[Kind],
        *,
        namespace: str | None,
        label_selector: str = "",
        field_selector: str = "",
        options: DeleteOptions | None = None,
        dry_run: bool = False,
    ) -> StoredList:
        """Delete all that a list with these arguments shows; answers their last states."""
        wanted = options or DeleteOptions()
        require_valid_options(wanted)
        found = self.list(
            kind, namespace=namespace, label_selector=label_selector, field_selector=field_selector
        )
        deleted = []
        for stored in found.items:
            try:
                last, _ = await self.delete(
                    kind, stored.namespace, stored.name, wanted, dry_run=dry_run
                )
            except NotFound:
                continue  # somebody else was faster
            deleted.append(last)
        return StoredList(deleted, self.revision)

    async def evict(
        self, namespace: str, name: str, eviction: Eviction, *, dry_run: bool = False
    ) -> None:
        """Ask for a Pod's end, and have its status tell that it was evicted. Nothing refuses that:
        there are no disruption budgets."""
        await self.admission.admit(
            *(Pod, "CREATE", eviction),
            namespace=namespace,
            name=name,
            subresource="eviction",
            dry_run=dry_run,
        )
        options = eviction.delete_options or DeleteOptions()
        evicted = PodCondition(
            type="DisruptionTarget",
            status="True",
            reason="EvictionByEvictionAPI",
            message="Eviction API: evicting",
            last_transition_time=now_timestamp(self.clock),
        )

        async def plan(present: Stored) -> Plan:
            has_ended = present.decode().status.phase in TERMINAL_PHASES
            reason = None if has_ended else evicted
            return await self.planner.delete(
                present, options, reason=reason, dry_run=dry_run, is_admitted=True
            )

        await self._change(Pod, namespace, name, plan, dry_run)

    async def bind(self, namespace: str, name: str, binding: Binding) -> None:
        """Put a Pod on a node. Raises `Conflict` where it is on one, or being deleted, or where
        the binding has another uid than the Pod."""

        await self.admission.admit(
            Pod, "CREATE", binding, namespace=namespace, name=name, subresource="binding"
        )

        async def plan(present: Stored) -> Plan:
            pod = present.decode()
            wanted_uid, uid = binding.metadata.uid, pod.metadata.uid
            if wanted_uid not in ("", uid):
                raise Conflict(
                    f'Operation cannot be fulfilled on pods/binding "{name}": Precondition failed: '
                    f"UID in precondition: {wanted_uid}, UID in object meta: {uid}"
                )
            refusal = f'Operation cannot be fulfilled on pods/binding "{name}": pod {name} is '
            if pod.metadata.deletion_timestamp is not None:
                raise Conflict(refusal + "being deleted, cannot be assigned to a host")
            if pod.spec.node_name:
                raise Conflict(refusal + f'already assigned to node "{pod.spec.node_name}"')
            pod.spec.node_name = binding.target.name
            _set_scheduled(pod, self.clock)
            self.planner.ownership.follow(present, pod)
            return self.planner.replacement(present, pod)

        await self._change(Pod, namespace, name, plan, dry_run=False)

    async def commit(self, plans: Sequence[Plan], *, idempotency_key: str = "") -> Sequence[Stored]:
        """Carry out plans together or not at all; answers the objects as they are then. Where
        another write has had the idempotency key, nothing is done (see `remembered`).

        Raises `Conflict` or `AlreadyExists` for the first object that has changed since,
        `Forbidden` where a ResourceQuota is exceeded.
        """
        every = [one for plan in plans for one in (plan, *plan.companions)]
        if not self._quotas.concerns(every):
            return await self._commit(plans, every, idempotency_key)
        async with self._quotas.charged(every) as charged:
            counted = {plan.key: plan for plan in charged}
            plans = [counted[plan.key] if plan.kind is ResourceQuota else plan for plan in plans]
            return await self._commit(plans, charged, idempotency_key)

    async def _commit(
        self, plans: Sequence[Plan], every: Sequence[Plan], idempotency_key: str
    ) -> Sequence[Stored]:
        """Carry out `every` plan, companions and all; answers the objects of `plans`."""
        operations = [plan.operation for plan in every if plan.operation is not None]
        revisions: dict[str, int] = {}
        if operations:
            write = Write(operations, current_actor(), current_cause(), idempotency_key)
            with _store_errors_translated(every):
                entries = await self._store.commit(write)
            revisions = {entry.key: entry.revision for entry in entries}
        return [
            Stored(plan.kind, plan.key, revisions.get(plan.key, plan.present_revision), plan.data)
            for plan in plans
        ]

    async def _carry_out(self, plan: Plan, dry_run: bool, idempotency_key: str = "") -> Stored:
        if dry_run:
            if self._quotas.concerns((plan,)):
                async with self._quotas.charged((plan,)) as charged:
                    plan = charged[0]
            return Stored(plan.kind, plan.key, plan.present_revision, plan.data)
        (stored,) = await self.commit((plan,), idempotency_key=idempotency_key)
        return stored

    async def _change(
        self,
        kind: type[Kind],
        namespace: str,
        name: str,
        plan: Callable[[Stored], Awaitable[Plan]],
        dry_run: bool,
    ) -> Stored:
        """Read, plan, commit; from the start again where another write came between.

        A conflict that the plan itself finds (a resourceVersion of the caller's) is final.
        """
        for _ in range(CONFLICT_RETRIES_MAX):
            made = await plan(self.planner.read(kind, namespace, name))
            try:
                return await self._carry_out(made, dry_run)
            except Conflict:
                continue
        raise Conflict.modified(kind.info.qualified_plural, name)


@contextmanager
def _store_errors_translated(plans: Iterable[Plan]) -> Iterator[None]:
    try:
        yield
    except PreconditionFailed as error:
        plan = next(plan for plan in plans if plan.key == error.key)
        plural, name = plan.kind.info.qualified_plural, plan.key.rsplit("/", 1)[1]
        if error.expected_revision == 0:
            raise AlreadyExists.of(plural, name) from error
        raise Conflict.modified(plural, name) from error
    except StoreFull as error:
        raise InsufficientStorage(f"the write was refused: {error}") from error
    except StoreError as error:
        raise ApiError(f"the write was not carried out: {error}") from error
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _set_scheduled(pod: Pod, clock: Clock) -> None:
    conditions = [found for found in pod.status.conditions if found.type != "PodScheduled"]
    scheduled = PodCondition(
        type="PodScheduled",
        status="True",
        observed_generation=pod.metadata.generation,
        last_transition_time=now_timestamp(clock),
    )
    pod.status.conditions = [*conditions, scheduled]
