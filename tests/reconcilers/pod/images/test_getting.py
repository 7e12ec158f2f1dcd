"""Images of Pods on a simulated node: shared pulls, and images that vanish."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.cri.measuring import Download
from kernel.cri.runtime import ContainerConfig, Image, NotFound, RuntimeFailure, SandboxConfig
from kernel.cri.simulated.runtime import SimulatedRuntime
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


async def test_two_pods_share_a_pull_and_each_says_how_long_it_took(node: NodeUnderTest) -> None:
    node.simulated.delay("pull_image", 4)
    node.simulated.delay("image_status", 1)
    await node.create(make_pod(name="one"))
    await node.advance(3)
    await node.create(make_pod(name="two"))
    await node.advance(20)
    assert node.said("Pulling") == ['Pulling image "busybox:1"'] * 2
    assert sorted(node.said("Pulled")) == [
        'Successfully pulled image "busybox:1" in 4s (2s including waiting).',
        'Successfully pulled image "busybox:1" in 4s (5s including waiting).',
    ]


class VanishingImages(SimulatedRuntime):
    """Loses the first container's image in the moment before it is made."""

    has_vanished = False

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        if not self.has_vanished:
            self.has_vanished = True
            image = await self.image_status(config.image)
            assert image is not None
            await self.remove_image(image.id)
        return await super().create_container(sandbox_id, config, sandbox)


async def test_an_image_that_vanishes_is_pulled_again(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        node.simulated = VanishingImages(node.clock)
        async with node.running():
            await node.create(make_pod())
            waiting = (await node.status_of("main")).state.waiting
            assert waiting is not None
            assert waiting.reason == "CreateContainerError"
            assert waiting.message.endswith(" not found")
            assert node.said("Failed") == [f"Error: {waiting.message}"]
            await node.advance(1)
            assert (await node.status_of("main")).state.running is not None
            assert len(node.said("Pulling")) == 2


async def test_a_pull_that_leaves_no_image_behind(node: NodeUnderTest) -> None:
    node.simulated.fail("create_container", NotFound("no image"), times=1)
    await node.create(make_pod(container(image_pull_policy="Always")))
    await node.advance(1)
    assert (await node.status_of("main")).state.running is not None


async def test_an_image_that_can_not_be_inspected(node: NodeUnderTest) -> None:
    node.simulated.add_image(Image(id="sha256:1", tags=("busybox:1",)))
    node.simulated.fail("image_status", RuntimeFailure("disk broken"), times=2)
    await node.create(make_pod())
    waiting = (await node.status_of("main")).state.waiting
    assert waiting is not None
    message = 'Failed to inspect image "busybox:1": disk broken'
    assert (waiting.reason, waiting.message) == ("ImageInspectError", message)
    assert node.said("InspectFailed") == [message]
    assert node.said("Failed") == ["Error: ImageInspectError"]
    await node.advance(40)
    assert (await node.status_of("main")).state.running is not None
    assert node.said("Pulled") == ['Container image "busybox:1" already present on machine']


async def test_a_long_pull_says_how_far_it_is(node: NodeUnderTest) -> None:
    node.simulated.delay("pull_image", 35)
    node.simulated.download(Download("layer", 1 << 20, 8 << 20))
    await node.create(make_pod())
    await node.advance(21)
    node.simulated.download(Download("layer", 4 << 20, 8 << 20))
    await node.advance(30)
    assert node.said("Pulling") == [
        'Pulling image "busybox:1"',
        'Pulling image "busybox:1": 1.0 MiB of 8.0 MiB',
        'Pulling image "busybox:1": 4.0 MiB of 8.0 MiB',
    ]
    assert (await node.status_of("main")).state.running is not None
