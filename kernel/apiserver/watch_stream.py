"""One watch over HTTP: a stream of framed events until its time is up or its client is gone.

No queue stands between the log and the socket: a batch is read, written, and the next one read
when the socket has taken it. A slow client therefore costs what its socket buffers and no more.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack

import anyio
import msgspec
from aiohttp import web

from kernel.api.errors import ApiError, Expired
from kernel.api.object_api import ObjectApi
from kernel.api.watching import StoredWatch
from kernel.apiserver.answers import CONTENT_HEADERS
from kernel.apiserver.streams import OpenStreams
from kernel.apiserver.targets import Target
from kernel.apiserver.watch_frames import Frames, error_chunk

BOOKMARK_SECONDS = 60
# Where a client names no timeout, one between this and twice this is taken, so that the watches
# that began together do not all come again at once.
DEFAULT_TIMEOUT_SECONDS = 1800

WRITE_BYTES_MAX = 256 * 1024


class WatchOptions(msgspec.Struct, frozen=True):
    """What a client asks of a watch.

    `from_revision` None starts with what is there. `initial_events_end` marks the end of that
    with a bookmark; `bookmarks` sends one each minute.
    """

    from_revision: int | None = None
    label_selector: str = ""
    field_selector: str = ""
    timeout_seconds: int | None = None
    bookmarks: bool = False
    initial_events_end: bool = False


class WatchStream:
    """Writes one watch to one client."""

    def __init__(
        self,
        api: ObjectApi,
        target: Target,
        options: WatchOptions,
        frames: Frames,
        request: web.BaseRequest,
    ) -> None:
        self._api = api
        self._target = target
        self._options = options
        self._frames = frames
        self._request = request
        self._writing = False

    async def serve(self, streams: OpenStreams) -> web.StreamResponse:
        """Answer the request. Raises `ApiError` for what is wrong before the first byte is out."""
        revision, first_chunks = self._start()
        with ExitStack() as stack:
            watch = None
            try:
                watch = stack.enter_context(self._open(revision))
            except Expired as error:  # told as Kubernetes tells it: in the stream
                first_chunks.append(error_chunk(error))
            response = web.StreamResponse(headers=CONTENT_HEADERS)
            response.enable_chunked_encoding()
            await response.prepare(self._request)
            async with streams.open() as scope, anyio.create_task_group() as group:
                group.start_soon(self._end_in_time, scope)
                await self._write(first_chunks)
                if watch is not None:
                    await self._follow(watch, group)
                scope.cancel()
        if not self._client_is_gone():
            await response.write_eof()
        return response

    def _start(self) -> tuple[int, list[bytes]]:
        """Where the watch starts, and what is to be sent before it.

        What is there is listed first and the watch starts from the list's revision: so it is
        known where the initial events end, also where there are none.
        """
        options = self._options
        if options.from_revision is not None:
            return options.from_revision, []
        page = self._api.list(
            self._target.kind,
            namespace=self._target.namespace,
            label_selector=options.label_selector,
            field_selector=options.field_selector,
        )
        chunks = self._frames.initial(page.items)
        if options.initial_events_end:
            chunks.append(self._frames.bookmark(page.revision, initial_events_end=True))
        return page.revision, chunks

    def _open(self, revision: int) -> AbstractContextManager[StoredWatch]:
        return self._api.watch(
            self._target.kind,
            namespace=self._target.namespace,
            label_selector=self._options.label_selector,
            field_selector=self._options.field_selector,
            from_revision=revision,
        )

    async def _follow(self, watch: StoredWatch, group: anyio.abc.TaskGroup) -> None:
        if self._options.bookmarks:
            group.start_soon(self._send_bookmarks, watch)
        try:
            async for batch in watch:
                await self._write(self._frames.events(batch))
                if self._client_is_gone():
                    return
        except ApiError as error:
            await self._write([error_chunk(error)])

    def _client_is_gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def _write(self, chunks: Sequence[bytes]) -> None:
        """Write chunks, waiting whenever the client is behind by more than the socket buffers;
        nothing where it is gone."""
        self._writing = True
        pending: list[bytes] = []
        size = 0
        for position, chunk in enumerate(chunks, 1):
            pending.append(chunk)
            size += len(chunk)
            if size < WRITE_BYTES_MAX and position < len(chunks):
                continue
            transport = self._request.transport
            if transport is None or transport.is_closing():
                break
            transport.write(pending[0] if len(pending) == 1 else b"".join(pending))
            pending, size = [], 0
            try:
                await self._request.writer.drain()
            except ConnectionError:
                break
        self._writing = False

    async def _end_in_time(self, scope: anyio.CancelScope) -> None:
        clock = self._api.clock
        seconds: float | None = self._options.timeout_seconds
        if not seconds:
            seconds = DEFAULT_TIMEOUT_SECONDS * (1 + clock.random())
        await clock.sleep(seconds)
        scope.cancel()

    async def _send_bookmarks(self, watch: StoredWatch) -> None:
        while True:
            await self._api.clock.sleep(BOOKMARK_SECONDS)
            # While a batch is on its way the watch is ahead of what the client has been sent.
            if not self._writing:
                await self._write([self._frames.bookmark(watch.revision)])
