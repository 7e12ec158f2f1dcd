"""How much of the processor and of memory is in use: two samples, and the rates between them.

Nothing is sampled while nobody asks. The first question takes two samples, a second apart; as long
as questions go on, the window reaches from the sample before to the newest, which is taken anew
once it is some seconds old.
"""

from collections.abc import Mapping

import anyio
import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.cri.machine_usage import MachineUsage, machine_usage
from kernel.cri.measuring import ContainerUsage, Measuring

FIRST_WINDOW_SECONDS = 1.0
SAMPLE_AGE_SECONDS_MAX = 15.0
WINDOW_SECONDS_MAX = 60.0


class Sample(msgspec.Struct, frozen=True):
    """One look at everything; `taken_at` in monotonic seconds."""

    taken_at: float
    machine: MachineUsage
    containers: Mapping[str, ContainerUsage]


class Rate(msgspec.Struct, frozen=True):
    """What one container, or the machine, uses. `cpu_nanocores` is a mean over
    `window_nanoseconds`, which end at `measured_at`."""

    cpu_nanocores: int
    memory_bytes: int
    measured_at: int
    window_nanoseconds: int


class Window(msgspec.Struct, frozen=True):
    """Two samples, the earlier one first."""

    earlier: Sample
    later: Sample

    def machine(self) -> Rate | None:
        """What the machine uses."""
        return rate_between(self.earlier.machine, self.later.machine)

    def container(self, container_id: str) -> Rate | None:
        """What a container uses; None until it was seen twice."""
        earlier = self.earlier.containers.get(container_id)
        later = self.later.containers.get(container_id)
        return rate_between(earlier, later) if earlier and later else None

    def is_measured(self, container_id: str) -> bool:
        """Whether the newest sample has that container."""
        return container_id in self.later.containers


def rate_between(
    earlier: MachineUsage | ContainerUsage, later: MachineUsage | ContainerUsage
) -> Rate | None:
    """The rate between two measurements of one thing; None where they say nothing (pure)."""
    nanoseconds = later.measured_at - earlier.measured_at
    used = later.cpu_nanoseconds - earlier.cpu_nanoseconds
    if nanoseconds <= 0 or used < 0:
        return None
    return Rate(
        cpu_nanocores=used * NANOSECONDS_PER_SECOND // nanoseconds,
        memory_bytes=later.memory_bytes,
        measured_at=later.measured_at,
        window_nanoseconds=nanoseconds,
    )


class UsageSampler:
    """Samples what a runtime's containers and the machine use, when asked."""

    def __init__(self, measuring: Measuring, clock: Clock):
        self._measuring = measuring
        self._clock = clock
        self._lock = anyio.Lock()
        self._window: Window | None = None

    async def window(self) -> Window:
        """The newest window. Raises `RuntimeFailure` where the runtime can't be asked."""
        async with self._lock:
            age_seconds = self._age_seconds()
            if self._window is not None and age_seconds <= SAMPLE_AGE_SECONDS_MAX:
                return self._window
            if self._window is not None and age_seconds <= WINDOW_SECONDS_MAX:
                earlier = self._window.later
            else:
                earlier = await self._sample()
                await self._clock.sleep(FIRST_WINDOW_SECONDS)
            self._window = Window(earlier, await self._sample())
            return self._window

    def _age_seconds(self) -> float:
        taken_at = self._window.later.taken_at if self._window else 0
        return self._clock.monotonic_seconds() - taken_at

    async def _sample(self) -> Sample:
        containers = await self._measuring.usage()
        return Sample(
            taken_at=self._clock.monotonic_seconds(),
            machine=machine_usage(self._clock),
            containers={usage.container_id: usage for usage in containers},
        )
