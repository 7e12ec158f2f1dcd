"""Pods on a simulated node that want to be restarted when their configuration changes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import ConfigMapEnvSource, EnvFromSource, Pod
from kernel.reconcilers.pod.configuration.used_objects import RESTART_ON_CHANGE
from tests.reconcilers.pod.node_under_test import (
    NodeUnderTest,
    container,
    make_pod,
    open_node,
)

pytestmark = pytest.mark.anyio

SETTINGS = EnvFromSource(config_map_ref=ConfigMapEnvSource(name="settings"))


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    """A node without an agent yet, and a ConfigMap."""
    async with open_node(tmp_path) as node:
        settings = ConfigMap(metadata=ObjectMeta(name="settings"), data={"colour": "blue"})
        await node.client.create(settings)
        yield node


def _ask(pod: Pod) -> None:
    pod.metadata.annotations = {RESTART_ON_CHANGE: "true"}


async def _create(node: NodeUnderTest) -> None:
    web = container("main", env_from=[SETTINGS])
    await node.create(make_pod(web, container("side"), change=_ask))


async def _change(node: NodeUnderTest, colour: str) -> None:
    settings = await node.client.get(ConfigMap, "settings")
    settings.data = {"colour": colour}
    await node.client.update(settings)
    await node.settle()


async def _restarts(node: NodeUnderTest) -> tuple[int, int]:
    main, side = await node.status_of("main"), await node.status_of("side")
    return main.restart_count, side.restart_count


async def test_containers_that_use_what_has_changed_are_restarted(node: NodeUnderTest) -> None:
    async with node.running():
        await _create(node)
        for count, colour in enumerate(("red", "green", "white"), start=1):
            await _change(node, colour)
            assert await _restarts(node) == (count, 0)
            assert (await node.status_of("main")).state.running is not None
        assert (
            node.said("Killing")
            == ["ConfigMap settings changed, container main will be restarted"] * 3
        )
        await _change(node, "white")
        assert await _restarts(node) == (3, 0)


async def test_a_change_while_nobody_ran_is_made_up_for_once(node: NodeUnderTest) -> None:
    async with node.running():
        await _create(node)
    await _change(node, "red")
    for _ in range(2):
        async with node.running():
            assert await _restarts(node) == (1, 0)


async def test_a_crashing_container_is_tried_with_its_new_configuration(
    node: NodeUnderTest,
) -> None:
    node.simulated.script("main", SimulatedContainer(exit_code=1, run_seconds=1))
    async with node.running():
        await _create(node)
        await node.advance(2)
        waiting = (await node.status_of("main")).state.waiting
        assert waiting is not None
        assert waiting.reason == "CrashLoopBackOff"
        node.simulated.script("main", SimulatedContainer())
        await _change(node, "red")
        assert (await node.status_of("main")).state.running is not None


async def test_without_the_annotation_nothing_is_restarted(node: NodeUnderTest) -> None:
    async with node.running():
        await node.create(make_pod(container("main", env_from=[SETTINGS])))
        await _change(node, "red")
        assert (await node.status_of("main")).restart_count == 0
