"""Images that nobody uses go when their disk is full: which ones (pure), by the kubelet's rules
(https://kubernetes.io/docs/concepts/architecture/garbage-collection/#containers-images)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kernel.cri.image_name import whole_image_name
from kernel.cri.runtime import Container, Image, InvalidImageName
from kernel.reconcilers.node.readings import FileSystem
from kernel.reconcilers.node_limits import NodeLimits


class ImageRecord(msgspec.Struct, frozen=True):
    """Since when an image is known, and when it was in use last (`used_at` is None: never seen in
    use), in seconds."""

    known_since: float
    used_at: float | None = None


def bytes_to_free(disk: FileSystem, limits: NodeLimits) -> int:
    """How much has to go; 0 where the disk is not that full."""
    available = min(disk.available_bytes, disk.capacity_bytes)
    taken_percent = 100 - 100 * available / disk.capacity_bytes
    if taken_percent < limits.image_gc_high_threshold_percent:
        return 0
    wanted = int(disk.capacity_bytes * (100 - limits.image_gc_low_threshold_percent) / 100)
    return max(wanted - available, 0)


def used_image_ids(images: Iterable[Image], containers: Iterable[Container]) -> set[str]:
    """The images that a container, running or not, was made of."""
    named = {name for one in containers for name in (one.image_id, _whole(one.image)) if name}
    return {image.id for image in images if named & {image.id, *image.digests, *image.tags}}


def _whole(name: str) -> str:
    try:
        return whole_image_name(name)
    except InvalidImageName:
        return name


def recorded(
    before: Mapping[str, ImageRecord], images: Iterable[Image], used: set[str], now: float
) -> dict[str, ImageRecord]:
    """What is known of the images that are there now, by id."""
    found = {image.id: before.get(image.id, ImageRecord(known_since=now)) for image in images}
    return {
        image_id: ImageRecord(record.known_since, now) if image_id in used else record
        for image_id, record in found.items()
    }


def removable(
    images: Iterable[Image],
    records: Mapping[str, ImageRecord],
    used: set[str],
    now: float,
    age_seconds_min: float,
) -> Sequence[Image]:
    """The images that may go, the one that has been unused for the longest time first."""

    def unused_since(image: Image) -> tuple[float, float, str]:
        record = records[image.id]
        return record.used_at or float("-inf"), record.known_since, image.id

    return sorted(
        (
            image
            for image in images
            if image.id not in used
            and not image.pinned
            and now - records[image.id].known_since >= age_seconds_min
        ),
        key=unused_since,
    )
