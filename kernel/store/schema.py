"""The layout on disk. This file alone knows it.

One LMDB environment with six databases:

    meta         b"format"     -> FORMAT as decimal text
                 b"compacted"  -> the compaction point, decimal text; missing: 0
                 b"swept"      -> how far compaction has carried it out, decimal text; missing: 0
    log          revision, u64 BE -> record (below)                      the truth
    head         key, UTF-8  -> revision u64 BE, value                   a view: what exists now
    history      key, UTF-8  -> revision u64 BE, sorted duplicates       a view: when it changed
    idempotency  idempotency key, UTF-8 -> first revision u64 BE, number of entries u32 BE
                                                                         a view: what is done once
    projections  name, UTF-8 -> revision u64 BE, version u32 BE, state   checkpoints of folds

Log and views change in the same LMDB transaction; the views can be rebuilt from the log.

A record, little endian, is a fixed header and four runs of bytes:

    0        4      5          6       8     10            12         16     24         32     40
    ┌────────┬──────┬──────────┬───────┬─────┬─────────────┬──────────┬──────┬──────────┬───────┐
    │ crc32  │ verb │ reserved │ actor │ key │ idempotency │ reserved │ time │ previous │ cause │ …
    │        │ u8   │ zero     │ size  │ size│ key size    │ zero     │ ns   │ revision │       │
    └────────┴──────┴──────────┴───────┴─────┴─────────────┴──────────┴──────┴──────────┴───────┘
    40: key, UTF-8 │ actor, UTF-8 │ idempotency key, UTF-8 │ value, opaque bytes

The checksum covers the revision (as its 8 bytes of the key) and all that follows it in the
record, so that a record in another one's place is found out too. For a DELETE, the value is the
last state of the object.

Compaction to revision 6 of the log below: 1 and 2 have been replaced by then, 4 has ended its key
(and goes with it), 3, 5 and 6 are what existed at 6. From 6 on, nothing is missing.

    1 /a   2 /b   3 /a   4 delete /b   5 /c   6 /d   7 /a   8 …
    ×      ×      3 /a   ×             5 /c   6 /d   7 /a   8 …
                                              └ compaction point
"""

import struct
import zlib
from enum import IntEnum

import msgspec

from kernel.store.errors import StoreDamaged

FORMAT = 1

META_FORMAT = b"format"
META_COMPACTED = b"compacted"
META_SWEPT = b"swept"
DATABASES = ("meta", "log", "head", "history", "idempotency", "projections")
KEY_BYTES_MAX = 511  # LMDB's own limit, as it is compiled by default
IDEMPOTENCY_KEY_BYTES_MAX = KEY_BYTES_MAX
ACTOR_BYTES_MAX = 2**16 - 1
REVISION_MAX = 2**63 - 1

_HEADER = struct.Struct("<IBBHHHIQQQ")
_SIZES = struct.Struct("<HHH")
_SIZES_POSITION = 6
_REVISION = struct.Struct(">Q")
_REVISION_AND_NUMBER = struct.Struct(">QI")
_CHECKSUM_BYTES = 4
_VERB_POSITION = 4

pack_revision = _REVISION.pack


class Verb(IntEnum):
    CREATE = 1
    UPDATE = 2
    DELETE = 3


_VERBS = {int(verb): verb for verb in Verb}


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One record of the log, its fields decoded when they are asked for."""

    revision: int
    record: bytes

    @staticmethod
    def make(
        revision: int,
        time_nanoseconds: int,
        verb: Verb,
        key: str,
        value: bytes,
        previous_revision: int,
        actor: str,
        cause: int,
        idempotency_key: str = "",
    ) -> "Entry":
        """An entry with these fields."""
        key_bytes, actor_bytes, idempotency = key.encode(), actor.encode(), idempotency_key.encode()
        sizes = (len(actor_bytes), len(key_bytes), len(idempotency))
        numbers = (time_nanoseconds, previous_revision, cause)
        header = _HEADER.pack(0, verb, 0, *sizes, 0, *numbers)[_CHECKSUM_BYTES:]
        body = b"".join((header, key_bytes, actor_bytes, idempotency, value))
        checksum = zlib.crc32(body, zlib.crc32(pack_revision(revision)))
        return Entry(revision, checksum.to_bytes(_CHECKSUM_BYTES, "little") + body)

    @property
    def time_nanoseconds(self) -> int:
        """Wall time since the epoch; never less than that of the entry before."""
        return int.from_bytes(self.record[16:24], "little")

    @property
    def verb(self) -> Verb:
        return _VERBS[self.record[_VERB_POSITION]]

    @property
    def key(self) -> str:
        return key_of_record(self.record).decode()

    @property
    def value(self) -> bytes:
        """What the key was set to; for a DELETE, its last state."""
        return self.record[_HEADER.size + sum(_SIZES.unpack_from(self.record, _SIZES_POSITION)) :]

    @property
    def previous_revision(self) -> int:
        """The entry of the same key before this one; 0 where it did not exist."""
        return int.from_bytes(self.record[24:32], "little")

    @property
    def actor(self) -> str:
        actor_size, key_size, _ = _SIZES.unpack_from(self.record, _SIZES_POSITION)
        start = _HEADER.size + key_size
        return self.record[start : start + actor_size].decode()

    @property
    def cause(self) -> int:
        """The revision that its writer reacted to (0: none)."""
        return int.from_bytes(self.record[32:40], "little")

    @property
    def idempotency_key(self) -> str:
        """The key of the write that this entry is of; empty where it had none."""
        actor_size, key_size, size = _SIZES.unpack_from(self.record, _SIZES_POSITION)
        start = _HEADER.size + key_size + actor_size
        return self.record[start : start + size].decode()

    def __repr__(self) -> str:
        return f"Entry({self.revision} {self.verb.name} {self.key} {self.value!r})"


class CorruptEntry(StoreDamaged):
    """A record does not have the checksum that it was written with."""

    def __init__(self, revision: int):
        super().__init__(f"entry {revision} is damaged: its checksum does not match")
        self.revision = revision


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
    return int.from_bytes(packed[: _REVISION.size], "big")


def decode_head(packed: bytes) -> tuple[int, bytes]:
    """Revision and value of a key in the head view."""
    return unpack_revision(packed), packed[_REVISION.size :]


def encode_remembered(first_revision: int, entries: int) -> bytes:
    """What an idempotency key stands for: that many entries from a revision on."""
    return _REVISION_AND_NUMBER.pack(first_revision, entries)


def decode_remembered(packed: bytes) -> tuple[int, int]:
    """The inverse of `encode_remembered`."""
    first_revision, entries = _REVISION_AND_NUMBER.unpack(packed)
    return first_revision, entries


def encode_projection(revision: int, version: int, state: bytes) -> bytes:
    """A projection's checkpoint."""
    return _REVISION_AND_NUMBER.pack(revision, version) + state


def decode_projection(packed: bytes) -> tuple[int, int, bytes]:
    """The inverse of `encode_projection`: revision, version, state."""
    revision, version = _REVISION_AND_NUMBER.unpack_from(packed)
    return revision, version, packed[_REVISION_AND_NUMBER.size :]
