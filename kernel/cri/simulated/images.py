"""The images of the simulated runtime: names alone, present or not."""

import hashlib
import re

from kernel.clock import Clock
from kernel.cri.measuring import Download
from kernel.cri.runtime import Image, InvalidImageName, RegistryCredentials
from kernel.cri.simulated.scripting import Scripted

_IMAGE_NAME = re.compile(
    r"(?:[\w.-]+(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


class SimulatedImages(Scripted):
    """The part of `kernel.cri.runtime.Runtime` that is about images, and what is said of them."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._images: dict[str, Image] = {}
        self._image_directory = ""
        self._downloads: tuple[Download, ...] = ()

    def add_image(self, image: Image) -> None:
        """Let an image be present, under all its tags."""
        self._images |= dict.fromkeys((image.id, *image.tags), image)

    def download(self, *downloads: Download) -> None:
        """Let this be what is being fetched from now on."""
        self._downloads = downloads

    def keep_images_in(self, directory: str) -> None:
        """Let images seem to be in a directory of this machine."""
        self._image_directory = directory

    async def image_status(self, image: str) -> Image | None:
        await self._enter("image_status", image)
        if image not in self._images and not _IMAGE_NAME.fullmatch(image):
            raise InvalidImageName(
                f'couldn\'t parse image name "{image}": invalid reference format'
            )
        return self._images.get(image)

    async def pull_image(self, image: str, credentials: RegistryCredentials | None = None) -> str:
        await self._enter("pull_image", image)
        if image in self._images:
            return self._images[image].id
        if not _IMAGE_NAME.fullmatch(image):
            raise InvalidImageName(
                f'couldn\'t parse image name "{image}": invalid reference format'
            )
        digest = "sha256:" + hashlib.sha256(image.encode()).hexdigest()
        self.add_image(Image(id=digest, tags=(image,)))
        return digest

    async def images(self) -> list[Image]:
        await self._enter("images")
        return list({image.id: image for image in self._images.values()}.values())

    async def remove_image(self, image_id: str) -> None:
        await self._enter("remove_image", image_id)
        self._images = {name: image for name, image in self._images.items() if image.id != image_id}

    async def downloads(self) -> list[Download]:
        await self._enter("downloads")
        return list(self._downloads)

    async def image_directory(self) -> str:
        await self._enter("image_directory")
        return self._image_directory
