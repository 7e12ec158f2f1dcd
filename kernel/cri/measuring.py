"""The contract for measuring: what containers use, and which images take the disk."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from kernel.cri.runtime import Image

_ANY_LABELS: Mapping[str, str] = {}


class ContainerUsage(msgspec.Struct, frozen=True):
    """What a running container has used. `cpu_nanoseconds` counts from its start and never falls;
    `memory_bytes` is its working set: what could not be taken away without harm. `measured_at` is
    in nanoseconds since the epoch."""

    container_id: str
    labels: Mapping[str, str]
    measured_at: int
    cpu_nanoseconds: int
    memory_bytes: int
    writable_layer_bytes: int = 0


class Download(msgspec.Struct, frozen=True):
    """A part of an image that is being fetched. `total_bytes` is 0 as long as nobody knows it."""

    name: str
    fetched_bytes: int
    total_bytes: int


class Measuring(Protocol):
    """The part of a runtime that measures. All may raise `RuntimeFailure`."""

    async def usage(self, *, labels: Mapping[str, str] = _ANY_LABELS) -> list[ContainerUsage]:
        """Of the running containers that carry all of `labels`."""
        ...

    async def images(self) -> "list[Image]":
        """All images that are present. `pinned` are those that the runtime itself needs."""
        ...

    async def remove_image(self, image_id: str) -> None:
        """Remove an image with all its names; one that is gone already is no failure."""
        ...

    async def image_directory(self) -> str:
        """A directory on the file system that holds the images; empty where there are none."""
        ...

    async def downloads(self) -> list[Download]:
        """What is being fetched now, for any pull."""
        ...
