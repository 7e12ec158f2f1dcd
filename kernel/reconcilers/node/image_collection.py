"""The reconciler that removes unused images; `image_garbage` decides which."""

import logging
from collections.abc import Sequence

from kernel.api.client import Client
from kernel.api.errors import NotFound
from kernel.clock import Clock
from kernel.control.reconciler import Reconciler, Request, Result
from kernel.control.recorder import Recorder
from kernel.cri.runtime import Image, Runtime, RuntimeFailure
from kernel.objects.node import Node
from kernel.reconcilers.node.image_garbage import (
    ImageRecord,
    bytes_to_free,
    recorded,
    removable,
    used_image_ids,
)
from kernel.reconcilers.node.readings import file_system
from kernel.reconcilers.node_limits import NodeLimits

logger = logging.getLogger("podkernel.node")


class CollectionFailure(Exception):
    """Images could not be removed, or not enough of them."""


class ImageCollection:
    """Looks at images now and then, and at once when the node has come under disk pressure.

    Since when images are unused is known since the start only.
    """

    def __init__(
        self,
        node_name: str,
        runtime: Runtime,
        recorder: Recorder,
        clock: Clock,
        limits: NodeLimits,
    ) -> None:
        self._node_name = node_name
        self._runtime = runtime
        self._recorder = recorder
        self._clock = clock
        self._limits = limits
        self._records: dict[str, ImageRecord] = {}
        self._failures = 0
        self._looked_at = float("-inf")
        self._was_short = False

    def reconciler(self) -> Reconciler:
        """Of the one node."""
        return Reconciler(
            name="image-collection",
            kind=Node,
            reconcile=self.reconcile,
            when=lambda node: node.metadata.name == self._node_name,
        )

    async def reconcile(self, request: Request, client: Client) -> Result | None:
        """Remove images where that is due."""
        try:
            node = await client.get(Node, request.name)
        except NotFound:
            return None
        was_short, self._was_short = self._was_short, _is_short_of_disk(node)
        due = self._looked_at + self._limits.image_gc_check_seconds
        if self._clock.monotonic_seconds() >= due or (self._was_short and not was_short):
            self._looked_at = self._clock.monotonic_seconds()
            due = self._looked_at + self._limits.image_gc_check_seconds
            await self._try_to_collect(node)
        return Result(requeue_after_seconds=due - self._clock.monotonic_seconds())

    async def _try_to_collect(self, node: Node) -> None:
        try:
            await self._collect(node)
            self._failures = 0
        except (CollectionFailure, RuntimeFailure, OSError) as failure:
            self._failures += 1
            if self._failures == 1:
                logger.warning("unused images are not removed: %s", failure)
            else:
                await self._recorder.event(node, "Warning", "ImageGCFailed", str(failure))

    async def _collect(self, node: Node) -> None:
        images = await self._runtime.images()
        used = used_image_ids(images, await self._runtime.containers())
        now = self._clock.monotonic_seconds()
        self._records = recorded(self._records, images, used, now)
        directory = await self._runtime.image_directory()
        if not directory:
            return
        disk = file_system(directory)
        if not disk.capacity_bytes:
            message = f"invalid capacity 0 on image filesystem {directory}"
            await self._recorder.event(node, "Warning", "InvalidDiskCapacity", message)
            raise CollectionFailure(message)
        wanted = bytes_to_free(disk, self._limits)
        age_seconds_min = self._limits.image_gc_age_seconds_min
        freed = await self._free(
            wanted, removable(images, self._records, used, now, age_seconds_min)
        )
        if freed < wanted:
            message = (
                "Failed to garbage collect required amount of images. Attempted to free"
                f" {wanted} bytes, but only found {freed} bytes eligible to free."
            )
            await self._recorder.event(node, "Warning", "FreeDiskSpaceFailed", message)
            raise CollectionFailure(message)

    async def _free(self, wanted: int, images: Sequence[Image]) -> int:
        """Remove images until so many bytes are free; answers how many are."""
        freed, failures = 0, list[str]()
        for image in images:
            if freed >= wanted:
                break
            logger.info("removing the unused image %s", ", ".join(image.tags) or image.id)
            try:
                await self._runtime.remove_image(image.id)
                freed += image.size_bytes
            except RuntimeFailure as failure:
                failures.append(str(failure))
        if failures:
            raise CollectionFailure(
                f"wanted to free {wanted} bytes, but freed {freed} bytes space with errors in"
                f" image deletion: {'; '.join(failures)}"
            )
        return freed


def _is_short_of_disk(node: Node) -> bool:
    conditions = node.status.conditions
    return any(one.type == "DiskPressure" and one.status == "True" for one in conditions)
