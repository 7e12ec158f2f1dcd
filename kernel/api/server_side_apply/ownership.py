"""Objects and their managers: an apply as the object that it makes, and ordinary writes followed.

An object's managers are kept from its first apply on. What came before is told from the log then
(`history.py`).
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from kernel.api.causes import Causes
from kernel.api.changes import time_of
from kernel.api.client import Subresource
from kernel.api.context import current_actor
from kernel.api.defaulting import default
from kernel.api.errors import BadRequest, Conflict, Invalid, UnreadableObject
from kernel.api.field_validation import refusal
from kernel.api.server_side_apply.documents import ABSENT, cleaned
from kernel.api.server_side_apply.history import (
    NAME_BYTES_MAX,
    WrittenState,
    manager_name_of,
    managers_of,
    tracked,
)
from kernel.api.server_side_apply.managers import (
    Manager,
    Managers,
    read_managers,
    write_managers,
)
from kernel.api.server_side_apply.merge import applied_document, applied_managers
from kernel.api.server_side_apply.shapes import shape_of
from kernel.api.stored import Stored
from kernel.api.upcasting import Upcasters
from kernel.clock import NANOSECONDS_PER_SECOND, Clock, now_timestamp
from kernel.objects.custom_object import wire_form
from kernel.objects.decoding import DecodeFailure, decode
from kernel.objects.kind import Kind, KindInfo
from kernel.objects.meta import ManagedFieldsEntry
from kernel.store.schema import Entry, Verb
from kernel.store.store import StoreReader

HISTORY_ENTRIES_MAX = 128  # reading them holds up all else for some milliseconds

_RESET = [ManagedFieldsEntry()]


class Application(msgspec.Struct, frozen=True):
    """What is applied: plain JSON values, by whom, and whether fields of others are taken over."""

    configuration: dict[str, Any]
    field_manager: str
    force: bool = False


class FieldOwnership:
    """Reads and writes metadata.managedFields, against what a store holds now."""

    def __init__(self, store: StoreReader, clock: Clock, upcasters: Upcasters):
        self._store = store
        self._clock = clock
        self._upcasters = upcasters

    def applied(
        self,
        kind: type[Kind],
        key: str,
        present: Stored | None,
        application: Application,
        subresource: Subresource,
    ) -> Any:
        """The object after an apply, defaulted, and with its managers; not yet validated.

        Raises `BadRequest` for what makes no object of the kind, `Invalid` for the name of no
        manager, and `Conflict`.
        """
        _require_field_manager(application.field_manager)
        wanted = _checked(application.configuration, kind.info, key, present)
        applier = Manager(application.field_manager, "Apply", subresource=subresource)
        try:
            configuration = cleaned(_of_subresource(wanted, kind.info, subresource), shape_of(kind))
            return self._merged(kind, present, configuration, applier, force=application.force)
        except RecursionError:
            raise BadRequest("the configuration is nested too deeply") from None

    def _merged(
        self,
        kind: type[Kind],
        present: Stored | None,
        configuration: Any,
        applier: Manager,
        *,
        force: bool,
    ) -> Any:
        shape, version = shape_of(kind), kind.info.api_version
        live: Any = {} if present is None else _document(present.data)
        managers = self._managers(present)
        obj = _decoded(kind, applied_document(live, configuration, shape, managers, applier))
        # The live object is with its defaults: what lacks but these is no change, and no conflict.
        default(obj)
        after = applied_managers(
            live,
            _document(wire_form(obj)),
            configuration,
            shape,
            managers,
            applier,
            version=version,
            now=now_timestamp(self._clock),
            force=force,
        )
        obj.metadata.managed_fields = write_managers(after)
        return obj

    def follow(self, present: Stored | None, obj: Kind) -> None:
        """Put down an ordinary write, `obj` in place of `present`, in the managers of an object
        that has some. One empty entry, from the writer, ends the following of the object."""
        if obj.metadata.managed_fields == _RESET:
            obj.metadata.managed_fields = []
        if not obj.metadata.managed_fields:
            return
        managers = read_managers(obj.metadata.managed_fields)
        if present is not None and not managers:
            managers = read_managers(present.metadata().managed_fields)
        try:
            after = tracked(
                managers,
                ABSENT if present is None else _document(present.data),
                _document(wire_form(obj)),
                shape_of(type(obj)),
                manager_name_of(current_actor()),
                obj.info.api_version,
                now_timestamp(self._clock),
            )
        except RecursionError:
            raise BadRequest("the object is nested too deeply") from None
        obj.metadata.managed_fields = write_managers(after)

    def _managers(self, present: Stored | None) -> Managers:
        """Who manages an object: as it says itself, else as the log says."""
        if present is None:
            return {}
        managers = read_managers(present.metadata().managed_fields)
        if managers:
            return managers
        states = reversed(list(self._states(present)))
        return managers_of(states, shape_of(present.kind), present.info.api_version)

    def _states(self, present: Stored) -> Iterator[WrittenState]:
        """The states of an object, the newest first, as far back as they can be read."""
        revision = present.revision
        for _ in range(HISTORY_ENTRIES_MAX):
            entry = self._store.entry(revision) if revision else None
            if entry is None:
                return
            try:
                yield self._state(present.kind, entry)
            except UnreadableObject:
                return
            revision = entry.previous_revision
            if entry.verb is Verb.CREATE:
                return

    def _state(self, kind: type[Kind], entry: Entry) -> WrittenState:
        stored = self._upcasters.stored(kind, entry.key, entry.revision, entry.value)
        time = time_of(entry.time_nanoseconds // NANOSECONDS_PER_SECOND * NANOSECONDS_PER_SECOND)
        return WrittenState(
            _document(stored.data), manager_name_of(entry.actor), time, entry.verb is Verb.CREATE
        )


def _decoded(kind: type[Kind], document: Any) -> Any:
    try:
        return decode(kind, document)
    except DecodeFailure as failure:
        raise refusal(kind, document, failure.errors) from failure


def _require_field_manager(name: str) -> None:
    causes = Causes()
    if not name:
        causes.required("fieldManager", "is required for apply patch")
    if len(name.encode()) > NAME_BYTES_MAX:
        causes.too_long("fieldManager", NAME_BYTES_MAX)
    if not name.isprintable():
        causes.invalid("fieldManager", name, "should only contain printable characters")
    if causes.found:
        raise Invalid.of("meta.k8s.io", "PatchOptions", "", causes.found)


def _document(data: bytes) -> Any:
    """An object as plain values, without its managers, who don't manage themselves."""
    document = msgspec.json.decode(data)
    document["metadata"].pop("managedFields", None)
    return document


def _checked(
    configuration: dict[str, Any], info: KindInfo, key: str, present: Stored | None
) -> dict[str, Any]:
    """The configuration, sure to be of this object; its metadata names it."""
    _, _, _, namespace, name = key.split("/", 4)
    for field, expected in (("apiVersion", info.api_version), ("kind", info.kind)):
        if configuration.get(field) != expected:
            raise BadRequest(
                f"the {field} of the configuration must be {expected}, as the request's is"
            )
    metadata = configuration.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise BadRequest(".metadata: expected map")
    if metadata.get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")
    if metadata.get("name", name) != name:
        raise BadRequest(
            f"the name of the object ({metadata['name']}) does not match the name on the URL "
            f"({name})"
        )
    if present is None and metadata.get("uid"):
        raise Conflict(
            f'Operation cannot be fulfilled on {info.qualified_plural} "{name}": uid mismatch: the '
            f"provided object specified uid {metadata['uid']}, and no existing object was found"
        )
    named = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {**configuration, "metadata": named | metadata}


def _of_subresource(
    configuration: dict[str, Any], info: KindInfo, subresource: Subresource
) -> dict[str, Any]:
    """What of the configuration can be written there: the rest is nobody's."""
    if not subresource:
        return {
            field: value
            for field, value in configuration.items()
            if field != "status" or not info.has_status
        }
    identity = {field: configuration["metadata"].get(field) for field in ("name", "namespace")}
    kept = {field: configuration[field] for field in ("apiVersion", "kind")}
    if subresource == "status":
        part = {"status": configuration.get("status")}
    else:
        spec = configuration.get("spec")
        listed = spec.get("ephemeralContainers") if isinstance(spec, dict) else None
        part = {"spec": {"ephemeralContainers": listed}}
    return {**kept, "metadata": identity, **part}
