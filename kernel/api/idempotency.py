"""Writes that are done once, however often they are asked for.

The store keeps an idempotency key with the entries of the write that had it. Who asks again is
answered from these entries: what was made then, also where it has been changed or deleted since.
A key that comes again with something else is refused. Keys are forgotten when their entries are
compacted.
"""

from collections.abc import Sequence

from kernel.api.errors import BadRequest, Invalid
from kernel.api.stored import Stored
from kernel.api.upcasting import Upcasters
from kernel.objects.kind import Kind
from kernel.store.schema import IDEMPOTENCY_KEY_BYTES_MAX, Entry, Verb


class Remembered:
    """The outcome of an earlier write. Each entry answers one part of the write."""

    def __init__(self, key: str, entries: Sequence[Entry], upcasters: Upcasters):
        self._key = key
        self._entries = list(entries)
        self._upcasters = upcasters
        self.revision = entries[-1].revision  # that of the state after the write

    def created(self, obj: Kind, namespace: str) -> Stored:
        """The object that was made of one like `obj`. Raises `Invalid` where there was none."""
        prefix, metadata = obj.info.key_prefix(namespace), obj.metadata
        wanted = prefix + (metadata.name or metadata.generate_name)
        for entry in self._entries:
            same = entry.key.startswith(wanted) if not metadata.name else entry.key == wanted
            if entry.verb is Verb.CREATE and same:
                return self._take(type(obj), entry)
        raise Invalid(
            f'the idempotency key "{self._key}" was used for another write, which did not create '
            f"{obj.info.singular} {metadata.name or metadata.generate_name}"
        )

    def changed(self, kind: type[Kind], key: str) -> Stored | None:
        """What the write made of an object that was there; None where it left it as it was."""
        for entry in self._entries:
            if entry.verb is not Verb.CREATE and entry.key == key:
                return self._take(kind, entry)
        return None

    def _take(self, kind: type[Kind], entry: Entry) -> Stored:
        self._entries.remove(entry)  # another object with a generated name is another entry
        return self._upcasters.stored(kind, entry.key, entry.revision, entry.value)


def require_usable(key: str) -> None:
    """Raise `BadRequest` for what can't be an idempotency key."""
    try:
        too_long = len(key.encode()) > IDEMPOTENCY_KEY_BYTES_MAX
    except UnicodeEncodeError as error:
        raise BadRequest("the idempotency key is no text") from error
    if too_long:
        raise BadRequest(f"the idempotency key is over {IDEMPOTENCY_KEY_BYTES_MAX} bytes long")
