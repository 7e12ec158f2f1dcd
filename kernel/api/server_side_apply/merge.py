"""Server-side apply itself: from what is live and what is applied to what will be, and whose.

An applier's configuration is all that it wants to own. What it applies is merged into the object;
what it applied before and no longer does goes, unless others own it. The rules are Kubernetes'
(see "Server-Side Apply" in its documentation).
"""

from datetime import datetime
from typing import Any

from kernel.api.server_side_apply.documents import (
    ABSENT,
    compare,
    field_set_of,
    merge,
    with_structs,
    without,
)
from kernel.api.server_side_apply.field_sets import EMPTY, FieldSet
from kernel.api.server_side_apply.managers import (
    Manager,
    Managers,
    Owned,
    after_apply,
    owned_by_all,
    stripped,
)
from kernel.api.server_side_apply.shapes import Shape


def applied_document(
    live: Any, configuration: Any, shape: Shape, managers: Managers, applier: Manager
) -> Any:
    """`live` as it is when `applier` applies its configuration."""
    merged = merge(live, configuration, shape)
    last = managers.get(applier)
    fields = field_set_of(configuration, shape)
    if last is None or not last.fields.difference(fields):
        return merged  # nothing is let go
    others = {manager: owned for manager, owned in managers.items() if manager != applier}
    owned = owned_by_all(others).union(fields)
    return _pruned(merged, last.fields, owned, shape)


def _pruned(merged: Any, last: FieldSet, owned: FieldSet, shape: Shape) -> Any:
    """`merged` without what its applier has let go of, and nobody owns now.

    1. Take out all that the applier had, structs with all that is in them.
    2. Put back what somebody owns.
    3. Of all else that is lacking now, only what the applier had goes. (What nobody ever owned,
       such as defaults, goes with the struct, or the element of a list, that it is in.)
    """
    last = with_structs(last, shape)
    whole = with_structs(field_set_of(merged, shape), shape)
    left = _fields(without(merged, last, shape), shape)
    kept = without(merged, whole.difference(left.union(with_structs(owned, shape))), shape)
    gone = whole.difference(_fields(kept, shape)).intersection(last)
    return without(merged, gone, shape)


def _fields(document: Any, shape: Shape) -> FieldSet:
    return EMPTY if document is ABSENT else with_structs(field_set_of(document, shape), shape)


def applied_managers(
    live: Any,
    result: Any,
    configuration: Any,
    shape: Shape,
    managers: Managers,
    applier: Manager,
    *,
    version: str,
    now: datetime,
    force: bool,
) -> Managers:
    """Who owns what once `live` has become `result` because `applier` applied its configuration.

    Raises `Conflict` where it changes fields of others and must not. Nothing is newer than before
    where nothing has changed.
    """
    comparison = compare(live, result, shape)
    fields = stripped(field_set_of(configuration, shape))
    owned = Owned(fields, version, now)
    after = after_apply(managers, comparison, applier, owned, force=force)
    last = managers.get(applier)
    if last is not None and fields == last.fields and not comparison.changed:
        after |= {applier: Owned(fields, version, last.time)}
    return after
