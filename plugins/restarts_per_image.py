"""How often containers restart, by image and hour: folded from the log, whatever is still there.

    podkernel dev --plugin plugins/restarts_per_image.py docs/examples/javaweb.yaml

    kubectl get imagerestarts
    kubectl get --raw /plugins/restarts-per-image
    kubectl get --raw '/plugins/restarts-per-image?image=busybox'

The projection counts; it is the one place where the numbers are kept. The objects of the kind
ImageRestarts show them to kubectl and to whoever watches: a reconciler writes what the projection
says of an image whenever a Pod of that image changes.
"""

import hashlib
import re
from collections.abc import Iterator

import msgspec

from kernel import (
    Client,
    Column,
    HttpRequest,
    Kind,
    NotFound,
    ObjectMeta,
    Pod,
    ProjectedEntry,
    Request,
    Struct,
    Watch,
    http_get,
    projection,
    reconciler,
)

NAME = "restarts-per-image"
HOURS_MAX = 48
READABLE_NAME_CHARACTERS_MAX = 100

RestartsByHour = dict[str, int]  # 2026-11-20T09Z: 3


class ImageRestartsSpec(Struct):
    image: str


class ImageRestartsStatus(Struct):
    """Of the last hours in which there were any; times are UTC."""

    total: int = msgspec.field(default_factory=int)
    latest_hour: str = ""
    in_latest_hour: int = 0
    hours: RestartsByHour = {}


class ImageRestarts(
    Kind,
    group="restarts.podkernel.dev",
    version="v1",
    plural="imagerestarts",
    namespaced=False,
    columns=[
        Column("Image", "spec.image"),
        Column("Latest hour", "status.latestHour"),
        Column("In that hour", "status.inLatestHour", type="integer"),
        Column("In all", "status.total", type="integer"),
    ],
):
    """The restarts of all containers of one image."""

    spec: ImageRestartsSpec
    status: ImageRestartsStatus = msgspec.field(default_factory=ImageRestartsStatus)


@projection(Pod, name=NAME, initial=dict)
def restarts_per_image(
    state: dict[str, RestartsByHour], entry: ProjectedEntry[Pod]
) -> dict[str, RestartsByHour]:
    """Count how much further each restartCount is than it was; an hour is that of the entry."""
    before = dict(_restarts(entry.previous)) if entry.previous else {}
    for container, restarts in _restarts(entry.object):
        new = restarts - before.get(container, 0)
        if new > 0:
            hours = state.setdefault(container[1], {})
            hour = f"{entry.time:%Y-%m-%dT%HZ}"
            hours[hour] = hours.get(hour, 0) + new
            while len(hours) > HOURS_MAX:
                del hours[min(hours)]
    return state


def _restarts(pod: Pod) -> Iterator[tuple[tuple[str, str], int]]:
    """The containers of a Pod, by name and image, with their restartCount."""
    status = pod.status
    for one in (*status.init_container_statuses, *status.container_statuses):
        yield (one.name, _image_of(pod, one.name)), one.restart_count


def _image_of(pod: Pod, container: str) -> str:
    """The image as the Pod asks for it: the status may name it otherwise."""
    for one in (*pod.spec.init_containers, *pod.spec.containers):
        if one.name == container:
            return one.image
    return ""


def object_name(image: str) -> str:
    """A name for the object of an image: readable, of its own, and of the signs that names have."""
    readable = re.sub(r"[^a-z0-9]+", "-", image.lower()).strip("-")
    digest = hashlib.sha256(image.encode()).hexdigest()[:8]
    return f"{readable[:READABLE_NAME_CHARACTERS_MAX]}-{digest}".lstrip("-")


def _requests(pod: Pod) -> list[Request]:
    images = {image for (_, image), restarts in _restarts(pod) if restarts}
    return [Request(object_name(image)) for image in sorted(images)]


@reconciler(ImageRestarts, name=NAME, watches=[Watch(Pod, _requests)])
async def show_restarts(request: Request, client: Client) -> None:
    """Make the object of an image say what the projection says."""
    state: dict[str, RestartsByHour] = client.projection(NAME).state
    image = next((image for image in state if object_name(image) == request.name), None)
    if image is None:
        return
    hours = dict(sorted(state[image].items()))
    latest = max(hours)
    status = ImageRestartsStatus(
        total=sum(hours.values()),
        latest_hour=latest,
        in_latest_hour=hours[latest],
        hours=hours,
    )
    try:
        found = await client.get(ImageRestarts, request.name)
    except NotFound:
        found = await client.create(
            ImageRestarts(
                metadata=ObjectMeta(name=request.name), spec=ImageRestartsSpec(image=image)
            )
        )
    if found.status != status:
        found.status = status
        await client.update_status(found)


@http_get(f"/plugins/{NAME}")
async def serve_restarts(request: HttpRequest) -> dict[str, RestartsByHour]:
    """All images, or the one that `?image=` names."""
    state: dict[str, RestartsByHour] = request.client.projection(NAME).state
    wanted = request.query.get("image")
    if wanted is None:
        return state
    if wanted not in state:
        raise NotFound.of("images", wanted)
    return {wanted: state[wanted]}
