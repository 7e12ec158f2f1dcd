"""Pulling images for all Pods of a node: side by side up to a limit, each image only once.

Whoever asks for an image first pulls it, and the others wait for what comes of that. Is the first
one's Pod deleted meanwhile, one of those who wait goes on: what was fetched already is not fetched
again.
"""

from collections.abc import Sequence

import anyio
import msgspec

from kernel.clock import Clock
from kernel.cri.runtime import (
    ImagePullFailure,
    InvalidImageName,
    RegistryCredentials,
    Runtime,
    RuntimeFailure,
    RuntimeUnavailable,
)

_Subject = tuple[str, tuple[RegistryCredentials, ...]]


class Pulled(msgspec.Struct, frozen=True):
    """An image that was pulled: how the runtime names it, and how long the pull took without the
    time in which it waited for others."""

    reference: str
    seconds: float


class _Pull:
    """A pull that is under way. `outcome` stays None where the one who pulls was cancelled."""

    def __init__(self) -> None:
        self.ended = anyio.Event()
        self.outcome: Pulled | RuntimeFailure | None = None


class ImagePulls:
    """All pulls of one node."""

    def __init__(self, runtime: Runtime, clock: Clock, *, pulls_max: int) -> None:
        self._runtime = runtime
        self._clock = clock
        self._free = anyio.Semaphore(pulls_max)
        self._under_way: dict[_Subject, _Pull] = {}

    async def pull(self, image: str, credentials: Sequence[RegistryCredentials]) -> Pulled:
        """Pull with each of `credentials` in turn until one lets in; without any, as anybody.
        Raises `RuntimeFailure`."""
        subject = (image, tuple(credentials))
        while (other := self._under_way.get(subject)) is not None:
            await other.ended.wait()
            if other.outcome is not None:
                return _result(other.outcome)
        pull = self._under_way[subject] = _Pull()
        try:
            pull.outcome = await self._pull(*subject)
        finally:
            del self._under_way[subject]
            pull.ended.set()
        return _result(pull.outcome)

    async def _pull(
        self, image: str, credentials: tuple[RegistryCredentials, ...]
    ) -> Pulled | RuntimeFailure:
        failures: list[RuntimeFailure] = []
        async with self._free:
            began = self._clock.monotonic_seconds()
            for login in credentials or (None,):
                try:
                    reference = await self._runtime.pull_image(image, login)
                except (InvalidImageName, RuntimeUnavailable) as failure:
                    return failure
                except RuntimeFailure as failure:
                    failures.append(failure)
                else:
                    return Pulled(reference, self._clock.monotonic_seconds() - began)
        return _one_of(failures)


def _result(outcome: Pulled | RuntimeFailure) -> Pulled:
    if isinstance(outcome, RuntimeFailure):
        raise outcome
    return outcome


def _one_of(failures: Sequence[RuntimeFailure]) -> RuntimeFailure:
    """One failure that says what all say; `[a, b]` where they differ."""
    messages = list(dict.fromkeys(map(str, failures)))
    return failures[0] if len(messages) == 1 else ImagePullFailure(f"[{', '.join(messages)}]")
