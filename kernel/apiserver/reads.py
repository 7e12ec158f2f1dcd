"""GET of objects: one, a list, a watch."""

import msgspec
from aiohttp import web

from kernel.api.object_api import ObjectApi
from kernel.api.stored import StoredList, joined_wire
from kernel.apiserver.answers import encode, json_answer
from kernel.apiserver.negotiation import Answer, Form, negotiate
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.revisions import read_revision, watch_start
from kernel.apiserver.rows.tables import Tables, include_object, partial_metadata
from kernel.apiserver.streams import OpenStreams
from kernel.apiserver.targets import Target
from kernel.apiserver.watching.frames import Frames
from kernel.apiserver.watching.group import WatchGroups
from kernel.apiserver.watching.stream import WatchOptions, WatchStream
from kernel.apiserver.watching.subject import Subject
from kernel.clock import now_datetime
from kernel.objects.kind import Kind
from kernel.objects.meta import ListMeta


class Reads:
    """Serves what changes nothing."""

    def __init__(self, api: ObjectApi, tables: Tables, streams: OpenStreams):
        self._api = api
        self._tables = tables
        self._streams = streams
        self._groups = WatchGroups(api, lambda subject: self._frames(subject, shared=True))

    async def get(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """One object, in the form that was agreed on; as of a revision where that is asked for."""
        if parameters.flag("watch"):
            return await self.watch(request, target, parameters)
        answer = negotiate(request.headers.get("Accept", ""))
        at = read_revision(parameters, self._api.revision)
        stored = self._api.get(target.kind, target.one_namespace, target.name, at=at)
        if answer.form is Form.OBJECT:
            stored.decode()  # what can't be read is said to whoever asks for it by name
            return json_answer(stored.wire())
        if answer.form is Form.METADATA:
            return json_answer(encode(partial_metadata(stored.wire(), answer.api_version)))
        page = StoredList([stored], stored.revision)
        return self._table_answer(target.kind, page, answer, parameters)

    async def list(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """A page of objects. Their stored bytes are joined; a Table alone decodes them."""
        if parameters.flag("watch"):
            return await self.watch(request, target, parameters)
        answer = negotiate(request.headers.get("Accept", ""))
        page = self._api.list(
            target.kind,
            namespace=target.namespace,
            label_selector=parameters.text("labelSelector"),
            field_selector=parameters.text("fieldSelector"),
            limit=parameters.whole_number("limit") or 0,
            continue_token=parameters.text("continue"),
            at=read_revision(parameters, self._api.revision),
        )
        if answer.form is Form.TABLE:
            return self._table_answer(target.kind, page, answer, parameters)
        if answer.form is Form.METADATA:
            items = [
                encode(partial_metadata(stored.wire(), answer.api_version)) for stored in page.items
            ]
            kind, api_version = "PartialObjectMetadataList", answer.api_version
        else:
            items = [joined_wire(page.items)] if page.items else []
            kind, api_version = target.info.list_kind, target.info.api_version
        return json_answer(list_document(kind, api_version, page, items))

    async def watch(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """The changes of a list, or of one object, as they happen."""
        answer = negotiate(request.headers.get("Accept", ""))
        field_selector = parameters.text("fieldSelector")
        if target.name:
            by_name = f"metadata.name={target.name}"
            field_selector = f"{field_selector},{by_name}" if field_selector else by_name
        send_initial = parameters.flag("sendInitialEvents")
        bookmarks = parameters.flag("allowWatchBookmarks")
        options = WatchOptions(
            from_revision=watch_start(parameters, self._api.revision),
            timeout_seconds=parameters.whole_number("timeoutSeconds"),
            bookmarks=bookmarks,
            initial_events_end=send_initial and bookmarks,
            warning=target.warning,
        )
        subject = Subject(
            kind=target.kind,
            namespace=target.namespace,
            label_selector=parameters.text("labelSelector"),
            field_selector=field_selector,
            answer=answer,
            include=include_object(parameters.text("includeObject")),
            shown_as=target.shown_as or target.kind,
        )
        frames = self._frames(subject, shared=False)
        stream = WatchStream(self._api, subject, options, frames, request)
        return await stream.serve(self._streams, self._groups)

    def _frames(self, subject: Subject, *, shared: bool) -> Frames:
        return Frames(
            subject.kind,
            subject.shown_as,
            subject.answer,
            self._tables,
            self._api.clock,
            include=subject.include,
            shared=shared,
        )

    def _table_answer(
        self, kind: type[Kind], page: StoredList, answer: Answer, parameters: Parameters
    ) -> web.Response:
        table = self._tables.list_table(
            kind,
            page,
            now_datetime(self._api.clock),
            api_version=answer.api_version,
            include=include_object(parameters.text("includeObject")),
        )
        return json_answer(encode(table))


def list_document(kind: str, api_version: str, page: StoredList, items: list[bytes]) -> bytes:
    """A list of objects that are JSON already."""
    metadata = ListMeta(
        resource_version=str(page.revision),
        continue_=page.continue_token,
        remaining_item_count=page.remaining,
    )
    head = msgspec.json.encode({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return b'%b,"items":[%b]}' % (head[:-1], b",".join(items))
