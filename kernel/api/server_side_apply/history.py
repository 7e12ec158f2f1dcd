"""Who manages an object that was never applied: told from its entries in the log.

Ordinary writes keep no managedFields, which would cost a create half as much again, and twice as
much where it is a Pod's; the log has it all anyway. The first apply of an object makes up for that,
and from then on each write of the object keeps them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from kernel.api.server_side_apply.documents import ABSENT, Comparison, compare
from kernel.api.server_side_apply.field_sets import FieldSet
from kernel.api.server_side_apply.managers import Manager, Managers, after_update
from kernel.api.server_side_apply.shapes import Shape

UNKNOWN_MANAGER = "before-first-apply"
NAME_BYTES_MAX = 128


class WrittenState(msgspec.Struct, frozen=True):
    """A state of an object, and who wrote it; `is_first` where it was new then."""

    document: Any
    manager_name: str
    time: datetime
    is_first: bool = False


def managers_of(states: Iterable[WrittenState], shape: Shape, api_version: str) -> Managers:
    """The managers after these states of one object, the oldest first. Where that is not how the
    object began, nobody knows who set what it had."""
    managers: Managers = {}
    before: Any = ABSENT
    for state in states:
        known = before is not ABSENT or state.is_first
        name = state.manager_name if known else UNKNOWN_MANAGER
        managers = tracked(managers, before, state.document, shape, name, api_version, state.time)
        before = state.document
    return managers


def tracked(
    managers: Managers,
    before: Any,
    after: Any,
    shape: Shape,
    manager_name: str,
    api_version: str,
    now: datetime,
) -> Managers:
    """The managers after an ordinary write. Its status is written on its own, and so by a manager
    of its own; the status with which an object begins is nobody's."""
    comparison = compare(before, after, shape)
    for subresource in ("", "status"):
        if subresource and before is ABSENT:
            break
        writer = Manager(manager_name, "Update", api_version, subresource)
        part = _part(comparison, is_status=bool(subresource))
        managers = after_update(managers, part, writer, api_version, now)
    return managers


def _part(comparison: Comparison, *, is_status: bool) -> Comparison:
    def part(fields: FieldSet) -> FieldSet:
        children = fields.children.items()
        return FieldSet(
            children={name: child for name, child in children if (name == "f:status") is is_status}
        )

    return Comparison(part(comparison.added), part(comparison.modified), part(comparison.removed))


def manager_name_of(actor: str) -> str:
    """The manager that an actor of the log is: `kubectl-edit` of `admin via kubectl-edit`,
    `node-agent` of `node-agent (exit of container web)`."""
    _, via, client = actor.rpartition(" via ")
    name = (client if via else actor.partition(" (")[0]) or UNKNOWN_MANAGER
    return name.encode()[:NAME_BYTES_MAX].decode(errors="ignore")
