"""A Pod is led to the API server before its containers start, and told where that is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod
from kernel.objects.service import Service, ServicePort, ServiceSpec
from kernel.reconcilers.pod.api_access import as_reached, shares_node_network
from kernel.reconcilers.pod.configuration.service_variables import service_variables
from tests.reconcilers.pod.node_under_test import NodeUnderTest, make_pod, open_node

pytestmark = pytest.mark.anyio


class _Connected(SimulatedRuntime):
    """Sandboxes of it have networks that can be entered."""

    async def network_namespace(self, sandbox_id: str) -> str:
        return f"/ns/{sandbox_id}"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node:
        node.simulated = _Connected(node.clock)
        yield node


async def test_each_sandbox_is_connected_once_and_released(node: NodeUnderTest) -> None:
    async with node.running():
        await node.create(make_pod())
        (sandbox,) = await node.simulated.sandboxes()
        wanted = {sandbox.id: (f"/ns/{sandbox.id}", sandbox.addresses[0])}
        assert node.api_access.connected == wanted
        await node.advance(120)
        assert node.api_access.calls == 1
    async with node.running():  # another process, which has to do it again
        assert node.api_access.calls == 2
        await node.client.delete(Pod, "web", grace_period_seconds=0)
        await node.advance(5)
        assert node.api_access.connected == {}


async def test_pods_in_the_nodes_network_are_left_alone(node: NodeUnderTest) -> None:
    async with node.running():
        await node.create(make_pod(host_network=True))
        assert node.api_access.calls == 0


async def test_a_failure_is_said_once_and_stops_nothing(node: NodeUnderTest) -> None:
    node.api_access.problem = "Operation not permitted"
    async with node.running():
        await node.create(make_pod())
        assert (await node.pod()).status.phase == "Running"
        await node.advance(120)
        assert node.said("FailedApiAccess") == [
            "the containers can't reach the API server: Operation not permitted"
        ]
        node.api_access.problem = ""
        await node.advance(61)
        assert len(node.api_access.connected) == 1
        calls = node.api_access.calls
        await node.advance(120)
        assert node.api_access.calls == calls


@pytest.mark.parametrize(
    ("host_network", "addresses", "shares"),
    [
        (False, ("10.1.2.3",), False),
        (False, ("fd00::7", "10.1.2.3"), False),
        (True, ("10.1.2.3",), True),
        (False, ("127.0.0.1",), True),
        (False, (), True),
    ],
)
def test_whose_network_a_pod_uses(
    host_network: bool, addresses: tuple[str, ...], shares: bool
) -> None:
    assert shares_node_network(make_pod(host_network=host_network), addresses) is shares


def _service(name: str, namespace: str = "default") -> Service:
    return Service(
        metadata=ObjectMeta(name=name, namespace=namespace),
        spec=ServiceSpec(
            cluster_ip="10.96.0.1", ports=[ServicePort(name="https", port=443, protocol="TCP")]
        ),
    )


def test_programs_in_the_nodes_network_are_told_the_servers_own_address() -> None:
    reached = as_reached(_service("kubernetes"), ("127.0.0.1", 7443))
    variables = service_variables(make_pod(), [reached])
    assert variables["KUBERNETES_SERVICE_HOST"] == "127.0.0.1"
    assert variables["KUBERNETES_SERVICE_PORT"] == "7443"
    assert variables["KUBERNETES_SERVICE_PORT_HTTPS"] == "7443"
    assert variables["KUBERNETES_PORT"] == "tcp://127.0.0.1:7443"


@pytest.mark.parametrize(
    ("service", "node_address"),
    [
        (_service("kubernetes"), None),
        (_service("shop"), ("127.0.0.1", 7443)),
        (_service("kubernetes", "elsewhere"), ("127.0.0.1", 7443)),
    ],
)
def test_other_services_stay_as_they_are(
    service: Service, node_address: tuple[str, int] | None
) -> None:
    assert as_reached(service, node_address) is service
