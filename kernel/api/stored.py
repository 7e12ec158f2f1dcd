"""An object as the store keeps it: wire JSON without its resourceVersion.

The revision of an entry is known only when it is written, so it is not in the bytes but spliced in
when they leave. That needs no parsing: every stored object starts with the same text up to the
inside of its (never empty) metadata.

    {"apiVersion":"v1","kind":"Pod","metadata":{  "name":"web", …
                                                ▲ "resourceVersion":"42", goes here
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import msgspec

from kernel.api.client import KindType, WatchEventType
from kernel.api.errors import BadRequest, RequestEntityTooLarge, UnreadableObject
from kernel.objects.custom_object import CustomDecoder, CustomObject, wire_form
from kernel.objects.kind import Kind, KindInfo
from kernel.objects.meta import ObjectMeta
from kernel.objects.pruning import pruned
from kernel.store.schema import Entry, Verb

OBJECT_BYTES_MAX = 1_572_864
"""The most that an object may take as stored: 1.5 MiB, what etcd takes by default."""

_EVENT_TYPES = {
    Verb.CREATE: WatchEventType.ADDED,
    Verb.UPDATE: WatchEventType.MODIFIED,
    Verb.DELETE: WatchEventType.DELETED,
}


@cache
def stored_head(kind: type[Kind]) -> bytes:
    """What every stored object of a kind starts with."""
    head = {"apiVersion": kind.info.api_version, "kind": kind.info.kind, "metadata": {}}
    return msgspec.json.encode(head)[: -len("}}")]


def is_stored_form(kind: type[Kind], data: bytes) -> bool:
    """Whether bytes start as an object of this very kind and version does."""
    return data.startswith(stored_head(kind))


@cache
def decoder_of(kind: type[Kind]) -> msgspec.json.Decoder[Any] | CustomDecoder:
    """The decoder of a kind; making one costs much more than using it."""
    if issubclass(kind, CustomObject):
        return CustomDecoder(kind)
    return msgspec.json.Decoder(kind)


def copy_of(obj: KindType) -> KindType:
    """An object equal to `obj`, whose fields hold what their types say; of a custom object, what
    its schema knows. Raises `BadRequest`."""
    try:
        copied = decoder_of(type(obj)).decode(wire_form(obj))
    except (msgspec.ValidationError, TypeError) as error:
        raise BadRequest(f"the object is no valid {obj.info.kind}: {error}") from error
    if isinstance(copied, CustomObject):
        copied.content, _ = pruned(copied.content, copied.schema())
    return cast(KindType, copied)


def encode(obj: Kind) -> bytes:
    """The stored form of an object. Its resourceVersion is emptied on the way."""
    obj.metadata.resource_version = ""
    return wire_form(obj)


def require_storable(kind: type[Kind], name: str, data: bytes, before: bytes = b"") -> None:
    """Raise `RequestEntityTooLarge` for a stored form beyond `OBJECT_BYTES_MAX`. What was larger
    `before` (logs of old have such objects) is not to grow, but can be changed and got rid of."""
    if len(data) > max(OBJECT_BYTES_MAX, len(before)):
        plural = kind.info.qualified_plural
        raise RequestEntityTooLarge.of_stored(plural, name, len(data), OBJECT_BYTES_MAX)


class Stored:
    """An object with the revision of the entry that holds it, decoded only when asked."""

    __slots__ = ("data", "key", "kind", "revision")

    def __init__(self, kind: type[Kind], key: str, revision: int, data: bytes):
        self.kind = kind
        self.key = key
        self.revision = revision
        self.data = data

    @property
    def info(self) -> KindInfo:
        """How the API knows the object's kind."""
        return self.kind.info

    @property
    def namespace(self) -> str:
        """Empty for cluster-scoped objects."""
        return self.key.split("/", 4)[3]

    @property
    def name(self) -> str:
        return self.key.split("/", 4)[4]

    def wire(self) -> bytes:
        """JSON as clients get it; what is not stored (a dry run) has no resourceVersion."""
        if not self.revision:
            return self.data
        position = len(stored_head(self.kind))
        return b'%b"resourceVersion":"%d",%b' % (
            self.data[:position],
            self.revision,
            self.data[position:],
        )

    def decode(self) -> Any:
        """A new struct of the object's kind, the caller's to change. Raises `UnreadableObject`."""
        try:
            obj = decoder_of(self.kind).decode(self.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = f"that is no {self.info.kind} as it is now: {error}"
            raise UnreadableObject(
                self.key, self.revision, self.info.api_version, problem
            ) from error
        obj.metadata.resource_version = str(self.revision) if self.revision else ""
        return obj

    def metadata(self) -> ObjectMeta:
        """The metadata alone; of what can't be read, the name and the namespace."""
        try:
            found = _metadata_decoder.decode(self.data).metadata
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = ObjectMeta(name=self.name, namespace=self.namespace)
        found.resource_version = str(self.revision) if self.revision else ""
        return found

    def outline(self) -> Any:
        """A struct of the object's kind that holds the metadata, whatever else there is; a field
        that must be there is None."""
        fields: dict[str, Any] = {
            field.name: None for field in msgspec.structs.fields(self.kind) if field.required
        }
        return self.kind(**(fields | {"metadata": self.metadata()}))


class _OfAnyKind(msgspec.Struct):
    """What objects of all kinds have."""

    metadata: ObjectMeta


_metadata_decoder = msgspec.json.Decoder(_OfAnyKind)


def joined_wire(items: Sequence[Stored]) -> bytes:
    """What `wire` answers for each of several stored objects of one kind, with commas between."""
    if not items:
        return b""
    position = len(stored_head(items[0].kind))
    return b",".join(
        [
            b'%b"resourceVersion":"%d",%b'
            % (stored.data[:position], stored.revision, stored.data[position:])
            for stored in items
        ]
    )


class StoredEvent:
    """One watch event. `forms` keeps what consumers made of it, so that many watchers share it:
    a key names the form (a consumer's own constant), the value is what was encoded or decoded."""

    __slots__ = ("forms", "stored", "type")

    def __init__(self, type: WatchEventType, stored: Stored):
        self.type = type
        self.stored = stored
        self.forms: dict[Any, Any] = {}

    @classmethod
    def of_entry(cls, entry: Entry, stored: Stored) -> "StoredEvent":
        """The event that an entry of the log is to those who see all objects of its kind."""
        return cls(_EVENT_TYPES[entry.verb], stored)

    def shared_object(self) -> Any:
        """The decoded object, made once; nobody may change it. Raises `UnreadableObject`."""
        if "object" not in self.forms:
            self.forms["object"] = self.stored.decode()
        return self.forms["object"]


class StoredList:
    """A page of objects as of one revision; `continue_token` is empty on the last page."""

    __slots__ = ("continue_token", "items", "remaining", "revision")

    def __init__(
        self,
        items: list[Stored],
        revision: int,
        continue_token: str = "",
        remaining: int | None = None,
    ):
        self.items = items
        self.revision = revision
        self.continue_token = continue_token
        self.remaining = remaining
