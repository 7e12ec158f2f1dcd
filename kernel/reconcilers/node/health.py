"""How a node is: does its runtime answer, what is short, which images has it."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from kernel.background import background_tasks
from kernel.clock import Clock
from kernel.cri.runtime import Image, Runtime, RuntimeFailure, RuntimeNotReady
from kernel.reconcilers.node.conditions import RUNTIME_IS_DOWN
from kernel.reconcilers.node.pressure import Pressure, PressureMemory
from kernel.reconcilers.node.readings import Readings, read_machine
from kernel.reconcilers.node_limits import NodeLimits

logger = logging.getLogger("podkernel.node")

ANSWER_SECONDS_MAX = 10.0

Answer = TypeVar("Answer")


class Health(msgspec.Struct, frozen=True):
    """One look. `troubles` are why the node is not ready; `images` are None while the runtime
    does not tell."""

    pressures: frozenset[Pressure] = frozenset()
    troubles: Sequence[str] = ()
    images: Sequence[Image] | None = None


class NodeHealth:
    """Looks at one machine and its runtime; remembers since when the runtime is silent.

    A runtime that is restarted is back in a moment: it counts as down only when it has been silent
    for `runtime_down_seconds`.
    """

    def __init__(
        self, runtime: Runtime, pods_directory: Path, clock: Clock, limits: NodeLimits
    ) -> None:
        self._runtime = runtime
        self._pods_directory = pods_directory
        self._clock = clock
        self._limits = limits
        self._pressures = PressureMemory(limits)
        self._answered_at = clock.monotonic_seconds()
        self._image_directory = ""

    async def look(self) -> Health:
        """How things are now."""
        images: Sequence[Image] | None = None
        troubles: tuple[str, ...] = ()
        try:
            await self._within_time(self._runtime.version)
            images = await self._within_time(self._runtime.images)
            self._image_directory = await self._within_time(self._runtime.image_directory)
            self._answered_at = self._clock.monotonic_seconds()
        except RuntimeNotReady as failure:
            self._answered_at = self._clock.monotonic_seconds()
            troubles = (failure.trouble,)
        except RuntimeFailure as failure:
            logger.debug("the runtime does not answer: %s", failure)
        silent_seconds = self._clock.monotonic_seconds() - self._answered_at
        if silent_seconds >= self._limits.runtime_down_seconds:
            troubles = (RUNTIME_IS_DOWN,)
        return Health(self._short(), troubles, images)

    def _short(self) -> frozenset[Pressure]:
        readings = self._readings()
        if readings is None:
            return frozenset()
        return self._pressures.lasting(readings, self._clock.monotonic_seconds())

    def _readings(self) -> Readings | None:
        try:
            return read_machine(self._pods_directory, self._image_directory, self._clock)
        except OSError as error:
            logger.warning("the machine can't be measured: %s", error)
            return None

    async def _within_time(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """What the runtime answers. One that hangs must not keep the Lease from being renewed."""

        async def give_up() -> None:
            await self._clock.sleep(ANSWER_SECONDS_MAX)
            tasks.cancel_scope.cancel()

        async with background_tasks() as tasks:
            tasks.start_soon(give_up)
            return await call()
        raise RuntimeFailure("no answer in time")
