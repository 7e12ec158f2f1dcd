"""From a request to the store operation that carries it out, under all of the API's rules.

A plan is made against the present state of the object and names the revision of that state, so
that it happens only if nothing has come between. `ObjectApi` commits one plan and makes it anew
after a conflict; a transaction commits several at once.

The pipeline of a create or update, in order:
    mutate (admission) → default → metadata → validate → admission's validation → encode → measure
"""

from collections.abc import Callable
from typing import Any

import msgspec

from kernel.api import metadata, strategies
from kernel.api.admission import AdmissionChain, AdmissionRequest, Operation as AdmissionOperation
from kernel.api.client import Subresource
from kernel.api.context import current_actor, current_request, warn
from kernel.api.custom_resources.custom_kinds import CustomKinds
from kernel.api.defaulting import default
from kernel.api.deletion import mark_dependents, require_valid_options
from kernel.api.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound
from kernel.api.living_namespaces import LivingNamespaces
from kernel.api.pod_resize import with_resizes
from kernel.api.server_side_apply.ownership import Application, FieldOwnership
from kernel.api.stored import Stored, encode, require_storable
from kernel.api.upcasting import Upcasters
from kernel.api.validation import validate_create, validate_update
from kernel.api.warnings import warnings_of
from kernel.clock import Clock, now_timestamp
from kernel.objects.custom_object import CustomObject
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.kind import Kind
from kernel.objects.meta import DeleteOptions, StatusCause
from kernel.objects.namespace import Namespace
from kernel.objects.pod import Pod
from kernel.objects.pod_status import PodCondition
from kernel.store.log import Item, Operation
from kernel.store.store import StoreReader


class Plan(msgspec.Struct, frozen=True):
    """One store operation, or none where the object is already as asked (`operation` None).

    `data` is the object's stored form afterwards; for a deletion its last state. `companions` are
    other operations that belong to this one.
    """

    kind: type[Kind]
    key: str
    data: bytes
    operation: Operation | None
    present_revision: int = 0
    companions: "tuple[Plan, ...]" = ()

    @property
    def deletes(self) -> bool:
        """Whether the object is gone afterwards."""
        return self.operation is not None and self.operation.value is None


class Planner:
    """Makes plans against what a store holds now."""

    def __init__(
        self,
        store: StoreReader,
        clock: Clock,
        admission: AdmissionChain,
        upcasters: Upcasters,
        custom_kinds: CustomKinds,
    ):
        self._store = store
        self._custom_kinds = custom_kinds
        self._upcasters = upcasters
        self._clock = clock
        self._admission = admission
        self._living_namespaces = LivingNamespaces(store)
        self.ownership = FieldOwnership(store, clock, upcasters)

    def read(self, kind: type[Kind], namespace: str, name: str) -> Stored:
        """The object as it is now. Raises `NotFound`, `UnreadableObject`."""
        item = self._item(kind, namespace, name)
        return self._upcasters.stored(kind, item.key, item.revision, item.value)

    def _item(self, kind: type[Kind], namespace: str, name: str) -> Item:
        item = self._store.get(kind.info.key(namespace, name))
        if item is None:
            raise NotFound.of(kind.info.qualified_plural, name)
        return item

    async def create(
        self,
        obj: Kind,
        namespace: str,
        *,
        dry_run: bool = False,
        is_name_checked: bool = True,
        is_applied: bool = False,
    ) -> Plan:
        """Store a new object; `obj` is changed on the way. `is_name_checked` false leaves it to the
        commit to find the name taken: it may be free by then, or is as good as now.
        `is_applied`: its managers are complete (see `FieldOwnership.applied`)."""
        self._require_living_namespace(obj, namespace)
        if isinstance(obj, CustomObject) and obj.is_terminating:
            raise Forbidden(
                f'{obj.info.qualified_plural} "{obj.metadata.name}" is forbidden: '
                "create not allowed while custom resource definition is terminating"
            )
        metadata.prepare_create(obj, namespace, self._clock)
        strategies.reset_status(obj)
        wanted = await self._admit("CREATE", obj, None, dry_run)
        self._require_living_namespace(obj, namespace)  # whoever was asked may have taken long
        key = obj.info.key(namespace, obj.metadata.name)
        if is_name_checked and self._store.get(key) is not None:
            raise AlreadyExists.of(obj.info.qualified_plural, obj.metadata.name)
        _warn_of(obj, is_new=True)
        if obj.metadata.managed_fields and not is_applied:
            self.ownership.follow(None, obj)
        companions = [await self._companion(one, obj, dry_run) for one in wanted]
        return self._creation(obj, tuple(one for one in companions if one is not None))

    async def _companion(self, companion: Kind, obj: Kind, dry_run: bool) -> Plan | None:
        """The creation of what a hook wants to be there with `obj`; None where it is there."""
        namespace = companion.metadata.namespace
        if not (isinstance(obj, Namespace) and obj.metadata.name == namespace):
            self._require_living_namespace(companion, namespace)
        metadata.prepare_create(companion, namespace, self._clock)
        strategies.reset_status(companion)
        await self._admit("CREATE", companion, None, dry_run)
        plan = self._creation(companion, ())
        return plan if self._store.get(plan.key) is None else None

    @staticmethod
    def _creation(obj: Kind, companions: tuple[Plan, ...]) -> Plan:
        key, data = obj.info.key(obj.metadata.namespace, obj.metadata.name), encode(obj)
        require_storable(type(obj), obj.metadata.name, data)
        operation = Operation(key, data, expected_revision=0)
        return Plan(type(obj), key, data, operation, companions=companions)

    async def update(
        self,
        present: Stored,
        obj: Kind,
        *,
        subresource: Subresource = "",
        dry_run: bool = False,
        is_applied: bool = False,
        is_admitted: bool = False,
    ) -> Plan:
        """Replace an object's own fields, or one part alone; `obj` is changed on the way.

        Where that takes away the last thing that held a deletion, the object goes. `is_applied`:
        its managers are complete (see `FieldOwnership.applied`). `is_admitted`: the hooks have been
        asked.
        """
        kind, old = present.kind, present.decode()
        plural, name = kind.info.qualified_plural, present.name
        expected = obj.metadata.resource_version
        if expected and expected != str(present.revision):
            raise Conflict.modified(plural, name)
        metadata.prepare_update(obj, old, plural)
        if subresource == "status":
            new = present.decode()
            new.status = obj.status  # type: ignore[attr-defined]
            await self._admit_status(new, old, present, dry_run)
        else:
            if subresource == "ephemeralcontainers":
                new = strategies.with_ephemeral_containers(present.decode(), obj)
            elif subresource == "resize":
                new = with_resizes(present.decode(), obj)
            else:
                new = obj
                if kind.info.has_status:
                    new.status = old.status  # type: ignore[attr-defined]
            await self._admit("UPDATE", new, old, dry_run, subresource, is_admitted=is_admitted)
            if new.metadata.generation and strategies.spec_changed(new, old):
                new.metadata.generation += 1
                _warn_of(new, is_new=False)
        if is_applied:
            new.metadata.managed_fields = obj.metadata.managed_fields
        elif new.metadata.managed_fields:
            self.ownership.follow(present, new)
        plan = self.replacement(present, new)
        if plan.data == present.data:
            return Plan(kind, present.key, plan.data, None, present.revision)
        if self._may_go(new):
            return self._removal(present, plan.data)
        require_storable(kind, name, plan.data, present.data)
        return plan

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
    ) -> Plan:
        """Server-side apply: change an object to what is applied, or create it so, once
        `before_create` has not refused that."""
        key = kind.info.key(namespace, name)
        try:
            present = self.read(kind, namespace, name)
        except NotFound:
            if subresource:
                raise
            before_create()
            obj = self.ownership.applied(kind, key, None, application, subresource)
            return await self.create(obj, namespace, dry_run=dry_run, is_applied=True)
        obj = self.ownership.applied(kind, key, present, application, subresource)
        return await self.update(
            present, obj, subresource=subresource, dry_run=dry_run, is_applied=True
        )

    async def delete(
        self,
        present: Stored,
        options: DeleteOptions,
        *,
        reason: PodCondition | None = None,
        dry_run: bool = False,
        is_admitted: bool = False,
    ) -> Plan:
        """End an object: remove it, or mark it as being deleted where something holds it. Of a Pod
        the status may tell the `reason`. `is_admitted`: the hooks have been asked. Raises
        `Conflict`, `Invalid` for the options."""
        require_valid_options(options)
        obj = present.decode()
        self._require_preconditions(present, obj.metadata.uid, options)
        if not is_admitted:
            await self._ask_about_deletion(obj, options, dry_run)
        changed = mark_dependents(obj.metadata, options)
        grace = strategies.deletion_grace_seconds(obj, options)
        if grace == 0 and not strategies.holds_deletion(obj):
            return self._removal(present, present.data)
        changed |= metadata.mark_deleted(obj.metadata, grace, self._clock)
        if reason is not None:
            changed |= strategies.set_condition(obj, reason)
        if not changed:
            return Plan(present.kind, present.key, present.data, None, present.revision)
        strategies.mark_terminating(obj, now_timestamp(self._clock))
        return self.replacement(present, obj)

    def removal_of_unreadable(
        self, kind: type[Kind], namespace: str, name: str, options: DeleteOptions
    ) -> Plan:
        """Remove an object that can't be read. No hook is asked and no finalizer waited for: none
        of them could look at it. Raises `NotFound`, `Conflict`."""
        item = self._item(kind, namespace, name)
        present = Stored(kind, item.key, item.revision, item.value)
        self._require_preconditions(present, present.metadata().uid, options)
        return self._removal(present, present.data)

    def replacement(self, present: Stored, obj: Kind) -> Plan:
        """Store `obj` in place of `present` as it is, no rule applied."""
        data = encode(obj)
        operation = Operation(present.key, data, expected_revision=present.revision)
        return Plan(present.kind, present.key, data, operation, present.revision)

    def _removal(self, present: Stored, data: bytes) -> Plan:
        operation = Operation(
            present.key, None, expected_revision=present.revision, last_value=data
        )
        return Plan(present.kind, present.key, data, operation, present.revision)

    @staticmethod
    def _may_go(obj: Kind) -> bool:
        """Whether a deletion under way has nothing left to wait for."""
        meta = obj.metadata
        return (
            meta.deletion_timestamp is not None
            and not meta.deletion_grace_period_seconds
            and not strategies.holds_deletion(obj)
        )

    def _require_living_namespace(self, obj: Kind, namespace: str) -> None:
        if not obj.info.namespaced:
            if namespace:
                raise BadRequest(f"{obj.info.kind} is cluster-scoped: it is in no namespace")
            return
        if namespace in self._living_namespaces:
            return
        try:
            found = self.read(Namespace, "", namespace)
        except NotFound as error:
            raise NotFound.of("namespaces", namespace) from error
        if found.decode().metadata.deletion_timestamp is not None:
            raise Forbidden(
                f'{obj.info.qualified_plural} "{obj.metadata.name}" is forbidden: unable to '
                f"create new content in namespace {namespace} because it is being terminated"
            )
        self._living_namespaces.add(namespace)

    async def _admit(
        self,
        operation: AdmissionOperation,
        obj: Kind,
        old: Kind | None,
        dry_run: bool,
        subresource: Subresource = "",
        *,
        is_admitted: bool = False,
    ) -> list[Kind]:
        """Complete and check an object; answers what has to be there with it."""
        default(obj)
        if is_admitted or not self._admission.wants(type(obj), operation, subresource):
            self._establish(obj)
            self._require_valid(obj, _causes(obj, old, subresource))
            return []
        request = self._request(operation, obj, old, dry_run, subresource)
        if await self._admission.mutate(type(obj), request):
            default(obj)
            if old is None:
                strategies.reset_status(obj)
            elif obj.info.has_status:
                obj.status = old.status  # type: ignore[attr-defined]
        self._establish(obj)
        self._require_valid(obj, _causes(obj, old, subresource))
        await self._admission.validate(type(obj), request)
        return request.companions

    def _establish(self, obj: Kind) -> None:
        """Say in the status of a definition whether its kind is served."""
        if isinstance(obj, CustomResourceDefinition):
            obj.status = self._custom_kinds.status_of(obj)

    async def _admit_status(self, obj: Kind, old: Kind, present: Stored, dry_run: bool) -> None:
        """Check an object of which the status alone is new; what hooks change beside it is lost."""
        if not self._admission.wants(type(obj), "UPDATE", "status"):
            self._require_valid(obj, validate_update(obj, old))
            return
        request = self._request("UPDATE", obj, old, dry_run, "status")
        if await self._admission.mutate(type(obj), request):
            strategies.keep_all_but_status(obj, present.decode())
        self._require_valid(obj, validate_update(obj, old))
        await self._admission.validate(type(obj), request)

    async def _ask_about_deletion(self, old: Kind, options: DeleteOptions, dry_run: bool) -> None:
        if not self._admission.wants(type(old), "DELETE"):
            return
        request = self._request("DELETE", None, old, dry_run)
        request.options = options
        await self._admission.mutate(type(old), request)
        await self._admission.validate(type(old), request)

    @staticmethod
    def _request(
        operation: AdmissionOperation,
        obj: Kind | None,
        old: Kind | None,
        dry_run: bool,
        subresource: str = "",
    ) -> AdmissionRequest:
        subject: Any = obj or old
        return AdmissionRequest(
            operation=operation,
            info=subject.info,
            namespace=subject.metadata.namespace,
            name=subject.metadata.name,
            object=obj,
            old=old,
            actor=current_actor(),
            dry_run=dry_run,
            subresource=subresource,
        )

    @staticmethod
    def _require_valid(obj: Kind, causes: list[StatusCause]) -> None:
        if causes:
            name = obj.metadata.name or obj.metadata.generate_name
            raise Invalid.of(obj.info.group, obj.info.kind, name, causes)

    @staticmethod
    def _require_preconditions(present: Stored, uid: str, options: DeleteOptions) -> None:
        wanted = options.preconditions
        if wanted is None:
            return
        plural = present.info.qualified_plural
        refusal = f'Operation cannot be fulfilled on {plural} "{present.name}": Precondition failed'
        if wanted.uid not in (None, uid):
            raise Conflict(
                f"{refusal}: UID in precondition: {wanted.uid}, UID in object meta: {uid}"
            )
        if wanted.resource_version not in (None, str(present.revision)):
            raise Conflict(
                f"{refusal}: ResourceVersion in precondition: {wanted.resource_version}, "
                f"ResourceVersion in object meta: {present.revision}"
            )


def _causes(obj: Kind, old: Kind | None, subresource: Subresource) -> list[StatusCause]:
    return validate_create(obj) if old is None else validate_update(obj, old, subresource)


def _warn_of(obj: Kind, *, is_new: bool) -> None:
    """Tell a client what is odd about an object that is accepted; nobody else is told. Pods are
    changed by programs more than by people."""
    if current_request() is None or (isinstance(obj, Pod) and not is_new):
        return
    for warning in warnings_of(obj, is_new=is_new):
        warn(warning)
