"""The Node registers itself, keeps what others set, and renews its Lease."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock, now_datetime
from kernel.control.recorder import Recorder
from kernel.cri.runtime import Image, RuntimeNotReady, RuntimeUnavailable
from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.objects.coordination import Lease
from kernel.objects.event import Event
from kernel.objects.node import ContainerImage, Node, NodeCondition, Taint
from kernel.objects.quantity import to_integer
from kernel.reconcilers.node.health import NodeHealth
from kernel.reconcilers.node.machine import Machine, this_machine
from kernel.reconcilers.node.registration import NodeIdentity, node_registration
from kernel.reconcilers.node_limits import NodeLimits
from tests.reconcilers.conftest import Build

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked

IDENTITY = NodeIdentity(
    name="node1",
    machine=Machine(
        cpus=4,
        memory_bytes=8 * 2**30,
        storage_bytes=100 * 2**30,
        hostname="host",
        internal_ip="10.0.0.7",
        os_image="Debian",
    ),
    runtime_version="simulated://1",
    kubelet_version="v1.32.0",
    pods_max=500,
    labels={"zone": "a"},
)


# Whatever this machine has left is enough.
LIMITS = NodeLimits(
    memory_available_bytes_min=0,
    disk_available_percent_min=0,
    disk_inodes_free_percent_min=0,
    image_disk_available_percent_min=0,
)
NEVER_ENOUGH = NodeLimits(
    memory_available_bytes_min=1 << 60,
    disk_available_percent_min=101,
    process_ids_available_percent_min=101,
)


@pytest.fixture
def runtime(clock: ManualClock) -> SimulatedRuntime:
    return SimulatedRuntime(clock)


@pytest.fixture
def node_with(
    client: Client, clock: ManualClock, runtime: SimulatedRuntime, tmp_path: Path
) -> Callable[[NodeLimits], Build]:
    def node_with(limits: NodeLimits) -> Build:
        health = NodeHealth(runtime, tmp_path, clock, limits)
        recorder = Recorder(client, component="kubelet", clock=clock)
        return lambda _: [node_registration(IDENTITY, health, recorder, clock, limits)]

    return node_with


@pytest.fixture
def build(node_with: Callable[[NodeLimits], Build]) -> Build:
    return node_with(LIMITS)


async def condition(client: Client, type: str) -> NodeCondition:
    node = await client.get(Node, "node1")
    return next(one for one in node.status.conditions if one.type == type)


async def said(client: Client) -> list[tuple[str, str]]:
    events = await client.list(Event, namespace="default")
    return [(event.reason, event.message) for event in events]


async def lease_of(client: Client) -> Lease:
    return await client.get(Lease, "node1", namespace="kube-node-lease")


async def test_a_new_node_registers_itself(client: Client, run: Any, build: Any) -> None:
    async with run(build):
        await settle()
    node = await client.get(Node, "node1")
    assert node.metadata.labels == {
        "kubernetes.io/hostname": "node1",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "zone": "a",
    }
    assert node.status.capacity == node.status.allocatable
    assert node.status.capacity == {
        "cpu": "4",
        "memory": "8388608Ki",
        "ephemeral-storage": "104857600Ki",
        "pods": "500",
    }
    told = [(one.type, one.status, one.reason) for one in node.status.conditions]
    assert told == [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
        ("Ready", "True", "KubeletReady"),
    ]
    assert node.status.conditions[-1].message == "kubelet is posting ready status"
    addresses = {one.type: one.address for one in node.status.addresses}
    assert addresses == {"InternalIP": "10.0.0.7", "Hostname": "host"}
    assert node.status.node_info.container_runtime_version == "simulated://1"
    assert node.status.node_info.os_image == "Debian"


async def test_keeps_what_others_set(
    client: Client, clock: ManualClock, run: Any, build: Any
) -> None:
    async with run(build):
        await settle()
    node = await client.get(Node, "node1")
    node.metadata.labels = {"mine": "1"}
    node.spec.unschedulable = True
    node.spec.taints = [Taint(key="k", effect="NoSchedule")]
    await client.update(node)
    node = await client.get(Node, "node1")
    foreign = NodeCondition(type="NetworkUnavailable", status="False", reason="Theirs")
    node.status.conditions = [foreign]
    node.status.capacity["example.dev/gpu"] = "2"
    await client.update_status(node)
    async with run(build):
        await settle()
        node = await client.get(Node, "node1")
        assert node.metadata.labels["mine"] == "1"
        assert node.metadata.labels["kubernetes.io/hostname"] == "node1"
        assert "zone" not in node.metadata.labels
        assert node.spec.unschedulable
        assert node.spec.taints == [Taint(key="k", effect="NoSchedule")]
        assert node.status.capacity["example.dev/gpu"] == "2"
        assert node.status.conditions[0] == foreign
        assert [one.type for one in node.status.conditions].count("Ready") == 1
        # One's own writes lead to no further ones.
        await settle()
        assert await client.get(Node, "node1") == node


async def test_the_lease_is_renewed_every_ten_seconds(
    client: Client, clock: ManualClock, run: Any, build: Any
) -> None:
    async with run(build):
        await settle()
        node = await client.get(Node, "node1")
        lease = await lease_of(client)
        assert lease.spec.holder_identity == "node1"
        assert lease.spec.lease_duration_seconds == 40
        assert [owner.uid for owner in lease.metadata.owner_references] == [node.metadata.uid]
        revisions = {lease.metadata.resource_version}
        for _ in range(60):
            await clock.advance(1)
            lease = await lease_of(client)
            revisions.add(lease.metadata.resource_version)
            assert lease.spec.renew_time is not None
            assert now_datetime(clock) - lease.spec.renew_time < timedelta(seconds=10.1)
        assert len(revisions) == 7
        assert await client.get(Node, "node1") == node, "a heartbeat is the Lease's alone"


async def test_a_heartbeat_every_five_minutes(
    client: Client, clock: ManualClock, run: Any, build: Any
) -> None:
    async with run(build):
        await settle()
        before = (await client.get(Node, "node1")).status.conditions
        await clock.advance(320)
        after = (await client.get(Node, "node1")).status.conditions
        for old, new in zip(before, after, strict=True):
            assert old.last_heartbeat_time is not None
            assert new.last_heartbeat_time == old.last_heartbeat_time + timedelta(seconds=300)
            assert new.last_transition_time == old.last_transition_time


async def test_a_deleted_node_and_lease_come_back(
    client: Client, clock: ManualClock, run: Any, build: Any
) -> None:
    async with run(build):
        await settle()
        await client.delete(Node, "node1")
        await client.delete(Lease, "node1", namespace="kube-node-lease")
        await settle()
        node = await client.get(Node, "node1")
        lease = await lease_of(client)
        assert [owner.uid for owner in lease.metadata.owner_references] == [node.metadata.uid]


def test_this_machine_is_described(tmp_path: Path) -> None:
    machine = this_machine(tmp_path)
    assert machine.cpus >= 1
    assert machine.memory_bytes > 2**20
    assert machine.storage_bytes > 2**20
    assert machine.operating_system == "linux"
    assert machine.hostname
    assert machine.internal_ip.count(".") == 3
    assert machine.kernel_version
    assert to_integer(f"{machine.memory_bytes // 1024}Ki") <= machine.memory_bytes


async def test_a_silent_runtime_makes_the_node_not_ready_after_a_while(
    client: Client, clock: ManualClock, run: Any, build: Build, runtime: SimulatedRuntime
) -> None:
    async with run(build):
        await settle()
        runtime.fail("version", RuntimeUnavailable("no socket"))
        await clock.advance(29)
        assert (await condition(client, "Ready")).status == "True"
        await clock.advance(10)
        ready = await condition(client, "Ready")
        assert (ready.status, ready.reason, ready.message) == (
            *("False", "KubeletNotReady", "container runtime is down"),
        )
        assert ready.last_transition_time == ready.last_heartbeat_time
        runtime.heal("version")
        await clock.advance(10)
        assert (await condition(client, "Ready")).reason == "KubeletReady"
        assert await said(client) == [
            ("NodeNotReady", "Node node1 status is now: NodeNotReady"),
            ("NodeReady", "Node node1 status is now: NodeReady"),
        ]


async def test_a_runtime_that_can_not_run_pods_says_why_at_once(
    client: Client, clock: ManualClock, run: Any, build: Build, runtime: SimulatedRuntime
) -> None:
    async with run(build):
        await settle()
        trouble = "container runtime network not ready: NetworkReady=false"
        runtime.fail("version", RuntimeNotReady("no network", trouble=trouble))
        await clock.advance(10)
        assert (await condition(client, "Ready")).message == trouble
        await clock.advance(60)
        assert (await condition(client, "Ready")).message == trouble
        runtime.heal("version")
        await clock.advance(10)
        assert (await condition(client, "Ready")).status == "True"


async def test_a_runtime_that_hangs_is_silent_too_and_the_lease_is_renewed(
    client: Client, clock: ManualClock, run: Any, build: Build, runtime: SimulatedRuntime
) -> None:
    async with run(build):
        await settle()
        runtime.delay("version", 10_000)
        for _ in range(60):
            await clock.advance(1)
            renewed = (await lease_of(client)).spec.renew_time
            assert renewed is not None
            assert now_datetime(clock) - renewed < timedelta(seconds=25)
        assert (await condition(client, "Ready")).message == "container runtime is down"


async def test_images_are_listed_by_size(
    client: Client, clock: ManualClock, run: Any, build: Build, runtime: SimulatedRuntime
) -> None:
    async with run(build):
        await settle()
        runtime.add_image(Image(id="sha256:1", tags=("small:1",), size_bytes=10))
        runtime.add_image(Image(id="sha256:2", tags=("large:1",), digests=("l@x",), size_bytes=99))
        await clock.advance(10)
        node = await client.get(Node, "node1")
        assert node.status.images == [
            ContainerImage(names=["l@x", "large:1"], size_bytes=99),
            ContainerImage(names=["small:1"], size_bytes=10),
        ]
        runtime.fail("images", RuntimeUnavailable("no socket"))
        await clock.advance(10)
        assert len((await client.get(Node, "node1")).status.images) == 2


async def test_what_is_short_is_told_by_conditions(
    client: Client, run: Any, node_with: Callable[[NodeLimits], Build]
) -> None:
    async with run(node_with(NEVER_ENOUGH)):
        await settle()
        told = {
            type: (await condition(client, type)).reason
            for type in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
        }
    assert told == {
        "MemoryPressure": "KubeletHasInsufficientMemory",
        "DiskPressure": "KubeletHasDiskPressure",
        "PIDPressure": "KubeletHasInsufficientPID",
        "Ready": "KubeletReady",
    }
