"""One node whose Pods are simulated: a real store and client, a clock that is moved by hand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from kernel.api.client import Client
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.manager import Manager
from kernel.cri.runtime import Container, Runtime
from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.pod import Container as ContainerSpec, Pod, PodSpec
from kernel.objects.pod_status import ContainerStatus, PodCondition
from kernel.reconcilers.pod.lifecycle import NodeAgent
from kernel.store.store import Store

NODE = "node1"
HOST_ADDRESS = "192.0.2.1"


class Said(msgspec.Struct, frozen=True):
    """An Event as the agent gave it to its recorder."""

    type: str
    reason: str
    message: str
    field_path: str = ""


class Listener:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[Said] = []

    async def event(
        self, obj: Kind, type: str, reason: str, message: str, *, field_path: str = ""
    ) -> None:
        self.said.append(Said(type, reason, message, field_path))


class RecordedAccess:
    """A way to the API server that keeps what it is asked, and fails with `problem`."""

    def __init__(self) -> None:
        self.node_address: tuple[str, int] | None = None
        self.connected: dict[str, tuple[str, str]] = {}
        self.calls = 0
        self.problem = ""

    async def connect(self, sandbox_id: str, namespace: str, address: str) -> None:
        self.calls += 1
        if self.problem:
            raise OSError(self.problem)
        self.connected[sandbox_id] = (namespace, address)

    def release(self, sandbox_id: str) -> None:
        self.connected.pop(sandbox_id, None)


class NodeUnderTest:
    """What a test acts on and looks at."""

    def __init__(self, client: Client, clock: ManualClock, directory: Path):
        self.client = client
        self.clock = clock
        self.directory = directory
        self.simulated = SimulatedRuntime(clock)
        self.listener = Listener()
        self.api_access = RecordedAccess()

    def agent(self, informers: Informers, runtime: Runtime | None = None) -> NodeAgent:
        return NodeAgent(
            node_name=NODE,
            runtime=runtime or self.simulated,
            clock=self.clock,
            recorder=self.listener,
            pods_directory=self.directory / "pods",
            logs_directory=self.directory / "logs",
            host_addresses=[HOST_ADDRESS],
            capacity={"cpu": "4", "memory": "8Gi"},
            informers=informers,
            api_access=self.api_access,
        )

    @asynccontextmanager
    async def running(
        self, runtime: Runtime | None = None, client: Client | None = None
    ) -> AsyncIterator[None]:
        """An agent at work, as after each start of the process."""
        informers = Informers(client or self.client)
        manager = Manager(client or self.client, self.clock, informers)
        manager.add(self.agent(informers, runtime).reconcilers())
        async with manager.running():
            await self.settle()
            yield

    async def settle(self) -> None:
        """Let everything happen that does not need time."""
        await self.clock.advance(0)

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def create(self, pod: Pod) -> Pod:
        created = await self.client.create(pod)
        await self.settle()
        return created

    async def pod(self, name: str = "web") -> Pod:
        return await self.client.get(Pod, name)

    async def status_of(self, container_name: str, pod_name: str = "web") -> ContainerStatus:
        status = (await self.pod(pod_name)).status
        every = (*status.init_container_statuses, *status.container_statuses)
        return next(one for one in every if one.name == container_name)

    async def container(self, name: str) -> Container:
        """The newest attempt of a container in the runtime."""
        found = [one for one in await self.simulated.containers() if one.name == name]
        return max(found, key=lambda one: one.attempt)

    def reasons(self) -> list[str]:
        return [said.reason for said in self.listener.said]

    def said(self, reason: str) -> list[str]:
        return [said.message for said in self.listener.said if said.reason == reason]


@asynccontextmanager
async def open_node(directory: Path) -> AsyncIterator[NodeUnderTest]:
    """A fresh store with the namespace `default`, and no agent yet."""
    clock = ManualClock()
    async with Store.open_writer(directory / "state", clock=clock, durability="process") as store:
        api = ObjectApi(store, KindTable.core(), clock)
        client = LocalClient(api, tokens=ServiceAccountTokens(api, directory / "sa.key"))
        await client.create(Namespace(metadata=ObjectMeta(name="default")))
        yield NodeUnderTest(client, clock, directory)


def container(name: str = "main", *command: str, **fields: Any) -> ContainerSpec:
    return ContainerSpec(
        name=name, image=fields.pop("image", "busybox:1"), command=list(command), **fields
    )


def make_pod(
    *containers: ContainerSpec,
    name: str = "web",
    init: tuple[ContainerSpec, ...] = (),
    restart: str = "Always",
    change: Callable[[Pod], None] = lambda pod: None,
    **spec: Any,
) -> Pod:
    pod = Pod(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=PodSpec(
            node_name=NODE,
            containers=list(containers or (container(),)),
            init_containers=list(init),
            restart_policy=restart,
            **spec,
        ),
    )
    change(pod)
    return pod


def condition(pod: Pod, type: str) -> PodCondition:
    return next(one for one in pod.status.conditions if one.type == type)
