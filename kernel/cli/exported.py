"""The log as lines of JSON, which any tool can read and `podkernel import` takes back.

The first line says what follows; then comes an entry a line, in order:

    {"podkernelExport":1,"oldestRevision":1,"revision":2,"entries":2}
    {"revision":1,"timeNanoseconds":…,"verb":"create","key":"/core/namespaces//default",…}
    {"revision":2,…,"previousRevision":0,"actor":"…","cause":1,"idempotencyKey":"","object":{…}}

`object` is what the entry stored; for a delete, the last state. Checkpoints of projections are
left out: they are made anew from the entries.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from kernel.cli.failure import CommandFailure
from kernel.store.schema import Entry, Verb

FORMAT = 1


class Heading(msgspec.Struct, frozen=True, rename="camel"):
    """The first line."""

    podkernel_export: int
    oldest_revision: int
    revision: int
    entries: int


class _Line(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    revision: int
    time_nanoseconds: int
    verb: str
    key: str
    previous_revision: int
    actor: str
    cause: int
    idempotency_key: str
    object: msgspec.Raw


_heading_decoder = msgspec.json.Decoder(Heading)
_line_decoder = msgspec.json.Decoder(_Line)
_document_decoder = msgspec.json.Decoder(dict[str, Any])


def encode_heading(heading: Heading) -> bytes:
    """The first line, with its end."""
    return msgspec.json.encode(heading) + b"\n"


def encode_entry(entry: Entry) -> bytes:
    """An entry's line, with its end."""
    line = _Line(
        revision=entry.revision,
        time_nanoseconds=entry.time_nanoseconds,
        verb=entry.verb.name.lower(),
        key=entry.key,
        previous_revision=entry.previous_revision,
        actor=entry.actor,
        cause=entry.cause,
        idempotency_key=entry.idempotency_key,
        object=msgspec.Raw(entry.value),
    )
    return msgspec.json.encode(line) + b"\n"


def decode_lines(lines: Iterable[bytes], name: str) -> tuple[Heading, Iterator[Entry]]:
    """What `encode_heading` and `encode_entry` have written. Raises `CommandFailure`, with `name`
    and the number of the line, for what they haven't; also while the entries are iterated."""
    numbered = enumerate(lines, start=1)
    _, first = next(numbered, (1, b""))
    try:
        heading = _heading_decoder.decode(first)
    except msgspec.DecodeError as error:
        raise CommandFailure(f"{name}: its first line is not that of an export") from error
    if heading.podkernel_export != FORMAT:
        raise CommandFailure(
            f"{name}: it has format {heading.podkernel_export}; this podkernel knows {FORMAT}"
        )
    return heading, _entries(numbered, heading, name)


def _entries(numbered: Iterator[tuple[int, bytes]], heading: Heading, name: str) -> Iterator[Entry]:
    revision = 0
    for number, line in numbered:
        try:
            entry = _entry(line)
        except (msgspec.DecodeError, KeyError, struct.error, ValueError) as error:
            raise CommandFailure(f"{name}, line {number}: it is no entry: {error}") from error
        revision = entry.revision
        yield entry
    if revision != heading.revision:
        raise CommandFailure(
            f"{name} is cut short: it ends at revision {revision} of {heading.revision}"
        )


def _entry(line: bytes) -> Entry:
    read = _line_decoder.decode(line)
    value = bytes(read.object)
    _document_decoder.decode(value)
    return Entry.make(
        read.revision,
        read.time_nanoseconds,
        Verb[read.verb.upper()],
        read.key,
        value,
        read.previous_revision,
        read.actor,
        read.cause,
        read.idempotency_key,
    )
