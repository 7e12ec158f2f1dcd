"""The managers of an object's fields: metadata.managedFields as field sets, and what a write makes
of them.

A manager who applies owns what it applies, and nothing else; one who writes otherwise owns what it
has changed, until somebody else changes it or takes it away.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from kernel.api.errors import Conflict
from kernel.api.server_side_apply.documents import Comparison
from kernel.api.server_side_apply.field_sets import EMPTY, FieldSet, FieldSetError, Path, shown
from kernel.objects.meta import ManagedFieldsEntry, StatusCause, StatusDetails

Operation = Literal["Apply", "Update"]

FIELDS_TYPE = "FieldsV1"

# What the API sets belongs to nobody.
_NOBODYS = FieldSet.of(
    [
        *(("f:apiVersion",), ("f:kind",), ("f:metadata",)),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                *("name", "namespace", "creationTimestamp", "selfLink", "uid"),
                *("generation", "managedFields", "resourceVersion"),
            )
        ),
    ]
)


class Manager(msgspec.Struct, frozen=True):
    """Who has set fields, and how. Of one who applies, the version does not matter."""

    name: str
    operation: Operation
    api_version: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        """In the words of a conflict."""
        text = msgspec.json.encode(self.name).decode()
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text


class Owned(msgspec.Struct, frozen=True):
    """The fields of a manager, as of a version, and when it last changed any of them."""

    fields: FieldSet
    api_version: str
    time: datetime | None = None


Managers = Mapping[Manager, Owned]


def read_managers(entries: Iterable[ManagedFieldsEntry]) -> dict[Manager, Owned]:
    """What the entries say; those that make no sense are left out, as nobody can use them."""
    managers: dict[Manager, Owned] = {}
    for entry in entries:
        if entry.operation not in ("Apply", "Update") or entry.fields_type != FIELDS_TYPE:
            continue
        try:
            fields = FieldSet.decode(entry.fields_v1 or {})
        except FieldSetError:
            continue
        operation: Operation = "Apply" if entry.operation == "Apply" else "Update"
        version = "" if operation == "Apply" else entry.api_version
        manager = Manager(entry.manager, operation, version, entry.subresource)
        managers[manager] = Owned(fields, entry.api_version, entry.time)
    return managers


def write_managers(managers: Managers) -> list[ManagedFieldsEntry]:
    """The entries, those who apply first, then by time; who owns nothing has none."""
    ordered = sorted(managers.items(), key=lambda item: _place(*item))
    return [
        ManagedFieldsEntry(
            manager=manager.name,
            operation=manager.operation,
            api_version=owned.api_version,
            time=owned.time,
            fields_type=FIELDS_TYPE,
            fields_v1=owned.fields.encode(),
            subresource=manager.subresource,
        )
        for manager, owned in ordered
        if owned.fields
    ]


def _place(manager: Manager, owned: Owned) -> tuple[str, float, str, str]:
    time = owned.time.timestamp() if owned.time else 0
    return manager.operation, time, manager.name, manager.subresource


def stripped(fields: FieldSet) -> FieldSet:
    """`fields` without those that belong to nobody."""
    return fields.difference(_NOBODYS)


def after_update(
    managers: Managers, comparison: Comparison, writer: Manager, version: str, now: datetime
) -> dict[Manager, Owned]:
    """The managers after an ordinary write, which takes whatever it changes."""
    others = _after_others(managers, comparison, writer)
    changed = stripped(comparison.changed)
    present = managers.get(writer)
    if present is not None:
        kept = present.fields.difference(comparison.removed).union(changed)
        time = now if changed else present.time
        others[writer] = Owned(kept, version, time)
    elif changed:
        others[writer] = Owned(changed, version, now)
    return {manager: owned for manager, owned in others.items() if owned.fields}


def after_apply(
    managers: Managers,
    comparison: Comparison,
    applier: Manager,
    owned: Owned,
    *,
    force: bool,
) -> dict[Manager, Owned]:
    """The managers after an apply that makes `owned` all that the applier owns. Raises `Conflict`
    where that changes fields of others, unless `force` takes these over."""
    if not force:
        _require_no_conflict(managers, comparison, applier)
    after = _after_others(managers, comparison, applier)
    after[applier] = owned
    return {manager: owned for manager, owned in after.items() if owned.fields}


def _after_others(
    managers: Managers, comparison: Comparison, writer: Manager
) -> dict[Manager, Owned]:
    """All but the writer, without what the write has changed or taken away."""
    lost = comparison.changed.union(comparison.removed)
    return {
        manager: msgspec.structs.replace(owned, fields=owned.fields.difference(lost))
        for manager, owned in managers.items()
        if manager != writer
    }


def _require_no_conflict(managers: Managers, comparison: Comparison, applier: Manager) -> None:
    conflicts: dict[str, list[Path]] = {}
    for manager, owned in managers.items():
        common = owned.fields.intersection(comparison.changed)
        if manager != applier and common:
            words = str(manager)
            if manager.operation == "Update":
                words += f" using {owned.api_version}"
            conflicts.setdefault(words, []).extend(common.paths())
    if conflicts:
        raise conflict_of(conflicts)


def conflict_of(conflicts: Mapping[str, list[Path]]) -> Conflict:
    """The refusal of an apply, from who is in the way to the fields that are theirs."""
    causes = [
        StatusCause(
            reason="FieldManagerConflict", message=f"conflict with {words}", field=shown(path)
        )
        for words, paths in sorted(conflicts.items())
        for path in paths
    ]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        lines = [
            line
            for words, paths in sorted(conflicts.items())
            for line in (f"conflicts with {words}:", *(f"- {shown(path)}" for path in paths))
        ]
        message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return Conflict(message, details=StatusDetails(causes=causes))


def owned_by_all(managers: Managers) -> FieldSet:
    """What anybody owns."""
    fields = EMPTY
    for owned in managers.values():
        fields = fields.union(owned.fields)
    return fields
