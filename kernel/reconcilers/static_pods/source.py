"""Where static Pods come from: what the mirrors need to know of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from kernel.control.informer import ObjectKey
from kernel.reconcilers.static_pods.manifests import WantedPod

RESCAN_SECONDS = 20.0
"""How often a source is looked at though nothing has told of a change."""


class PodSource(Protocol):
    """Manifests in one place. `name` is what Kubernetes calls such a place.

    `wanted` is what they ask for; it means something once `known` is true. `problems` has a line of
    text for each problem, with the digest of the content that has it.
    """

    name: str

    @property
    def known(self) -> bool: ...

    @property
    def wanted(self) -> Mapping[ObjectKey, WantedPod]: ...

    @property
    def problems(self) -> Mapping[str, bytes]: ...

    async def read(self) -> None:
        """Bring `wanted` and `problems` up to date. What can't be read stays as it was."""
        ...

    async def follow(self, read: Callable[[], Awaitable[None]]) -> None:
        """Call `read`, which calls the method above, now and when something may have changed,
        until cancelled."""
        ...
