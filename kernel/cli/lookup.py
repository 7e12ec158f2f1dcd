"""Names as a person types them on the command line, found in the log."""

import difflib
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from kernel.api.client import WatchEventType
from kernel.api.custom_resources.custom_kinds import CustomKinds
from kernel.api.errors import ApiError
from kernel.api.stored import Stored
from kernel.cli.progress import showing_progress
from kernel.clock import SystemClock
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.store.snapshot import Progress
from kernel.store.store import StoreReader

BATCH_ENTRIES = 4096


class LookupFailure(Exception):
    """No such object, or no such kind; the message is one line."""


class ObjectName(msgspec.Struct, frozen=True):
    """KIND/NAME, the kind as it was typed."""

    kind: str
    name: str


def parse_object_name(text: str) -> ObjectName:
    """`pod/web` in its parts. Raises `LookupFailure`."""
    kind, separator, name = text.partition("/")
    if not (kind and separator and name):
        raise LookupFailure(f'expected KIND/NAME (such as pod/web), got "{text}"')
    return ObjectName(kind, name)


def find_key(reader: StoreReader, wanted: ObjectName, namespace: str) -> str:
    """The store key of an object that is in the log, living or deleted.

    Kinds of plugins are not known here: they are found by their plural in the keys themselves.
    """
    prefixes = find_prefixes(reader, wanted.kind)
    for prefix in prefixes:
        for place in (namespace, ""):
            key = f"{prefix}{place}/{wanted.name}"
            if reader.history(key):
                return key
    near = _nearest(reader, prefixes, namespace, wanted.name)
    hint = f', did you mean "{near}"?' if near else ""
    raise LookupFailure(
        f'there is no {wanted.kind} "{wanted.name}" in namespace {namespace} in this log{hint}'
    )


def find_prefixes(reader: StoreReader, kind: str) -> list[str]:
    """The prefixes of the keys of kinds that have this name. Raises `LookupFailure`."""
    kinds = _kinds_in(reader)
    known = kinds.by_name(kind)
    if known is not None:
        return [known.info.key_prefix()]
    typed, dot, group = kind.lower().partition(".")
    plurals = {typed, typed + "s", typed + "es", typed.removesuffix("y") + "ies"}
    # Objects that exist are found at once; for others, every entry must be looked at.
    for look in (_living_prefixes, _all_prefixes):
        found = [
            prefix
            for prefix in look(reader)
            if prefix.split("/")[2] in plurals and (not dot or prefix.split("/")[1] == group)
        ]
        if found:
            return found
    suggestion = kinds.suggest(kind)
    hint = f', did you mean "{suggestion.lower()}"?' if suggestion else ""
    raise LookupFailure(f'there is no kind "{kind}" in this log{hint}')


def _kinds_in(reader: StoreReader) -> KindTable:
    """The core's kinds, and those that definitions in the log define now."""
    kinds = KindTable.core()
    custom_kinds = CustomKinds(kinds, SystemClock())
    for item in reader.scan(CustomResourceDefinition.info.key_prefix())[0]:
        with suppress(ApiError):  # one that can't be read defines nothing
            stored = Stored(CustomResourceDefinition, item.key, item.revision, item.value)
            custom_kinds.take_in(WatchEventType.ADDED, stored.decode())
    return kinds


def kind_of_key(key: str) -> type[Kind] | None:
    """The struct of the objects under a key, where it is one of the core's."""
    _, group, plural, *_ = key.split("/")
    for kind in KindTable.core():
        if kind.info.plural == plural and (kind.info.group or "core") == group:
            return kind
    return None


def _living_prefixes(reader: StoreReader) -> Iterable[str]:
    """The prefix of each kind that has living objects, by skipping from kind to kind."""
    after_key = ""
    while True:
        items, _ = reader.scan("/", after_key=after_key, limit=1)
        if not items:
            return
        _, group, plural, *_ = items[0].key.split("/")
        yield f"/{group}/{plural}/"
        after_key = f"/{group}/{plural}0"  # "0" follows "/": the first key behind this kind


def _all_prefixes(reader: StoreReader) -> Iterable[str]:
    """The prefix of each kind that the log has entries of."""
    prefixes: dict[str, None] = {}
    revision, newest = 1, reader.revision
    with showing_progress("searching the log") as report:
        while True:
            entries, looked_at = reader.entries(revision, scan_limit=BATCH_ENTRIES, with_gaps=True)
            if looked_at < revision:
                return list(prefixes)
            for entry in entries:
                _, group, plural, *_ = entry.key.split("/")
                prefixes[f"/{group}/{plural}/"] = None
            report(Progress(looked_at, newest))
            revision = looked_at + 1


def _nearest(reader: StoreReader, prefixes: list[str], namespace: str, name: str) -> str | None:
    names = [
        item.key.rsplit("/", 1)[1]
        for prefix in prefixes
        for item in reader.scan(f"{prefix}{namespace}/")[0]
    ]
    near = difflib.get_close_matches(name, names, n=1)
    return near[0] if near else None
