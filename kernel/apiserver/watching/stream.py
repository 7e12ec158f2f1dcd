"""One watch over HTTP: a stream of framed events until its time is up, its client is gone, or its
kind is served no more.

1. What is there is listed and written, unless the client names a revision to start from.
2. A cursor of its own reads on from there, each batch written before the next one is read.
3. Once it has caught up, a group that shares one cursor serves it. A client that falls behind goes
   back to step 2: no queue stands between the log and the socket.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack

import anyio
import msgspec
from aiohttp import web

from kernel.api.errors import ApiError, Expired
from kernel.api.object_api import ObjectApi
from kernel.api.watching import StoredWatch
from kernel.apiserver.answers import CONTENT_HEADERS, InternalError, warning_header
from kernel.apiserver.streams import OpenStreams, begin_stream
from kernel.apiserver.watching.cursors import KindGone
from kernel.apiserver.watching.frames import Frames, error_chunk
from kernel.apiserver.watching.group import Member, WatchGroup, WatchGroups
from kernel.apiserver.watching.subject import Subject

logger = logging.getLogger(__name__)

BOOKMARK_SECONDS = 60
# Where a client names no timeout, one between this and twice this is taken, so that the watches
# that began together do not all come again at once.
DEFAULT_TIMEOUT_SECONDS = 1800

WRITE_BYTES_MAX = 256 * 1024


class WatchOptions(msgspec.Struct, frozen=True):
    """How a client wants its watch.

    `from_revision` None starts with what is there. `initial_events_end` marks the end of that
    with a bookmark; `bookmarks` sends one each minute. The head of the answer has the `warning`.
    """

    from_revision: int | None = None
    timeout_seconds: int | None = None
    bookmarks: bool = False
    initial_events_end: bool = False
    warning: str = ""


class WatchStream:
    """Writes one watch to one client."""

    def __init__(
        self,
        api: ObjectApi,
        subject: Subject,
        options: WatchOptions,
        frames: Frames,
        request: web.BaseRequest,
    ) -> None:
        self._api = api
        self._subject = subject
        self._options = options
        self._frames = frames
        self._request = request
        # What a bookmark may say: up to where everything has been written; nothing within a batch.
        self._written_revision = 0
        self._within_batch = False
        self._membership: tuple[WatchGroup, Member] | None = None

    async def serve(self, streams: OpenStreams, groups: WatchGroups) -> web.StreamResponse:
        """Answer the request. Raises `ApiError` for what is wrong before the first byte is out."""
        revision, chunks = self._start()
        with ExitStack() as stack:
            cursor = None
            try:
                cursor = stack.enter_context(groups.cursors.open(self._subject, revision))
            except Expired as error:  # told as Kubernetes tells it: in the stream
                chunks.append(error_chunk(error))
            response = await begin_stream(self._request, self._head())
            async with streams.open(self._request) as scope, anyio.create_task_group() as tasks:
                tasks.start_soon(self._end_in_time, scope)
                await self._write(chunks, revision)
                if cursor is not None:
                    if self._options.bookmarks:
                        tasks.start_soon(self._send_bookmarks)
                    await self._follow(cursor, stack, groups)
                scope.cancel()
        if not self._client_is_gone():
            await response.write_eof()
        return response

    def _head(self) -> dict[str, str]:
        warning = self._options.warning
        return CONTENT_HEADERS | ({"Warning": warning_header(warning)} if warning else {})

    def _start(self) -> tuple[int, list[bytes]]:
        """The revision that the watch starts after, and what is to be sent before it.

        What is there is listed first and the watch starts from the list's revision: so it is
        known where the initial events end, also where there are none.
        """
        options = self._options
        if options.from_revision is not None:
            return options.from_revision, []
        page = self._api.list(
            self._subject.kind,
            namespace=self._subject.namespace,
            label_selector=self._subject.label_selector,
            field_selector=self._subject.field_selector,
        )
        chunks = self._frames.initial(page.items)
        if options.initial_events_end:
            chunks.append(self._frames.bookmark(page.revision, initial_events_end=True))
        return page.revision, chunks

    async def _follow(
        self, cursor: StoredWatch, cursor_context: ExitStack, groups: WatchGroups
    ) -> None:
        """Send changes until the client or the kind is gone; what goes wrong is told in the
        stream."""
        group = groups.enter(self._subject)
        try:
            await self._catch_up(cursor, group)
            cursor_context.close()  # the group has its own
            while not self._client_is_gone():
                revision = await self._take_part(group)
                with groups.cursors.open(self._subject, revision) as another:
                    await self._catch_up(another, group)
        except KindGone:
            return
        except ApiError as error:
            await self._write([error_chunk(error)])
        except Exception:
            logger.exception("a watch of %s failed", self._subject.kind.info.qualified_plural)
            await self._write([error_chunk(InternalError())])
        finally:
            groups.exit(self._subject)

    async def _catch_up(self, cursor: StoredWatch, group: WatchGroup) -> None:
        """Read by a cursor until the group can take over, which then has this as a member. Raises
        `KindGone` where the cursor ends."""
        if not self._can_join(cursor, group):
            async for batch in cursor:
                await self._write(self._frames.events(batch), batch[-1].stored.revision)
                if self._client_is_gone() or self._can_join(cursor, group):
                    break
            else:
                raise KindGone
        # No pause between the look and the joining: nothing can come between.
        transport = self._request.transport
        if transport is not None and not transport.is_closing():
            self._written_revision = cursor.revision
            self._membership = (group, group.join(transport, cursor.revision))

    def _can_join(self, cursor: StoredWatch, group: WatchGroup) -> bool:
        return not self._frames.needs_columns and cursor.revision >= group.delivered

    async def _take_part(self, group: WatchGroup) -> int:
        """Let the group write, until it puts this watch out; answers the revision to go on after.
        Raises what made the group fail."""
        if self._membership is None:  # the client was gone before it could join
            return self._written_revision
        member = self._membership[1]
        try:
            await member.left.wait()
            if member.failure is not None:
                raise member.failure
            self._written_revision = member.revision
        finally:
            group.leave(member)
            self._membership = None
        await self._drain()
        return member.revision

    def _client_is_gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def _write(self, chunks: Sequence[bytes], revision: int = 0) -> None:
        """Write chunks, waiting whenever the client is behind by more than the socket buffers;
        nothing where it is gone. With them everything up to `revision` is written."""
        pending: list[bytes] = []
        size = 0
        for position, chunk in enumerate(chunks, 1):
            pending.append(chunk)
            size += len(chunk)
            if size < WRITE_BYTES_MAX and position < len(chunks):
                continue
            transport = self._request.transport
            if transport is None or transport.is_closing():
                return
            transport.write(pending[0] if len(pending) == 1 else b"".join(pending))
            pending, size = [], 0
            self._within_batch = position < len(chunks)
            if not self._within_batch:
                self._written_revision = max(revision, self._written_revision)
            await self._drain()

    async def _drain(self) -> None:
        try:
            await self._request.writer.drain()
        except ConnectionError:
            return  # the client is gone, which the next write finds

    async def _end_in_time(self, scope: anyio.CancelScope) -> None:
        clock = self._api.clock
        seconds: float | None = self._options.timeout_seconds
        if not seconds:
            seconds = DEFAULT_TIMEOUT_SECONDS * (1 + clock.random())
        await clock.sleep(seconds)
        scope.cancel()

    async def _send_bookmarks(self) -> None:
        while True:
            await self._api.clock.sleep(BOOKMARK_SECONDS)
            if not self._within_batch:
                await self._write([self._frames.bookmark(self._bookmark_revision())])

    def _bookmark_revision(self) -> int:
        if self._membership is not None:
            group, member = self._membership
            return group.revision(member)
        return self._written_revision
