"""The probes of all Pods of a node: which containers are asked, and what has come of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.abc
import msgspec

from kernel.api.errors import ApiError
from kernel.background import background_tasks
from kernel.control.reconciler import Request, Trigger
from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.probes.asking import Asked
from kernel.reconcilers.pod.probes.results import NO_RESULTS, ProbeKind, is_started
from kernel.reconcilers.pod.probes.settings import ProbeSettings, probe_settings
from kernel.reconcilers.pod.probes.worker import ProbeWorker

Answer = TypeVar("Answer")


class Probes:
    """Follows the Pods' containers as the agent observes them. A result that turns triggers the
    Pod. Its tasks live as long as `source` (`kernel.control.reconciler.Source`) is open; outside
    of that nothing is asked."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._workers: dict[Request, dict[str, ProbeWorker]] = {}
        self._observed: dict[Request, list[str]] = {}
        self._turned: dict[Request, anyio.Event] = {}
        self._tasks: anyio.abc.TaskGroup | None = None
        self._trigger: Trigger | None = None
        self._began_at = 0

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Ask for as long as the context is open."""
        async with anyio.create_task_group() as tasks:
            self._tasks, self._trigger = tasks, trigger
            self._began_at = self._host.clock.now_nanoseconds()
            try:
                yield
            finally:
                self._tasks = None
                self._workers.clear()
                tasks.cancel_scope.cancel()

    def take_observations(self, request: Request) -> str:
        """What probes have found out about a Pod since this was asked last: `readiness probe of
        container web succeeded`."""
        return ", ".join(self._observed.pop(request, ()))

    def follow(self, pod: Pod, observed: Observed, *, terminating: bool = False) -> Observed:
        """Ask the containers that run, and no others; answers with what has come of it so far. Of
        a Pod that is terminating only readiness is asked. Results stay for as long as the
        container is observed."""
        if self._tasks is None:
            return observed
        request = _request(pod)
        workers = self._workers.pop(request, {})
        followed: dict[str, ProbeWorker] = {}
        for run in observed.containers:
            worker = workers.pop(run.id, None)
            container = _probed(pod, run.name)
            is_running = run.state is cri.ContainerState.RUNNING
            if container is not None and is_running and run.id not in observed.in_post_start:
                worker = worker or self._new_worker(request, pod, container, run)
                asked = Asked(container, run.id, run.sandbox_id, self._address(pod, observed))
                settings = _wanted(pod, container, terminating=terminating)
                worker.keep_asking(self._tasks, pod, asked, settings)
            elif worker is not None:
                worker.stop()
            if worker is not None:
                followed[run.id] = worker
        for worker in workers.values():
            worker.stop()
        if not followed:
            return observed
        self._workers[request] = followed
        results = {container_id: worker.results for container_id, worker in followed.items()}
        return msgspec.structs.replace(observed, probe_results=results)

    async def telling(
        self, pod: Pod, tell: Callable[[], Awaitable[bool]], call: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Make a call that may take long, and `tell` of every result that turns meanwhile, for as
        long as that answers True."""
        async with background_tasks() as tasks:
            tasks.start_soon(self._keep_telling, _request(pod), tell)
            return await call()
        raise AssertionError("nobody cancels the call alone")

    async def _keep_telling(self, request: Request, tell: Callable[[], Awaitable[bool]]) -> None:
        turned = self._turned[request] = anyio.Event()
        while True:
            await turned.wait()
            # Before it is told: what turns meanwhile is told too.
            turned = self._turned[request] = anyio.Event()
            try:
                if not await tell():
                    return
            except (cri.RuntimeFailure, ApiError):
                return  # The next reconcile, which the result has triggered, meets it too.

    def forget(self, request: Request) -> None:
        """The Pod is gone, or all of it has ended."""
        for worker in self._workers.pop(request, {}).values():
            worker.stop()
        self._observed.pop(request, None)
        self._turned.pop(request, None)

    def _new_worker(
        self, request: Request, pod: Pod, container: Container, run: cri.Container
    ) -> ProbeWorker:
        def changed(observation: str) -> None:
            observations = self._observed.setdefault(request, [])
            if observation not in observations:
                observations.append(observation)
            self._turned.pop(request, anyio.Event()).set()
            if self._trigger is not None:
                self._trigger(request)

        return ProbeWorker(
            self._host,
            run,
            changed,
            began_at=self._began_at,
            is_started=is_started(pod, container, run, NO_RESULTS),
        )

    def _address(self, pod: Pod, observed: Observed) -> str:
        sandbox = observed.sandbox
        own = sandbox.addresses if sandbox else ()
        addresses = self._host.addresses if pod.spec.host_network else own
        return next(iter(addresses), "")


def _request(pod: Pod) -> Request:
    return Request(pod.metadata.name, pod.metadata.namespace)


def _probed(pod: Pod, name: str) -> Container | None:
    """The container of that name, if it has probes."""
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        if container.name == name and probe_settings(pod, container):
            return container
    return None


def _wanted(pod: Pod, container: Container, *, terminating: bool) -> list[ProbeSettings]:
    return [
        settings
        for settings in probe_settings(pod, container)
        if not terminating or settings.kind is ProbeKind.READINESS
    ]
