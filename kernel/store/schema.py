"""The layout on disk. This file alone knows it.

One LMDB environment with four databases:

    meta     b"format"           -> FORMAT as decimal text
    log      revision, u64 BE    -> record (below)                    the truth
    head     key, UTF-8          -> revision u64 BE, value            a view: what exists now
    history  key, UTF-8          -> revision u64 BE, sorted duplicates  a view: when it changed

All four change in the same LMDB transaction; head and history can be rebuilt from log.

A record, little endian, is a fixed header and four runs of bytes:

    0        4      5          6            8     10          16      24         32       40
    ┌────────┬──────┬──────────┬────────────┬─────┬───────────┬───────┬──────────┬────────┐
    │ crc32  │ verb │ reserved │ actor size │ key │ reserved  │ time  │ previous │ cause  │ …
    │        │ u8   │ zero     │ u16        │ size│ zero      │ ns    │ revision │        │
    └────────┴──────┴──────────┴────────────┴─────┴───────────┴───────┴──────────┴────────┘
    40: key, UTF-8 │ actor, UTF-8 │ value, opaque bytes

The checksum covers the revision (as its 8 bytes of the key) and all that follows it in the
record, so that a record in another one's place is found out too. For a DELETE, the value is the
last state of the object.
"""

import struct
import zlib
from enum import IntEnum

import msgspec

FORMAT = 1

META_FORMAT = b"format"
DATABASES = ("meta", "log", "head", "history")
KEY_BYTES_MAX = 511  # LMDB's own limit, as it is compiled by default
ACTOR_BYTES_MAX = 2**16 - 1
REVISION_MAX = 2**63 - 1

_HEADER = struct.Struct("<IBBHHHIQQQ")
_REVISION = struct.Struct(">Q")
_CHECKSUM_BYTES = 4

pack_revision = _REVISION.pack


class Verb(IntEnum):
    CREATE = 1
    UPDATE = 2
    DELETE = 3


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One record of the log.

    `time_nanoseconds` is wall time since the epoch; `previous_revision` the entry of the same key
    before this one (0: none); `cause` the revision that its writer reacted to (0: none).
    """

    revision: int
    time_nanoseconds: int
    verb: Verb
    key: str
    value: bytes
    previous_revision: int
    actor: str
    cause: int


class CorruptEntry(Exception):
    """A record does not have the checksum that it was written with."""

    def __init__(self, revision: int):
        super().__init__(f"entry {revision} is damaged: its checksum does not match")
        self.revision = revision


def encode_entry(entry: Entry) -> bytes:
    """The record of an entry, for the log's key `pack_revision(entry.revision)`."""
    key, actor = entry.key.encode(), entry.actor.encode()
    body = b"".join(
        (
            _HEADER.pack(
                0,
                entry.verb,
                0,
                len(actor),
                len(key),
                0,
                0,
                entry.time_nanoseconds,
                entry.previous_revision,
                entry.cause,
            )[_CHECKSUM_BYTES:],
            key,
            actor,
            entry.value,
        )
    )
    checksum = zlib.crc32(body, zlib.crc32(pack_revision(entry.revision)))
    return checksum.to_bytes(_CHECKSUM_BYTES, "little") + body


_VERBS = {int(verb): verb for verb in Verb}


def decode_entry(revision: int, record: bytes) -> Entry:
    """The entry in a record, its checksum not looked at (`verify_entry` does)."""
    _, verb, _, actor_size, key_size, _, _, time_nanoseconds, previous, cause = _HEADER.unpack_from(
        record
    )
    actor_start = _HEADER.size + key_size
    value_start = actor_start + actor_size
    return Entry(
        revision,
        time_nanoseconds,
        _VERBS[verb],
        record[_HEADER.size : actor_start].decode(),
        record[value_start:],
        previous,
        record[actor_start:value_start].decode(),
        cause,
    )


def key_of_record(record: bytes) -> bytes:
    """The key alone, for filtering without decoding the rest."""
    key_size = int.from_bytes(record[8:10], "little")
    return record[_HEADER.size : _HEADER.size + key_size]


def verify_entry(revision: int, record: bytes) -> None:
    """Raise `CorruptEntry` unless the record is as it was written."""
    checksum = zlib.crc32(record[_CHECKSUM_BYTES:], zlib.crc32(pack_revision(revision)))
    if checksum != int.from_bytes(record[:_CHECKSUM_BYTES], "little"):
        raise CorruptEntry(revision)


def unpack_revision(packed: bytes) -> int:
    """The inverse of `pack_revision`."""
    (revision,) = _REVISION.unpack_from(packed)
    return int(revision)


def encode_head(revision: int, value: bytes) -> bytes:
    """The value of a key in the head view."""
    return pack_revision(revision) + value


def decode_head(packed: bytes) -> tuple[int, bytes]:
    """Revision and value of a key in the head view."""
    return unpack_revision(packed), packed[_REVISION.size :]
