"""One reconciler at work: changes become keys, keys become calls, outcomes become what is next."""

import logging
from contextlib import AsyncExitStack

import anyio
from anyio.abc import TaskGroup

from kernel.api.client import Client, WatchEvent, WatchEventType
from kernel.api.context import acting
from kernel.api.errors import NotFound
from kernel.clock import Clock
from kernel.control.informer import Informers, key_of
from kernel.control.queue import Work, WorkQueue
from kernel.control.reconciler import (
    MapToRequests,
    Reconciler,
    Request,
    Result,
    RetryAfter,
    TerminalError,
)
from kernel.objects.kind import Kind

logger = logging.getLogger("podkernel.control")

# What is there at the start waits behind what changes now (controller-runtime does the same).
PRIORITY_AT_START = -100


class Controller:
    """Runs one reconciler over shared informers."""

    def __init__(self, reconciler: Reconciler, client: Client, informers: Informers, clock: Clock):
        self.reconciler = reconciler
        self._client = client
        self._primary = informers.of(reconciler.kind)
        self._queue = WorkQueue(clock)
        self._primary.on_change(self._primary_changed)
        for kind in reconciler.owns:
            self._react_to(informers, kind, self._owner_requests)
        for watch in reconciler.watches:
            self._react_to(informers, watch.kind, watch.requests)

    async def run(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Start sources and workers; `task_status` is started once the sources have. Until
        cancelled."""
        async with AsyncExitStack() as sources:
            for source in self.reconciler.sources:
                await sources.enter_async_context(source(self.trigger))
            for obj in self._primary.all():
                self._enqueue_primary(obj, PRIORITY_AT_START)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._queue.run)
                self._start_workers(tasks)
                task_status.started()

    def trigger(
        self, request: Request, *, delay_seconds: float = 0, priority: int = 0, cause: int = 0
    ) -> None:
        """Have a key reconciled (see `Trigger`)."""
        if delay_seconds > 0:
            self._queue.add_after(request, delay_seconds, priority=priority, cause=cause)
        else:
            self._queue.add(request, priority=priority, cause=cause)

    def _start_workers(self, tasks: TaskGroup) -> None:
        for number in range(self.reconciler.concurrency):
            tasks.start_soon(self._work, name=f"{self.reconciler.name} {number}")

    def _react_to(self, informers: Informers, kind: type[Kind], requests: MapToRequests) -> None:
        def changed(event: WatchEvent[Kind], revision: int) -> None:
            for request in requests(event.object):
                self._queue.add(request, cause=revision)

        informers.of(kind).on_change(changed)

    def _primary_changed(self, event: WatchEvent[Kind], revision: int) -> None:
        when = self.reconciler.when
        if event.type is WatchEventType.DELETED or when is None or when(event.object):
            namespace, name = key_of(event.object)
            self._queue.add(Request(name, namespace), cause=revision)

    def _enqueue_primary(self, obj: Kind, priority: int) -> None:
        when = self.reconciler.when
        if when is None or when(obj):
            namespace, name = key_of(obj)
            revision = int(obj.metadata.resource_version)
            self._queue.add(Request(name, namespace), priority=priority, cause=revision)

    def _owner_requests(self, obj: Kind) -> list[Request]:
        info = self.reconciler.kind.info
        return [
            Request(owner.name, obj.metadata.namespace if info.namespaced else "")
            for owner in obj.metadata.owner_references
            if owner.controller
            and owner.kind == info.kind
            and owner.api_version == info.api_version
        ]

    async def _work(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                await self._reconcile(work)
            finally:
                self._queue.done(work.request)

    async def _reconcile(self, work: Work) -> None:
        request = work.request
        cause = work.cause or self._revision_of(request)
        try:
            with acting(self.reconciler.name, cause=cause):
                result = await self.reconciler.reconcile(request, self._client)
        except RetryAfter as retry:
            logger.info("%s: %s", self._describe(request), retry)
            self._queue.add_after(request, retry.seconds, cause=cause)
        except NotFound as error:
            if self._primary.get(request.namespace, request.name) is None:
                self._queue.forget_failures(request)
            else:
                self._failed(work, error)
        except TerminalError as error:
            logger.error("%s: gave up: %s", self._describe(request), error)
            self._queue.forget_failures(request)
        except Exception as error:
            self._failed(work, error)
        else:
            self._queue.forget_failures(request)
            self._requeue(request, result, cause)

    def _failed(self, work: Work, error: Exception) -> None:
        delay_seconds = self._queue.add_after_failure(work.request, cause=work.cause)
        logger.error(
            "%s at revision %d failed, again in %.3g s",
            self._describe(work.request),
            work.cause,
            delay_seconds,
            exc_info=error,
        )

    def _requeue(self, request: Request, result: Result | None, cause: int) -> None:
        if result is not None and result.requeue_after_seconds is not None:
            self._queue.add_after(request, result.requeue_after_seconds, cause=cause)

    def _revision_of(self, request: Request) -> int:
        obj = self._primary.get(request.namespace, request.name)
        return int(obj.metadata.resource_version) if obj is not None else 0

    def _describe(self, request: Request) -> str:
        kind = self.reconciler.kind.info.singular
        place = f"{request.namespace}/{request.name}" if request.namespace else request.name
        return f"{self.reconciler.name}: {kind} {place}"
