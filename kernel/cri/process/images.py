"""The process runtime's images: names alone, for all of which the host's own programs stand."""

import anyio

from kernel.cri.image_name import whole_image_name
from kernel.cri.measuring import Download
from kernel.cri.runtime import Image, RegistryCredentials


class HostPrograms:
    """The methods of `kernel.cri.runtime.Runtime` that are about images."""

    async def images(self) -> list[Image]:
        await anyio.lowlevel.checkpoint()
        return []

    async def remove_image(self, image_id: str) -> None:
        await anyio.lowlevel.checkpoint()

    async def downloads(self) -> list[Download]:
        await anyio.lowlevel.checkpoint()
        return []

    async def image_directory(self) -> str:
        await anyio.lowlevel.checkpoint()
        return ""

    async def image_status(self, image: str) -> Image | None:
        await anyio.lowlevel.checkpoint()
        whole_image_name(image)
        return Image(id=image, tags=(image,))

    async def pull_image(self, image: str, credentials: RegistryCredentials | None = None) -> str:
        await anyio.lowlevel.checkpoint()
        whole_image_name(image)
        return image
