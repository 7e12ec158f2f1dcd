"""A deleted namespace is emptied, then goes."""

from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.api.errors import Forbidden, NotFound
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.event import Event, ObjectReference
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.pod import Container, Pod, PodSpec
from kernel.reconcilers.namespaces import namespaces

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked


@pytest.fixture
def build(client: Client, clock: ManualClock, kinds: KindTable) -> Any:
    def build(informers: Informers) -> list[Reconciler]:
        return [namespaces(client, informers, kinds, clock)]

    return build


@pytest.fixture
async def team(client: Client) -> None:
    await client.create(Namespace(metadata=ObjectMeta(name="team")))


def meta(name: str, **more: Any) -> ObjectMeta:
    return ObjectMeta(name=name, namespace="team", **more)


async def test_everything_goes_with_its_namespace(
    client: Client, run: Any, build: Any, team: None
) -> None:
    await client.create(ConfigMap(metadata=meta("settings")))
    await client.create(Secret(metadata=meta("password")))
    await client.create(ConfigMap(metadata=ObjectMeta(name="other", namespace="default")))
    about = ObjectReference(kind="ConfigMap", name="settings", namespace="team")
    await client.create(Event(metadata=meta("event"), involved_object=about))
    async with run(build):
        await client.delete(Namespace, "team")
        await settle()
    with pytest.raises(NotFound):
        await client.get(Namespace, "team")
    for kind in (ConfigMap, Secret, Event):
        assert await client.list(kind, namespace="team") == []
    assert await client.get(ConfigMap, "other")


async def test_a_namespace_that_was_ending_before_the_start_ends(
    client: Client, run: Any, build: Any, team: None
) -> None:
    await client.delete(Namespace, "team")
    assert (await client.get(Namespace, "team")).status.phase == "Terminating"
    async with run(build):
        await settle()
    with pytest.raises(NotFound):
        await client.get(Namespace, "team")


async def test_a_namespace_waits_for_what_takes_its_time(
    client: Client, run: Any, build: Any, team: None
) -> None:
    spec = PodSpec(node_name="node1", containers=[Container(name="main", image="busybox")])
    await client.create(Pod(metadata=meta("web"), spec=spec))
    await client.create(ConfigMap(metadata=meta("held", finalizers=["example.dev/hold"])))
    about = ObjectReference(kind="Pod", name="web", namespace="team")
    await client.create(Event(metadata=meta("event"), involved_object=about))
    async with run(build):
        await client.delete(Namespace, "team")
        await settle()
        namespace = await client.get(Namespace, "team")
        conditions = {one.type: one for one in namespace.status.conditions}
        remaining = conditions["NamespaceContentRemaining"]
        assert (remaining.status, remaining.reason) == ("True", "SomeResourcesRemain")
        assert remaining.message == (
            "Some resources are remaining: configmaps. has 1 resource instances, "
            "pods. has 1 resource instances"
        )
        assert conditions["NamespaceFinalizersRemaining"].message == (
            "Some content in the namespace has finalizers remaining: "
            "example.dev/hold in 1 resource instances"
        )
        assert conditions["NamespaceDeletionContentFailure"].status == "False"
        assert len(await client.list(Event, namespace="team")) == 1, "Events go last"
        with pytest.raises(Forbidden):
            await client.create(ConfigMap(metadata=meta("late")))

        held = await client.get(ConfigMap, "held", namespace="team")
        held.metadata.finalizers = []
        await client.update(held)
        await settle()
        namespace = await client.get(Namespace, "team")
        conditions = {one.type: one for one in namespace.status.conditions}
        assert conditions["NamespaceFinalizersRemaining"].status == "False"

        await client.delete(Pod, "web", namespace="team", grace_period_seconds=0)
        await settle()
        with pytest.raises(NotFound):
            await client.get(Namespace, "team")


async def test_a_finalizer_of_others_holds_the_namespace(
    client: Client, run: Any, build: Any, team: None
) -> None:
    namespace = await client.get(Namespace, "team")
    namespace.spec.finalizers.append("example.dev/hold")
    await client.update(namespace)
    async with run(build):
        await client.delete(Namespace, "team")
        await settle()
        namespace = await client.get(Namespace, "team")
        assert namespace.spec.finalizers == ["example.dev/hold"]
        namespace.spec.finalizers = []
        await client.update(namespace)
        await settle()
        with pytest.raises(NotFound):
            await client.get(Namespace, "team")
