"""Names as a person types them on the command line, found in the log."""

import difflib

import msgspec

from kernel.objects.kinds import KindTable
from kernel.store.store import StoreReader


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
    prefixes = _prefixes(reader, wanted.kind)
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


def _prefixes(reader: StoreReader, kind: str) -> list[str]:
    known = KindTable.core().by_name(kind)
    if known is not None:
        return [known.info.key_prefix()]
    typed = kind.lower()
    plurals = {typed, typed + "s", typed + "es", typed.removesuffix("y") + "ies"}
    found = [prefix for prefix in _kind_prefixes(reader) if prefix.split("/")[2] in plurals]
    if found:
        return found
    suggestion = KindTable.core().suggest(kind)
    hint = f', did you mean "{suggestion.lower()}"?' if suggestion else ""
    raise LookupFailure(f'there is no kind "{kind}" in this log{hint}')


def _kind_prefixes(reader: StoreReader) -> list[str]:
    """The prefix of each kind that has living objects, by skipping from kind to kind."""
    prefixes: list[str] = []
    after_key = ""
    while True:
        items, _ = reader.scan("/", after_key=after_key, limit=1)
        if not items:
            return prefixes
        _, group, plural, *_ = items[0].key.split("/")
        prefixes.append(f"/{group}/{plural}/")
        after_key = f"/{group}/{plural}0"  # "0" follows "/": the first key behind this kind


def _nearest(reader: StoreReader, prefixes: list[str], namespace: str, name: str) -> str | None:
    names = [
        item.key.rsplit("/", 1)[1]
        for prefix in prefixes
        for item in reader.scan(f"{prefix}{namespace}/")[0]
    ]
    near = difflib.get_close_matches(name, names, n=1)
    return near[0] if near else None
