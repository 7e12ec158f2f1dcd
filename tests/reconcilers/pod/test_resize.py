"""Pods on a simulated node that are given other amounts of cpu and memory."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kernel.cri.runtime import RuntimeFailure
from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.container import ContainerResizePolicy, ResourceRequirements
from kernel.objects.pod import Pod
from kernel.objects.pod_status import PodCondition
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

pytestmark = pytest.mark.anyio

MEBIBYTE = 1 << 20
SMALL = ResourceRequirements(
    requests={"cpu": "100m", "memory": "64Mi"}, limits={"cpu": "200m", "memory": "128Mi"}
)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    """A node without an agent yet; it has 4 cores and 8 GiB."""
    async with open_node(tmp_path) as node:
        yield node


async def create(node: NodeUnderTest, **fields: Any) -> None:
    """Pod web with two containers, of which `main` has small amounts."""
    await node.create(make_pod(container("main", resources=SMALL, **fields), container("side")))


async def resize(node: NodeUnderTest, **resources: Any) -> None:
    """Give `main` other amounts."""
    change = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
    await node.client.patch(Pod, "web", change, type="strategic", subresource="resize")
    await node.settle()


async def conditions(node: NodeUnderTest) -> dict[str, PodCondition]:
    """What is said of a resize."""
    found = (await node.pod()).status.conditions
    return {one.type: one for one in found if one.type.startswith("PodResize")}


async def limits(node: NodeUnderTest) -> tuple[int, int, int]:
    """Memory in bytes, cpu's quota and shares, as they hold for `main`."""
    resources = node.simulated.resources((await node.container("main")).id)
    return (
        resources.memory_limit_bytes,
        resources.cpu_quota_microseconds,
        resources.cpu_shares,
    )


async def test_amounts_are_set_in_place(node: NodeUnderTest) -> None:
    async with node.running():
        await create(node)
        status = await node.status_of("main")
        assert status.resources == SMALL
        assert status.allocated_resources == SMALL.requests
        assert (await node.status_of("side")).resources is None
        await resize(node, limits={"cpu": "1", "memory": "256Mi"}, requests={"cpu": "500m"})
        assert await limits(node) == (256 * MEBIBYTE, 100_000, 512)
        status = await node.status_of("main")
        assert status.restart_count == 0
        assert status.resources == (await node.pod()).spec.containers[0].resources
        assert status.resources.limits == {"cpu": "1", "memory": "256Mi"}
        assert status.allocated_resources == {"cpu": "500m", "memory": "64Mi"}
        assert await conditions(node) == {}


async def test_a_resize_while_nobody_ran_is_made_up_for_once(node: NodeUnderTest) -> None:
    async with node.running():
        await create(node)
    await resize(node, limits={"memory": "256Mi"})
    for _ in range(2):
        async with node.running():
            assert (await limits(node))[0] == 256 * MEBIBYTE
            status = await node.status_of("main")
            assert status.resources is not None
            assert (status.resources.limits["memory"], status.restart_count) == ("256Mi", 0)


async def test_the_first_resize_may_come_before_the_first_status(node: NodeUnderTest) -> None:
    """What a container was started with is known from the runtime alone."""
    async with node.running():
        await create(node)
    pod = await node.pod()
    pod.status.container_statuses = []
    await node.client.update_status(pod)
    await resize(node, limits={"memory": "256Mi"})
    async with node.running():
        assert (await limits(node))[0] == 256 * MEBIBYTE


async def test_a_policy_asks_for_a_restart(node: NodeUnderTest) -> None:
    policy = ContainerResizePolicy(resource_name="memory", restart_policy="RestartContainer")
    async with node.running():
        await create(node, resize_policy=[policy])
        await resize(node, limits={"cpu": "1"})
        assert (await node.status_of("main")).restart_count == 0
        await resize(node, limits={"memory": "256Mi"})
        status = await node.status_of("main")
        assert (status.restart_count, status.state.running is not None) == (1, True)
        assert await limits(node) == (256 * MEBIBYTE, 100_000, 102)
        assert node.said("Killing") == ["Container main resize requires restart"]
        assert (await node.status_of("side")).restart_count == 0
        assert await conditions(node) == {}


async def test_what_the_node_has_not_is_not_given(node: NodeUnderTest) -> None:
    async with node.running():
        await create(node)
        await resize(node, limits={"cpu": "9"}, requests={"cpu": "9"})
        condition = (await conditions(node))["PodResizePending"]
        assert (condition.status, condition.reason) == ("True", "Infeasible")
        assert condition.message == (
            "Node didn't have enough capacity: cpu, requested: 9000, capacity: 4000"
        )
        status = await node.status_of("main")
        assert status.resources == SMALL
        assert status.allocated_resources == SMALL.requests
        assert (await limits(node))[1] == 20_000
        await resize(node, limits={"cpu": "2"}, requests={"cpu": "2"})
        assert await conditions(node) == {}
        assert (await limits(node))[1] == 200_000


async def test_what_fails_is_said_and_tried_again(node: NodeUnderTest) -> None:
    node.simulated.fail("update_resources", RuntimeFailure("device or resource busy"), times=2)
    async with node.running():
        await create(node)
        await resize(node, limits={"memory": "256Mi"})
        condition = (await conditions(node))["PodResizeInProgress"]
        assert (condition.status, condition.reason) == ("True", "Error")
        assert condition.message == "device or resource busy"
        assert (await limits(node))[0] == 128 * MEBIBYTE
        await node.advance(10)
        assert await conditions(node) == {}
        assert (await limits(node))[0] == 256 * MEBIBYTE


async def test_memory_in_use_is_not_taken_away(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(memory_bytes=100 * MEBIBYTE))
    async with node.running():
        await create(node)
        await resize(node, limits={"memory": "96Mi"})
        condition = (await conditions(node))["PodResizeInProgress"]
        assert condition.reason == "Error"
        assert condition.message == (
            'attempting to set container "main" memory limit (100663296) below current usage'
            " (104857600)"
        )
        assert (await limits(node))[0] == 128 * MEBIBYTE
        await resize(node, limits={"memory": "112Mi"})
        await node.advance(10)
        assert (await limits(node))[0] == 112 * MEBIBYTE


async def test_a_failed_resize_that_is_taken_back_is_over(node: NodeUnderTest) -> None:
    node.simulated.fail("update_resources", RuntimeFailure("device or resource busy"))
    async with node.running():
        await create(node)
        await resize(node, limits={"memory": "256Mi"})
        assert "PodResizeInProgress" in await conditions(node)
        await resize(node, limits={"memory": "128Mi"})
        assert await conditions(node) == {}
        node.simulated.heal("update_resources")
        await node.advance(30)
        status = await node.status_of("main")
        assert status.resources == SMALL
