"""One reconciler at work: changes become keys, keys become calls, outcomes become what is next."""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
from anyio.abc import TaskGroup

from kernel.api.client import Client, WatchEvent, WatchEventType
from kernel.api.context import acting
from kernel.api.errors import NotFound
from kernel.clock import Clock
from kernel.control.informer import Informer, Informers, key_of
from kernel.control.owners import owner_requests
from kernel.control.queue import QueueStatistics, Work, WorkQueue
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
        self._secondary: list[tuple[Informer[Any], MapToRequests]] = []
        self._primary.on_change(self._primary_changed)
        for kind in reconciler.owns:
            self._react_to(informers.of(kind), self._owner_requests)
        for watch in reconciler.watches:
            self._react_to(informers.of(watch.kind), watch.requests)

    def statistics(self) -> QueueStatistics:
        """What waits for the reconciler."""
        return self._queue.statistics()

    async def run(self, started: Callable[[], None]) -> None:
        """Start sources, then workers, then call `started`; until cancelled, or a source breaks."""
        async with AsyncExitStack() as sources:
            for source in self.reconciler.sources:
                await sources.enter_async_context(source(self.trigger))
            self._enqueue_present()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._queue.run)
                self._start_workers(tasks)
                started()

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

    def _react_to(self, informer: Informer[Any], requests: MapToRequests) -> None:
        def superseded(old: Kind, revision: int) -> None:
            self._add_mapped(requests, old, revision)  # whom it has left must hear of it too

        def changed(event: WatchEvent[Kind], revision: int) -> None:
            self._add_mapped(requests, event.object, revision)

        informer.on_superseded(superseded)
        informer.on_change(changed)
        self._secondary.append((informer, requests))

    def _add_mapped(
        self, requests: MapToRequests, obj: Kind, revision: int, priority: int = 0
    ) -> None:
        try:
            for request in requests(obj):
                self._queue.add(request, priority=priority, cause=revision)
        except Exception:
            namespace, name = key_of(obj)
            logger.exception(
                "%s: no requests could be made of %s %s/%s at revision %d",
                *(self.reconciler.name, obj.kind, namespace, name, revision),
            )

    def _primary_changed(self, event: WatchEvent[Kind], revision: int) -> None:
        if event.type is WatchEventType.DELETED or self._is_wanted(event.object):
            namespace, name = key_of(event.object)
            self._queue.add(Request(name, namespace), cause=revision)

    def _is_wanted(self, obj: Kind) -> bool:
        when = self.reconciler.when
        try:
            return when is None or when(obj)
        except Exception:
            logger.exception("%s: `when` failed, so it is taken to hold", self.reconciler.name)
            return True

    def _enqueue_present(self) -> None:
        """Have everything looked at once: what happened while nobody ran has left no event."""
        for obj in self._primary.all():
            if self._is_wanted(obj):
                namespace, name = key_of(obj)
                self._queue.add(
                    Request(name, namespace), priority=PRIORITY_AT_START, cause=_revision_in(obj)
                )
        for informer, requests in self._secondary:
            for obj in informer.all():
                self._add_mapped(requests, obj, _revision_in(obj), PRIORITY_AT_START)

    def _owner_requests(self, obj: Kind) -> list[Request]:
        return owner_requests(self.reconciler.kind, obj)

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
        return _revision_in(obj) if obj is not None else 0

    def _describe(self, request: Request) -> str:
        kind = self.reconciler.kind.info.singular
        place = f"{request.namespace}/{request.name}" if request.namespace else request.name
        return f"{self.reconciler.name}: {kind} {place}"


def _revision_in(obj: Kind) -> int:
    return int(obj.metadata.resource_version)
