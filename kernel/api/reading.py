"""Objects as they are now, or were: reads of a store under the API's rules.

Works beside the process that writes too, for it needs a `StoreReader` alone.

A list in pages is of one moment: the token of a page names the revision of the first one, and the
pages that follow are read as of that. Where it has been compacted meanwhile, the failure carries a
token with which the list can go on as of now, as Kubernetes offers it.
"""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec

from kernel.api.errors import BadRequest, Expired, NotFound, RevisionTooLarge
from kernel.api.selection import Selection
from kernel.api.stored import Stored, StoredList
from kernel.api.upcasting import Upcasters
from kernel.objects.kind import Kind
from kernel.store.errors import Compacted, FutureRevision
from kernel.store.store import StoreReader

SCAN_CHUNK_KEYS = 512

AS_OF_NOW = -1  # in a continue token: go on with what there is, consistent or not

_TOO_OLD = "The resourceVersion for the provided list is too old."
_CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this response "
    "to retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ObjectReader:
    """Reads objects in their stored form. `at` is a revision everywhere; None is now.

    Raises `Expired` below the oldest revision that the log has, `RevisionTooLarge` above the
    newest.
    """

    def __init__(self, store: StoreReader, upcasters: Upcasters | None = None):
        self._store = store
        self._upcasters = upcasters or Upcasters()

    def revision_at(self, moment: int | datetime) -> int:
        """The revision that a moment means: for a time, the newest written at it or before (0:
        none was). Raises ValueError for a time without a zone."""
        if not isinstance(moment, datetime):
            return moment
        if moment.tzinfo is None:
            raise ValueError(f"the time {moment} has no zone")
        return self._store.revision_at((moment - _EPOCH) // timedelta(microseconds=1) * 1000)

    def get(self, kind: type[Kind], namespace: str, name: str, *, at: int | None = None) -> Stored:
        """One object. Raises `NotFound`, `UnreadableObject`."""
        with _reach_translated():
            item = self._store.get(kind.info.key(namespace, name), at=at)
        if item is None:
            raise NotFound.of(kind.info.qualified_plural, name)
        return self._upcasters.stored(kind, item.key, item.revision, item.value)

    def is_selected(self, stored: Stored, selection: Selection) -> bool:
        """Whether an object is asked for; one that can't be read is not."""
        if selection.everything:
            return True
        obj = self._upcasters.decoded(stored)
        return obj is not None and selection.matches(obj)

    def list(
        self,
        kind: type[Kind],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        at: int | None = None,
    ) -> StoredList:
        """Objects in order of namespace and name, of all namespaces where that is None."""
        selection = Selection(kind, label_selector, field_selector)
        prefix = kind.info.key_prefix(namespace)
        if continue_token and at is not None:
            raise BadRequest("specifying resource version is not allowed when using continue")
        start = _Position()
        if continue_token:
            start = _read_continue_token(continue_token, prefix)
            at = None if start.revision == AS_OF_NOW else start.revision
        after_key = start.after
        found: list[Stored] = []
        chunk = min(limit + 1, SCAN_CHUNK_KEYS) if limit else 0
        with _reach_translated(after_key=start.after):
            while True:
                items, at = self._store.scan(prefix, after_key=after_key, limit=chunk, at=at)
                if selection.everything and not limit:
                    return StoredList(list(self._upcasters.stored_items(kind, items)), at)
                for stored in self._upcasters.stored_items(kind, items):
                    if self.is_selected(stored, selection):
                        found.append(stored)
                    if limit and len(found) > limit:
                        remaining = start.remaining
                        if selection.everything and remaining is None:
                            remaining = self._store.count(prefix, after_key=start.after, at=at)
                        return _page(found[:limit], at, remaining)
                if not chunk or len(items) < chunk:
                    return StoredList(found, at)
                after_key = items[-1].key


def _page(found: list[Stored], at: int, remaining: int | None) -> StoredList:
    """A page that others follow. `remaining` counts what follows it and what is in it; where
    that is None, it is not known."""
    if remaining is not None:
        remaining -= len(found)
    token = _write_continue_token(_Position(found[-1].key, at, remaining))
    return StoredList(found, at, token, remaining)


@contextmanager
def _reach_translated(*, after_key: str = "") -> Iterator[None]:
    """Tell in Kubernetes' words that the log has not, or not yet, or no longer, what is asked
    for. With `after_key`, it is asked for by a continue token."""
    try:
        yield
    except Compacted as error:
        oldest = f"The oldest revision is {error.oldest_revision}."
        if after_key:
            token = _write_continue_token(_Position(after_key, AS_OF_NOW))
            raise Expired(f"{_CONTINUE_TOO_OLD} {oldest}", continue_token=token) from error
        raise Expired(f"{_TOO_OLD} {oldest}") from error
    except FutureRevision as error:
        raise RevisionTooLarge.of(error.revision, error.newest_revision) from error


class _Position(msgspec.Struct, frozen=True):
    """Where a list goes on: after which key, as of which revision, with how many objects."""

    after: str = ""
    revision: int = AS_OF_NOW
    remaining: int | None = None


def _write_continue_token(position: _Position) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def _read_continue_token(token: str, prefix: str) -> _Position:
    try:
        packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        position = msgspec.json.decode(packed, type=_Position)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise BadRequest("continue key is not valid") from error
    if position.revision < AS_OF_NOW or not position.after:
        raise BadRequest("continue key is not valid")
    if not position.after.startswith(prefix):
        raise BadRequest("continue key is not valid: it is of another list")
    return position
