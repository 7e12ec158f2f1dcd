"""What containers use and which images take the disk, as containerd's CRI plugin tells it."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from kernel.cri.containerd.channel import ContainerdChannel
from kernel.cri.containerd.messages import image_of, usage_of
from kernel.cri.measuring import ContainerUsage, Download
from kernel.cri.proto import content_pb2, runtime_pb2 as cri
from kernel.cri.runtime import NO_LABELS, Image, NotFound


class _PluginConfig(msgspec.Struct, rename="camel"):
    """The part of the CRI plugin's configuration that is read, as its status shows it."""

    sandbox_image: str = ""


class ContainerdMeasuring:
    """A `kernel.cri.measuring.Measuring` over one containerd."""

    def __init__(self, channel: ContainerdChannel) -> None:
        self._channel = channel

    async def usage(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[ContainerUsage]:
        wanted = cri.ContainerStatsFilter(label_selector=labels)
        request = cri.ListContainerStatsRequest(filter=wanted)
        answer = await self._channel.call(request, cri.ListContainerStatsResponse)
        # What does not run has neither.
        return [
            usage_of(stats)
            for stats in answer.stats
            if stats.HasField("cpu") and stats.HasField("memory")
        ]

    async def images(self) -> list[Image]:
        answer = await self._channel.call(cri.ListImagesRequest(), cri.ListImagesResponse)
        sandbox_image = await self._sandbox_image()
        images = map(image_of, answer.images)
        return [
            msgspec.structs.replace(image, pinned=True) if sandbox_image in image.tags else image
            for image in images
        ]

    async def _sandbox_image(self) -> str:
        """What sandboxes are made of. Before 1.7.3 containerd did not mark it as pinned."""
        answer = await self._channel.call(cri.StatusRequest(verbose=True), cri.StatusResponse)
        text = answer.info.get("config", "{}")
        try:
            return msgspec.json.decode(text, type=_PluginConfig).sandbox_image
        except msgspec.DecodeError:
            return ""

    async def remove_image(self, image_id: str) -> None:
        request = cri.RemoveImageRequest(image=cri.ImageSpec(image=image_id))
        with suppress(NotFound):
            await self._channel.call(request, cri.RemoveImageResponse)

    async def downloads(self) -> list[Download]:
        request = content_pb2.ListStatusesRequest()
        answer = await self._channel.call(request, content_pb2.ListStatusesResponse)
        return [Download(one.ref, one.offset, one.total) for one in answer.statuses]

    async def image_directory(self) -> str:
        answer = await self._channel.call(cri.ImageFsInfoRequest(), cri.ImageFsInfoResponse)
        return next((usage.fs_id.mountpoint for usage in answer.image_filesystems), "")
