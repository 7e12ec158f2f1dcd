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

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Informers first, then the controllers in the order in which they were added, each with
        its sources started before the next. On leaving, the last one added is stopped first, and
        has stopped before the one before it is asked to."""
        await self.informers.start()
        try:
            async with anyio.create_task_group() as tasks:
                running: list[_Running] = []
                try:
                    for controller in self._controllers:
                        running.append(await tasks.start(self._keep_running, controller))
                    yield
                finally:
                    with anyio.CancelScope(shield=True):
                        for one in reversed(running):
                            one.scope.cancel()
                            await one.stopped.wait()
        finally:
            self.informers.stop()

    async def _keep_running(
        self, controller: Controller, *, task_status: TaskStatus["_Running"]
    ) -> None:
        """Run a controller until its scope is cancelled. One that fails to start says so to the
        caller; one that fails later (a source of its own broke) is started again, alone."""
        running = _Running()
        with running.scope:
            try:
                while True:
                    try:
                        async with anyio.create_task_group() as tasks:
                            await tasks.start(controller.run)
                            if not running.started:
                                running.started = True
                                task_status.started(running)
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
