"""The images of a node as its status lists them (pure): the largest first, and not all of them."""

from collections.abc import Iterable

from kernel.cri.runtime import Image
from kernel.objects.node import ContainerImage

IMAGES_MAX = 50
NAMES_MAX = 5


def listed_images(images: Iterable[Image]) -> list[ContainerImage]:
    """Those with a name, by digests and then by tags, as the kubelet lists them."""
    listed = [
        ContainerImage(names=[*image.digests, *image.tags][:NAMES_MAX], size_bytes=image.size_bytes)
        for image in images
        if image.digests or image.tags
    ]
    return sorted(listed, key=lambda image: (-image.size_bytes, image.names))[:IMAGES_MAX]
