"""GET of a Pod's log: a container's output as plain text, to its end or as it goes on."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import datetime
from pathlib import Path
from typing import cast

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
from kernel.apiserver.streams import OpenStreams, begin_stream
from kernel.apiserver.targets import Target
from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.cri.log_file import read_log
from kernel.cri.runtime import Runtime, RuntimeFailure
from kernel.objects.pod import Pod

TEXT_HEADERS = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache, private"}


STREAMS = {"": "", "All": "", "Stdout": "stdout", "Stderr": "stderr"}


class LogOptions(msgspec.Struct, frozen=True):
    """What of a log is wanted. `since_nanoseconds` is a time since the epoch, 0 for all of it;
    `stream` is "stdout" or "stderr", empty for both."""

    follow: bool
    timestamps: bool
    tail_lines: int | None
    limit_bytes: int | None
    since_nanoseconds: int
    stream: str

    @classmethod
    def of(cls, parameters: Parameters, clock: Clock) -> "LogOptions":
        """The options in a query. Raises `BadRequest`."""
        stream = parameters.text("stream")
        if stream not in STREAMS:
            supported = '"All", "Stderr", "Stdout"'
            raise BadRequest(
                f'stream: Unsupported value: "{stream}": supported values: {supported}'
            )
        limit_bytes = parameters.whole_number("limitBytes")
        if limit_bytes == 0:
            raise BadRequest("limitBytes: Invalid value: 0: must be greater than 0")
        return cls(
            follow=parameters.flag("follow"),
            timestamps=parameters.flag("timestamps"),
            tail_lines=parameters.whole_number("tailLines"),
            limit_bytes=limit_bytes,
            since_nanoseconds=_since_nanoseconds(parameters, clock),
            stream=STREAMS[stream],
        )


def _since_nanoseconds(parameters: Parameters, clock: Clock) -> int:
    seconds, time = parameters.whole_number("sinceSeconds"), parameters.text("sinceTime")
    if seconds is not None and time:
        raise BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds is not None:
        if seconds == 0:
            raise BadRequest("sinceSeconds: Invalid value: 0: must be greater than 0")
        return max(clock.now_nanoseconds() - seconds * NANOSECONDS_PER_SECOND, 0)
    if not time:
        return 0
    try:
        # Nanoseconds, which clients send, are more than Python's datetime holds.
        moment = msgspec.convert(time, datetime)
    except msgspec.ValidationError as error:
        raise BadRequest(f'sinceTime: Invalid value: "{time}": no RFC 3339 time') from error
    return int(moment.timestamp() * NANOSECONDS_PER_SECOND)


class PodLogs:
    """Reads the files that the runtime (None: there is none) writes below `directory`."""

    def __init__(
        self, api: ObjectApi, directory: Path, streams: OpenStreams, runtime: Runtime | None
    ):
        self._api = api
        self._directory = directory
        self._streams = streams
        self._runtime = runtime

    async def serve(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Answer `request`. Raises `ApiError` for what is wrong before the first byte is out."""
        options = LogOptions.of(parameters, self._api.clock)
        stored = self._api.get(target.kind, target.one_namespace, target.name)
        pod: Pod = stored.decode()
        container = choose_container(pod, parameters.text("container"))
        if not pod.spec.node_name:
            return web.Response(headers=TEXT_HEADERS)  # nothing has run yet, as Kubernetes has it
        previous = parameters.flag("previous")
        source = choose_run(pod, container, previous=previous)
        path = log_path(self._directory, pod, source)
        if has_ended(pod, source):
            await self._wait_written(source)
        response = await begin_stream(request, TEXT_HEADERS)
        async with self._streams.open(request) as scope, anyio.create_task_group() as group:
            ended = anyio.Event()
            if options.follow and not has_ended(pod, source):
                group.start_soon(self._watch_for_end, stored.revision, pod, source, ended)
            else:
                ended.set()
            await self._copy(path, options, ended, response)
            scope.cancel()
        transport = request.transport
        if transport is not None and not transport.is_closing():
            await response.write_eof()
        return response

    async def _copy(
        self, path: Path, options: LogOptions, ended: anyio.Event, response: web.StreamResponse
    ) -> None:
        log = read_log(
            path,
            clock=self._api.clock,
            follow=options.follow,
            stopped=ended.is_set,
            tail_lines=options.tail_lines,
            since_nanoseconds=options.since_nanoseconds,
            limit_bytes=options.limit_bytes,
            timestamps=options.timestamps,
            stream=options.stream,
        )
        # A generator, to be closed with its file when the client goes away.
        async with aclosing(cast(AsyncGenerator[bytes, None], log)) as chunks:
            async for chunk in chunks:
                try:
                    await response.write(chunk)
                except ConnectionError:
                    return  # the client is gone

    async def _watch_for_end(
        self, revision: int, pod: Pod, source: LogSource, ended: anyio.Event
    ) -> None:
        """Set `ended` once the run is over, or its Pod gone."""
        metadata = pod.metadata
        with self._api.watch(
            Pod, namespace=metadata.namespace, name=metadata.name, from_revision=revision
        ) as watch:
            async for batch in watch:
                for event in batch:
                    gone = event.type is WatchEventType.DELETED
                    if gone or has_ended(event.shared_object(), source):
                        await self._wait_written(source)
                        ended.set()
                        return

    async def _wait_written(self, source: LogSource) -> None:
        if self._runtime is not None and source.container_id:
            with suppress(RuntimeFailure):
                await self._runtime.wait_log_written(source.container_id)
