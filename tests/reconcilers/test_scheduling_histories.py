"""Random histories of Pods and nodes: nothing is ever overbooked, and nobody is forgotten.

After each burst of changes, once the scheduler has nothing left to do, every Pod that waits is
held against every node from scratch: none of them may fit anywhere.
"""

import random
from contextlib import suppress
from typing import Any

import anyio
import msgspec
import pytest

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.control.recorder import Recorder
from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node, NodeStatus
from kernel.objects.pod import Container, ContainerPort, Pod, PodSpec, ResourceRequirements
from kernel.objects.quantity import to_milli
from kernel.reconcilers.scheduling.scheduler import scheduler

pytestmark = pytest.mark.anyio

ZONES = ("a", "b")


def random_node(chance: random.Random, name: str) -> Node:
    return Node(
        metadata=ObjectMeta(name=name, labels={"zone": chance.choice(ZONES)}),
        status=NodeStatus(
            capacity={"cpu": f"{chance.randint(1, 4)}", "memory": "1Gi", "pods": "4"}
        ),
    )


def random_pod(chance: random.Random, name: str) -> Pod:
    port = chance.choice([0, 0, 0, 8080])
    container = Container(
        name="main",
        image="busybox",
        resources=ResourceRequirements(requests={"cpu": f"{chance.randint(0, 5) * 500}m"}),
        ports=[ContainerPort(container_port=80, host_port=port)] if port else [],
    )
    zone = chance.choice([*ZONES, ""])
    spec = PodSpec(
        containers=[container],
        priority=chance.randint(-1, 1),
        node_selector={"zone": zone} if zone else {},
    )
    return Pod(metadata=ObjectMeta(name=name), spec=spec)


def cpu_of(pod: Pod) -> int:
    return to_milli(pod.spec.containers[0].resources.requests["cpu"])


def ports_of(pods: list[Pod]) -> list[int]:
    return [port.host_port for pod in pods for port in pod.spec.containers[0].ports]


def fits(pod: Pod, node: Node, beside: list[Pod]) -> bool:
    cpu_milli = to_milli(node.status.allocatable["cpu"]) - sum(map(cpu_of, beside))
    return (
        not node.spec.unschedulable
        and pod.spec.node_selector.items() <= node.metadata.labels.items()
        and len(beside) < 4
        and (not cpu_of(pod) or cpu_of(pod) <= cpu_milli)
        and not set(ports_of([pod])) & set(ports_of(beside))
    )


async def check(client: Client) -> None:
    nodes = await client.list(Node)
    pods = [pod for pod in await client.list(Pod) if pod.status.phase == "Pending"]
    for node in nodes:
        here = [pod for pod in pods if pod.spec.node_name == node.metadata.name]
        assert len(here) <= 4
        assert sum(map(cpu_of, here)) <= to_milli(node.status.allocatable["cpu"])
        assert len(set(ports_of(here))) == len(ports_of(here))
        for pod in pods:
            if not pod.spec.node_name:
                assert not fits(pod, node, here), f"{pod.metadata.name} was forgotten"


async def change(chance: random.Random, client: Client, number: int) -> None:
    """One random change to what there is."""
    pods, nodes = await client.list(Pod), await client.list(Node)
    kind = chance.choice(
        ["pod"] * 5 + ["delete"] * 3 + ["finish", "node", "cordon", "label", "grow", "no node"]
    )
    if kind == "pod":
        await client.create(random_pod(chance, f"pod{number}"))
    elif kind == "delete" and pods:
        await client.delete(Pod, chance.choice(pods).metadata.name, grace_period_seconds=0)
    elif kind == "finish" and pods:
        pod = chance.choice(pods)
        pod.status.phase = "Succeeded"
        await client.update_status(pod)
    elif kind == "node" and len(nodes) < 4:
        await client.create(random_node(chance, f"node{number}"))
    elif kind == "no node" and nodes:
        # Its Pods go with it, as another controller would see to.
        name = chance.choice(nodes).metadata.name
        await client.delete(Node, name)
        for pod in pods:
            if pod.spec.node_name == name:
                await client.delete(Pod, pod.metadata.name, grace_period_seconds=0)
    elif nodes:
        node = chance.choice(nodes)
        if kind == "grow":
            cpu = to_milli(node.status.allocatable["cpu"]) // 1000 + 1
            node.status.allocatable = node.status.allocatable | {"cpu": str(cpu)}
            await client.update_status(node)
        elif kind == "label" and not any(pod.spec.node_name == node.metadata.name for pod in pods):
            node.metadata.labels["zone"] = chance.choice(ZONES)
            await client.update(node)
        elif kind == "cordon":
            node.spec = msgspec.structs.replace(
                node.spec, unschedulable=not node.spec.unschedulable
            )
            await client.update(node)


@pytest.mark.parametrize("seed", range(4))
async def test_random_histories(client: Client, clock: ManualClock, run: Any, seed: int) -> None:
    chance = random.Random(seed)

    def build(informers: Informers) -> list[Reconciler]:
        recorder = Recorder(client, component="default-scheduler", clock=clock)
        return [scheduler(informers, recorder, clock)]

    number = 0
    for _ in range(2):  # the second time, with what the first one left behind
        async with run(build):
            for _ in range(15):
                for _ in range(chance.randint(1, 8)):
                    number += 1
                    # The scheduler may have written what the change had read.
                    with suppress(Conflict, NotFound):
                        await change(chance, client, number)
                await anyio.wait_all_tasks_blocked()
                await check(client)
