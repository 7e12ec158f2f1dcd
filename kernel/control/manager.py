"""All reconcilers of one kernel: started in order, stopped in the reverse order."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskStatus

from kernel.api.client import Client
from kernel.clock import Clock
from kernel.control.controller import Controller
from kernel.control.informer import Informers
from kernel.control.queue import QueueStatistics
from kernel.control.reconciler import Reconciler

logger = logging.getLogger("podkernel.control")

RESTART_SECONDS = 1.0


class Manager:
    """Holds the shared informers and one controller a reconciler."""

    def __init__(self, client: Client, clock: Clock, informers: Informers | None = None):
        self._client = client
        self._clock = clock
        self.informers = informers or Informers(client)
        self._controllers: list[Controller] = []

    def add(self, reconcilers: Iterable[Reconciler]) -> None:
        """Run these too; before `running` is entered."""
        for reconciler in reconcilers:
            self._controllers.append(
                Controller(reconciler, self._client, self.informers, self._clock)
            )

    def statistics(self) -> dict[str, QueueStatistics]:
        """What waits for each reconciler, by its name."""
        return {one.reconciler.name: one.statistics() for one in self._controllers}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Informers first, then the controllers in the order in which they were added, each with
        its sources started before the next. On leaving, and where the surrounding scope is
        cancelled, the last one added is stopped first, and has stopped before the one before it
        is asked to. An error of the body, or of a start, comes out as it is."""
        failure: Exception | None = None
        try:
            await self.informers.start()
            async with anyio.create_task_group() as tasks:
                running: list[_Running] = []
                try:
                    for controller in self._controllers:
                        running.append(await tasks.start(self._keep_running, controller))
                    yield
                except Exception as error:  # raised in here, it would come out in a group
                    failure = error
                finally:
                    with anyio.CancelScope(shield=True):
                        for one in reversed(running):
                            one.scope.cancel()
                            await one.stopped.wait()
        finally:
            self.informers.stop()
        if failure is not None:
            raise failure

    async def _keep_running(
        self, controller: Controller, *, task_status: TaskStatus["_Running"]
    ) -> None:
        """Run a controller until its scope is cancelled. One that fails to start says so to the
        caller; one that fails later (a source of its own broke) is started again, alone."""
        running = _Running()

        def started() -> None:
            if not running.started:
                running.started = True
                running.scope.shield = True  # from here on it is stopped in its turn
                task_status.started(running)

        with running.scope:
            try:
                while True:
                    try:
                        await controller.run(started)
                    except Exception:
                        if not running.started:
                            raise
                        logger.exception("%s broke; starting it again", controller.reconciler.name)
                        await self._clock.sleep(RESTART_SECONDS)
            finally:
                running.stopped.set()


class _Running:
    """One controller that has been started: how to stop it, and how to know that it has."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.stopped = anyio.Event()
        self.started = False
