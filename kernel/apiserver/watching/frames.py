"""Watch events as they go over the wire, encoded once for all watchers of the same form.

A watch is an endless body of JSON lines in HTTP's chunked encoding. The chunk's own framing is
part of what is shared, so that delivering an event to one more watcher is one write.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from kernel.api.client import WatchEventType
from kernel.api.errors import ApiError
from kernel.api.stored import Stored, StoredEvent
from kernel.apiserver.answers import encode
from kernel.apiserver.negotiation import Answer, Form
from kernel.apiserver.old_versions import wire_in
from kernel.apiserver.rows.tables import IncludeObject, Tables, partial_metadata
from kernel.clock import Clock, now_datetime
from kernel.objects.kind import Kind
from kernel.objects.meta import ListMeta

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def chunk(line: bytes) -> bytes:
    """One JSON line as a chunk of HTTP's chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(line), line)


def _line(type_: str, document: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), document)


def error_chunk(error: ApiError) -> bytes:
    """The event that ends a watch which can't go on."""
    return chunk(_line("ERROR", encode(error.status())))


class Frames:
    """Encodes the events of one watch, in the form that was agreed on; where `shared`, those of
    many watches which have each been told the columns. `shown_as` is `kind`, or the same in an old
    version."""

    def __init__(
        self,
        kind: type[Kind],
        shown_as: type[Kind],
        answer: Answer,
        tables: Tables,
        clock: Clock,
        *,
        include: IncludeObject,
        shared: bool = False,
    ):
        self._kind = kind
        self._shown_as = shown_as
        self._answer = answer
        self._tables = tables
        self._clock = clock
        self._include = include
        self._form = ("chunk", answer, include, shown_as.info.api_version)
        # The first frame of a Table watch tells the columns, so it is not shared.
        self.needs_columns = answer.form is Form.TABLE and not shared

    def initial(self, objects: Sequence[Stored]) -> list[bytes]:
        """ADDED for each object that is there when the watch starts."""
        return [self._encode(WatchEventType.ADDED, stored) for stored in objects]

    def events(self, events: Sequence[StoredEvent]) -> list[bytes]:
        """The chunks of a batch, taken from the events where another watcher has made them."""
        form = self._form
        chunks: list[bytes] = []
        for event in events:
            shared = event.forms.get(form)
            if shared is None or self.needs_columns:
                told_columns = self.needs_columns
                shared = self._encode(event.type, event.stored)
                if not told_columns:
                    event.forms[form] = shared
            chunks.append(shared)
        return chunks

    def bookmark(self, revision: int, *, initial_events_end: bool = False) -> bytes:
        """Tells how far the watch has come, though nothing that it is about has changed."""
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if initial_events_end:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        if self._answer.form is Form.OBJECT:
            api_version, kind = self._shown_as.info.api_version, self._kind.info.kind
            metadata["creationTimestamp"] = None
        else:
            api_version, kind = self._answer.api_version, self._answer.form.value
        document: dict[str, Any] = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
        if self._answer.form is Form.TABLE:
            document |= {"columnDefinitions": [], "rows": []}
        return chunk(_line("BOOKMARK", msgspec.json.encode(document)))

    def _encode(self, type_: WatchEventType, stored: Stored) -> bytes:
        return chunk(_line(type_.value, self._document(stored)))

    def _document(self, stored: Stored) -> bytes:
        if self._answer.form is Form.OBJECT:
            return self._wire(stored)
        if self._answer.form is Form.METADATA:
            return encode(partial_metadata(stored.wire(), self._answer.api_version))
        table = self._tables.table(
            self._kind,
            [stored],
            now_datetime(self._clock),
            api_version=self._answer.api_version,
            include=self._include,
            metadata=ListMeta(resource_version=str(stored.revision)),
            with_columns=self.needs_columns,
        )
        self.needs_columns = False
        if self._include == "Object":
            for row in table.rows:
                row.object = msgspec.Raw(self._wire(stored))
        return encode(table)

    def _wire(self, stored: Stored) -> bytes:
        """An object in the version that it is shown in."""
        if self._shown_as is self._kind:
            return stored.wire()
        return wire_in(stored.wire(), self._shown_as)
