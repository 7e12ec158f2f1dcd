"""Whether a definition's names are free, and its kind therefore served: the definition's status.

Source of the rules, reasons and messages: k8s.io/apiextensions-apiserver, pkg/controller/status.
"""

from collections.abc import Set as AbstractSet
from datetime import datetime

import msgspec

from kernel.objects.custom_resource_definition import (
    CLEANUP_FINALIZER,
    CustomResourceDefinition,
    CustomResourceDefinitionCondition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec,
    CustomResourceDefinitionStatus,
)

NAMES_ACCEPTED = "NamesAccepted"
ESTABLISHED = "Established"
TERMINATING = "Terminating"


class TakenNames(msgspec.Struct, frozen=True):
    """The names that other kinds of a group have: on the command line and in paths (`plurals`), and
    in documents (`kinds`)."""

    plurals: AbstractSet[str] = frozenset()
    kinds: AbstractSet[str] = frozenset()


def status_of(
    definition: CustomResourceDefinition, taken: TakenNames, now: datetime
) -> CustomResourceDefinitionStatus:
    """The status that a definition is to have; all that is in the present one and still holds is
    kept. Once a kind is established it stays so."""
    spec, present = definition.spec, definition.status
    names, conflict = _accepted_names(spec.names, present.accepted_names, taken)
    established = definition.has_condition(ESTABLISHED) or conflict is None
    status = CustomResourceDefinitionStatus(
        conditions=list(present.conditions),
        accepted_names=names,
        stored_versions=_stored_versions(spec, present.stored_versions),
        observed_generation=present.observed_generation,
    )
    if conflict is None:
        _set(status, now, NAMES_ACCEPTED, True, "NoConflicts", "no conflicts found")
    else:
        _set(status, now, NAMES_ACCEPTED, False, *conflict)
    if established:
        message = "the initial names have been accepted"
        _set(status, now, ESTABLISHED, True, "InitialNamesAccepted", message)
    else:
        _set(status, now, ESTABLISHED, False, "NotAccepted", "not all names are accepted")
    return status


def begin_termination(definition: CustomResourceDefinition, now: datetime) -> None:
    """Have a definition that is being deleted wait until its objects are gone."""
    if CLEANUP_FINALIZER not in definition.metadata.finalizers:
        definition.metadata.finalizers.append(CLEANUP_FINALIZER)
    message = (
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    )
    _set(definition.status, now, TERMINATING, True, "InstanceDeletionPending", message)


def continue_termination(definition: CustomResourceDefinition, now: datetime) -> None:
    """Say in the status that the objects are being deleted."""
    message = "CustomResource deletion is in progress"
    _set(definition.status, now, TERMINATING, True, "InstanceDeletionInProgress", message)


def _accepted_names(
    wanted: CustomResourceDefinitionNames,
    present: CustomResourceDefinitionNames,
    taken: TakenNames,
) -> tuple[CustomResourceDefinitionNames, tuple[str, str] | None]:
    """Each name that is free or has been accepted before; and the reason and message of the last
    conflict, if there is any."""
    accepted = msgspec.structs.replace(present, categories=wanted.categories)
    conflict: tuple[str, str] | None = None

    def is_free(name: str, before: str, others: AbstractSet[str]) -> bool:
        return name == before or name not in others

    for field, others, reason in (
        ("plural", taken.plurals, "PluralConflict"),
        ("singular", taken.plurals, "SingularConflict"),
        ("short_names", taken.plurals, "ShortNamesConflict"),
        ("kind", taken.kinds, "KindConflict"),
        ("list_kind", taken.kinds, "ListKindConflict"),
    ):
        name = getattr(wanted, field)
        if field == "short_names":
            in_use = [one for one in name if one not in present.short_names and one in others]
        else:
            in_use = [] if is_free(name, getattr(present, field), others) else [name]
        if in_use:
            listed = ", ".join(f'"{one}" is already in use' for one in in_use)
            conflict = reason, f"[{listed}]" if len(in_use) > 1 else listed
        else:
            setattr(accepted, field, name)
    return accepted, conflict


def _stored_versions(spec: CustomResourceDefinitionSpec, present: list[str]) -> list[str]:
    storage = [version.name for version in spec.versions if version.storage][:1]
    return [*present, *(name for name in storage if name not in present)]


def _set(
    status: CustomResourceDefinitionStatus,
    now: datetime,
    type_: str,
    holds: bool,
    reason: str,
    message: str,
) -> None:
    """Put a condition in its place; one that says what it said before stays."""
    condition = CustomResourceDefinitionCondition(
        type=type_,
        status="True" if holds else "False",
        last_transition_time=now,
        reason=reason,
        message=message,
    )
    for index, present in enumerate(status.conditions):
        if present.type == type_:
            if present.status == condition.status:
                condition.last_transition_time = present.last_transition_time
            status.conditions[index] = condition
            return
    status.conditions.append(condition)
