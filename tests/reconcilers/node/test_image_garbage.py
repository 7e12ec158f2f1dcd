"""Which images are garbage, and that they go."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock
from kernel.control.recorder import Recorder
from kernel.cri.runtime import (
    Container,
    ContainerConfig,
    ContainerState,
    Image,
    RuntimeFailure,
    SandboxConfig,
)
from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.objects.event import Event
from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node, NodeCondition
from kernel.reconcilers.node.image_collection import ImageCollection
from kernel.reconcilers.node.image_garbage import (
    ImageRecord,
    bytes_to_free,
    recorded,
    removable,
    used_image_ids,
)
from kernel.reconcilers.node.readings import FileSystem
from kernel.reconcilers.node_limits import NodeLimits

FULL_SIZE = 1 << 60
NEVER_EMPTY = NodeLimits(image_gc_high_threshold_percent=0.0001, image_gc_low_threshold_percent=0)


@pytest.mark.parametrize(
    ("available", "expected"), [(1000, 0), (151, 0), (150, 50), (149, 51), (0, 200), (5000, 0)]
)
def test_how_much_has_to_go(available: int, expected: int) -> None:
    disk = FileSystem(capacity_bytes=1000, available_bytes=available, inodes=0, inodes_free=0)
    assert bytes_to_free(disk, NodeLimits()) == expected


def container(image: str = "", image_id: str = "") -> Container:
    return Container(
        *("id", "sandbox", "main", 0, ContainerState.EXITED),
        image=image,
        image_id=image_id,
        created_at=0,
        labels={},
        annotations={},
    )


@pytest.mark.parametrize(
    "container",
    [
        container(image_id="sha256:1"),
        container(image_id="docker.io/library/web@sha256:2"),
        container(image="web"),
        container(image="docker.io/library/web:latest", image_id="sha256:9"),
    ],
)
def test_an_image_is_used_by_whatever_name_a_container_has_for_it(container: Container) -> None:
    image = Image(
        id="sha256:1",
        tags=("docker.io/library/web:latest",),
        digests=("docker.io/library/web@sha256:2",),
    )
    assert used_image_ids([image, Image(id="sha256:3")], [container]) == {"sha256:1"}


def test_what_is_known_of_images() -> None:
    images = [Image(id="a"), Image(id="b"), Image(id="c")]
    before = {"a": ImageRecord(5, 7), "b": ImageRecord(5), "gone": ImageRecord(1)}
    assert recorded(before, images, {"b"}, 20) == {
        "a": ImageRecord(5, 7),
        "b": ImageRecord(5, 20),
        "c": ImageRecord(20),
    }


def test_the_longest_unused_goes_first_and_some_never_go() -> None:
    records = {
        "used-lately": ImageRecord(0, 50),
        "used-long-ago": ImageRecord(0, 10),
        "never-used": ImageRecord(20),
        "never-used-older": ImageRecord(0),
        "in-use": ImageRecord(0, 1000),
        "new": ImageRecord(900),
        "sandbox": ImageRecord(0),
    }
    images = [Image(id=name, pinned=name == "sandbox") for name in records]
    found = removable(images, records, {"in-use"}, 1000, 120)
    assert [image.id for image in found] == [
        *("never-used-older", "never-used", "used-long-ago", "used-lately"),
    ]


class Images:
    """A node with images on this machine's disk, as far as anybody knows."""

    def __init__(self, client: Client, clock: ManualClock, directory: Path):
        self.client = client
        self.clock = clock
        self.runtime = SimulatedRuntime(clock)
        self.runtime.keep_images_in(str(directory))

    def add(self, *names: str, size_bytes: int = 1, pinned: bool = False) -> None:
        for name in names:
            image = Image(id=f"sha256:{name}", tags=(name,), size_bytes=size_bytes, pinned=pinned)
            self.runtime.add_image(image)

    async def use(self, name: str) -> None:
        sandbox = SandboxConfig("web", "default", name, 0, log_directory="/nowhere")
        sandbox_id = await self.runtime.run_sandbox(sandbox)
        await self.runtime.create_container(sandbox_id, ContainerConfig("c", 0, name), sandbox)

    async def names(self) -> list[str]:
        return sorted(tag for image in await self.runtime.images() for tag in image.tags)

    def collecting(self, limits: NodeLimits = NEVER_EMPTY) -> Callable[[Any], Any]:
        recorder = Recorder(self.client, component="kubelet", clock=self.clock)
        images = ImageCollection("node1", self.runtime, recorder, self.clock, limits)
        return lambda _: [images.reconciler()]

    async def said(self) -> list[str]:
        events = await self.client.list(Event, namespace="default")
        return [f"{event.reason} {event.count}: {event.message}" for event in events]


@pytest.fixture
async def images(client: Client, clock: ManualClock, tmp_path: Path) -> Images:
    await client.create(Node(metadata=ObjectMeta(name="node1")))
    return Images(client, clock, tmp_path)


pytestmark = pytest.mark.anyio


async def test_unused_images_go_once_they_are_old_enough(images: Images, run: Any) -> None:
    images.add("unused", "used", size_bytes=FULL_SIZE)
    images.add("sandbox", pinned=True)
    await images.use("used")
    async with run(images.collecting()):
        await images.clock.advance(299)
        assert await images.names() == ["sandbox", "unused", "used"]
        images.add("young")
        await images.clock.advance(1)
        assert await images.names() == ["sandbox", "used", "young"]


async def test_no_more_than_needed_goes(images: Images, run: Any) -> None:
    images.add("one", "two", size_bytes=FULL_SIZE)
    async with run(images.collecting()):
        await images.clock.advance(301)
        assert await images.names() == ["two"]
        assert "FreeDiskSpaceFailed" not in str((await images.said())[1:])


async def test_a_disk_with_room_keeps_its_images(images: Images, run: Any) -> None:
    images.add("one", size_bytes=FULL_SIZE)
    roomy = NodeLimits(image_gc_high_threshold_percent=100)
    async with run(images.collecting(roomy)):
        await images.clock.advance(1000)
    assert await images.names() == ["one"]


async def test_what_does_not_suffice_is_said(images: Images, run: Any) -> None:
    images.add("small", size_bytes=7)
    async with run(images.collecting()):
        await images.clock.advance(301)
        said = await images.said()
        assert await images.names() == []
    kinds = [text.partition(":")[0] for text in said]
    assert kinds == ["FreeDiskSpaceFailed 1", "FreeDiskSpaceFailed 1", "ImageGCFailed 1"]
    assert said[1].endswith("bytes, but only found 7 bytes eligible to free.")
    assert said[2].partition(": ")[2] == said[1].partition(": ")[2]


async def test_an_image_that_can_not_be_removed_does_not_keep_others(
    images: Images, run: Any
) -> None:
    images.add("broken", "fine", size_bytes=FULL_SIZE)
    images.runtime.fail("remove_image", RuntimeFailure("is held"), subject="sha256:broken")
    async with run(images.collecting()):
        await images.clock.advance(301)
        assert await images.names() == ["broken"]


async def test_disk_pressure_is_answered_at_once(images: Images, run: Any) -> None:
    images.add("unused", size_bytes=FULL_SIZE)
    async with run(images.collecting()):
        await images.clock.advance(130)
        assert await images.names() == ["unused"]
        node = await images.client.get(Node, "node1")
        node.status.conditions = [NodeCondition(type="DiskPressure", status="True")]
        await images.client.update_status(node)
        await images.clock.advance(0)
        assert await images.names() == []


async def test_a_runtime_without_an_image_disk_is_left_alone(
    client: Client, clock: ManualClock, images: Images, run: Any
) -> None:
    images.runtime.keep_images_in("")
    images.add("unused")
    async with run(images.collecting()):
        await clock.advance(1000)
    assert await images.names() == ["unused"]
    assert await images.said() == []
