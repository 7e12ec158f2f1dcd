"""GET of a Pod's log: a container's output as plain text, to its end or as it goes on."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import anyio
import msgspec
from aiohttp import web

from kernel.api.client import WatchEventType
from kernel.api.errors import BadRequest
from kernel.api.object_api import ObjectApi
from kernel.apiserver.log_source import (
    LogSource,
    choose_container,
    choose_run,
    has_ended,
    log_path,
)
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.streams import OpenStreams
from kernel.apiserver.targets import Target
from kernel.clock import NANOSECONDS_PER_SECOND, Clock

# read_log pending
from kernel.objects.pod import Pod

TEXT_HEADERS = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache, private"}


class LogOptions(msgspec.Struct, frozen=True):
    """What of a log is wanted. `since_nanoseconds` is a time, in nanoseconds since the epoch."""

    follow: bool
    timestamps: bool
    tail_lines: int | None
    limit_bytes: int | None
    since_nanoseconds: int


class PodLogs:
    """Reads the files that the runtime writes below `directory`."""

    def __init__(self, api: ObjectApi, directory: Path, streams: OpenStreams):
        self._api = api
        self._directory = directory
        self._streams = streams

    async def serve(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Answer `request`. Raises `ApiError` for what is wrong before the first byte is out."""
        options = _options(parameters, self._api.clock)
        stored = self._api.get(target.kind, target.one_namespace, target.name)
        pod: Pod = stored.decode()
        container = choose_container(pod, parameters.text("container"))
        if not pod.spec.node_name:
            return web.Response(headers=TEXT_HEADERS)  # nothing has run yet, as Kubernetes has it
        source = choose_run(pod, container, previous=parameters.flag("previous"))
        path = log_path(self._directory, pod, source)
        response = web.StreamResponse(headers=TEXT_HEADERS)
        response.enable_chunked_encoding()
        await response.prepare(request)
        async with self._streams.open() as scope, anyio.create_task_group() as group:
            ended = anyio.Event()
            if options.follow:
                group.start_soon(self._watch_for_end, pod, source, ended)
            else:
                ended.set()
            await _copy(self._lines(path, options, ended), response)
            scope.cancel()
        if request.transport is not None and not request.transport.is_closing():
            await response.write_eof()
        return response

    async def _watch_for_end(self, pod: Pod, source: LogSource, ended: anyio.Event) -> None:
        """Set `ended` once the run is over, or its Pod gone."""
        metadata = pod.metadata
        with self._api.watch(Pod, namespace=metadata.namespace, name=metadata.name) as watch:
            async for batch in watch:
                for event in batch:
                    now: Pod = event.shared_object()
                    gone = event.type is WatchEventType.DELETED
                    if gone or now.metadata.uid != metadata.uid or has_ended(now, source):
                        ended.set()
                        return
        ended.set()
