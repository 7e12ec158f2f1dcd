"""Entries of the log in words: who did what to which object, and what that changed."""

from collections.abc import Iterable
from typing import Any

import msgspec

from kernel.cli.lookup import kind_of_key
from kernel.objects.field_changes import ABSENT, FieldChange, field_changes
from kernel.store.schema import Entry, Verb
from kernel.store.store import StoreReader

CHANGES_SHOWN_MAX = 6
VALUE_WIDTH_MAX = 60

_PAST_TENSE = {Verb.CREATE: "created", Verb.UPDATE: "updated", Verb.DELETE: "deleted"}
_NOISE = (
    "metadata.generation",
    "metadata.managedFields",
    'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]',
)
_NOISE_AT_THE_END = ("lastTransitionTime", "containerID")


def deed(entry: Entry, *, key: str = "") -> str:
    """`node-agent updated pods/default/web`; `key` says it in other words."""
    return f"{entry.actor} {_PAST_TENSE[entry.verb]} {key or short_key(entry.key)}"


def short_key(key: str) -> str:
    """`pods/default/web`, `nodes/one`, `websites.example.dev/default/hello`."""
    _, group, plural, namespace, name = key.split("/", 4)
    kind = plural if group == "core" else f"{plural}.{group}"
    return "/".join(part for part in (kind, namespace, name) if part)


def cause_of(reader: StoreReader, entry: Entry) -> str:
    """The revision of the entry's cause, and what that was; empty where it has none."""
    if not entry.cause:
        return ""
    cause = reader.entry(entry.cause)
    return f"{entry.cause} {deed(cause) if cause else '(no longer in the log)'}"


def changes_of(reader: StoreReader, entry: Entry) -> list[FieldChange] | None:
    """What an entry changed; for a creation, all that there was then. None where the log no longer
    has the state before it."""
    if entry.verb is Verb.CREATE:
        return document_changes(entry.key, b"{}", entry.value)
    previous = reader.entry(entry.previous_revision)
    return None if previous is None else document_changes(entry.key, previous.value, entry.value)


def document_changes(key: str, before: bytes, after: bytes) -> list[FieldChange]:
    """What differs between two states of the object under a key."""
    decode = msgspec.json.decode
    return field_changes(decode(before), decode(after), kind_of_key(key))


def change_lines(
    changes: Iterable[FieldChange],
    *,
    shown_max: int | None = CHANGES_SHOWN_MAX,
    width: int | None = VALUE_WIDTH_MAX,
) -> list[str]:
    """A line a change: `status.phase` before what is deeper in the status, conditions last; at most
    `shown_max`, values cut at `width`. With a `shown_max`, what only follows from other fields is
    left out."""
    told = sorted(changes, key=lambda change: _rank(change.path))
    if shown_max is not None:
        told = [change for change in told if not _is_noise(change.path)]
    lines = [
        f"{change.path}: {_shown(change.before, width)} → {_shown(change.after, width)}"
        for change in told
    ]
    if shown_max is not None and len(lines) > shown_max:
        lines = [*lines[:shown_max], f"… and {len(lines) - shown_max} more"]
    return lines


def update_lines(reader: StoreReader, entry: Entry) -> list[str]:
    """What an update changed, for people; nothing for a creation and a deletion."""
    if entry.verb is not Verb.UPDATE:
        return []
    changes = changes_of(reader, entry)
    return (
        ["(the state before it is no longer in the log)"]
        if changes is None
        else (change_lines(changes))
    )


def shown(value: Any) -> str:
    """A value on one line, cut where it is long."""
    return _shown(value, VALUE_WIDTH_MAX)


def _rank(path: str) -> tuple[bool, int, str]:
    return "conditions[" in path, path.count(".") + path.count("["), path


def _is_noise(path: str) -> bool:
    return path.startswith(_NOISE) or path.endswith(_NOISE_AT_THE_END)


def _shown(value: Any, width: int | None) -> str:
    if value is ABSENT:
        return "nothing"
    text = msgspec.json.encode(value).decode()
    return text if width is None or len(text) <= width else text[: width - 1] + "…"
