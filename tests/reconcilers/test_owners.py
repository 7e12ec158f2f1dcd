"""Objects go when all of their owners are gone."""

from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta, OwnerReference
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Container, Pod, PodSpec
from kernel.reconcilers.owners import owners

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked


@pytest.fixture
def build(kinds: KindTable) -> Any:
    def build(informers: Informers) -> list[Reconciler]:
        return owners(informers, kinds)

    return build


def reference(owner: Kind, *, blocking: bool = False) -> OwnerReference:
    return OwnerReference(
        block_owner_deletion=blocking or None,
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
    )


def owned(name: str, *owner_references: OwnerReference, namespace: str = "default") -> ConfigMap:
    metadata = ObjectMeta(name=name, namespace=namespace, owner_references=list(owner_references))
    return ConfigMap(metadata=metadata)


async def names(client: Client, kind: type[Kind] = ConfigMap) -> list[str]:
    """What there is of a kind, but for what every namespace has from the start."""
    found = [obj.metadata.name for obj in await client.list(kind)]
    return [name for name in found if name != "kube-root-ca.crt"]


async def test_dependents_follow_their_owner_through_generations(
    client: Client, run: Any, build: Any
) -> None:
    async with run(build):
        grandparent = await client.create(Secret(metadata=ObjectMeta(name="grandparent")))
        parent = await client.create(owned("parent", reference(grandparent)))
        await client.create(owned("child", reference(parent)))
        await client.create(owned("free"))
        await settle()
        assert await names(client) == ["child", "free", "parent"]
        await client.delete(Secret, "grandparent")
        await settle()
        assert await names(client) == ["free"]


async def test_one_owner_that_lives_is_enough(client: Client, run: Any, build: Any) -> None:
    first = await client.create(Secret(metadata=ObjectMeta(name="first")))
    second = await client.create(Secret(metadata=ObjectMeta(name="second")))
    async with run(build):
        await client.create(owned("child", reference(first), reference(second)))
        await client.delete(Secret, "first")
        await settle()
        assert await names(client) == ["child"]
        await client.delete(Secret, "second")
        await settle()
        assert await names(client) == []


async def test_orphans_from_before_the_start_go(client: Client, run: Any, build: Any) -> None:
    owner = await client.create(Secret(metadata=ObjectMeta(name="owner")))
    await client.create(owned("child", reference(owner)))
    await client.delete(Secret, "owner")
    again = await client.create(Secret(metadata=ObjectMeta(name="owner")))
    await client.create(owned("new-child", reference(again)))
    async with run(build):
        await settle()
    assert await names(client) == ["new-child"]


async def test_an_owner_in_another_namespace_is_none(client: Client, run: Any, build: Any) -> None:
    await client.create(Namespace(metadata=ObjectMeta(name="team")))
    owner = await client.create(Secret(metadata=ObjectMeta(name="owner", namespace="team")))
    node = await client.create(Node(metadata=ObjectMeta(name="node1")))
    async with run(build):
        await client.create(owned("child", reference(owner)))
        await client.create(owned("neighbour", reference(owner), namespace="team"))
        await client.create(owned("of-node", reference(node)))
        await settle()
    assert await names(client) == ["of-node", "neighbour"]


async def test_owners_of_unknown_kinds_are_trusted(client: Client, run: Any, build: Any) -> None:
    stranger = OwnerReference(api_version="example.dev/v1", kind="Website", name="web", uid="1-2")
    async with run(build):
        await client.create(owned("child", stranger))
        await settle()
    assert await names(client) == ["child"]


async def test_pods_are_ended_with_grace(client: Client, run: Any, build: Any) -> None:
    owner = await client.create(Secret(metadata=ObjectMeta(name="owner")))
    spec = PodSpec(node_name="node1", containers=[Container(name="main", image="busybox")])
    metadata = ObjectMeta(name="web", owner_references=[reference(owner)])
    async with run(build):
        await client.create(Pod(metadata=metadata, spec=spec))
        await client.delete(Secret, "owner")
        await settle()
        pod = await client.get(Pod, "web")
    assert pod.metadata.deletion_timestamp is not None
    assert pod.metadata.deletion_grace_period_seconds == 30


async def test_in_the_foreground_an_owner_outlives_those_that_block_it(
    client: Client, run: Any, build: Any
) -> None:
    async with run(build):
        owner = await client.create(Secret(metadata=ObjectMeta(name="owner")))
        held = owned("held", reference(owner, blocking=True))
        held.metadata.finalizers = ["example.dev/hold"]
        await client.create(held)
        await client.create(owned("free", reference(owner)))
        await client.create(owned("blocking", reference(owner, blocking=True)))
        await client.delete(Secret, "owner", propagation_policy="Foreground")
        await settle()
        assert await names(client) == ["held"]
        waiting = await client.get(Secret, "owner")
        assert waiting.metadata.finalizers == ["foregroundDeletion"]
        late = await client.create(owned("late", reference(owner, blocking=True)))
        assert late.metadata.owner_references
        await settle()
        assert await names(client) == ["held"]
        await client.patch(ConfigMap, "held", {"metadata": {"finalizers": None}})
        await settle()
        assert (await names(client), await names(client, Secret)) == ([], [])


async def test_the_foreground_reaches_through_generations(
    client: Client, run: Any, build: Any
) -> None:
    async with run(build):
        top = await client.create(Secret(metadata=ObjectMeta(name="top")))
        middle = await client.create(owned("middle", reference(top, blocking=True)))
        leaf = owned("leaf", reference(middle, blocking=True))
        leaf.metadata.finalizers = ["example.dev/hold"]
        await client.create(leaf)
        await client.delete(Secret, "top", propagation_policy="Foreground")
        await settle()
        assert await names(client) == ["leaf", "middle"]
        assert (await client.get(ConfigMap, "middle")).metadata.finalizers == ["foregroundDeletion"]
        await client.patch(ConfigMap, "leaf", {"metadata": {"finalizers": None}})
        await settle()
        assert (await names(client), await names(client, Secret)) == ([], [])


async def test_what_blocks_does_not_wait_for_ever_in_a_circle(
    client: Client, run: Any, build: Any
) -> None:
    async with run(build):
        first = await client.create(owned("first"))
        second = await client.create(owned("second", reference(first, blocking=True)))
        first.metadata.owner_references = [reference(second, blocking=True)]
        await client.update(first)
        await client.delete(ConfigMap, "first", propagation_policy="Foreground")
        await settle()
        assert await names(client) == []


async def test_an_owner_that_waits_loses_dependents_that_others_own_too(
    client: Client, run: Any, build: Any
) -> None:
    async with run(build):
        owner = await client.create(Secret(metadata=ObjectMeta(name="owner")))
        other = await client.create(Secret(metadata=ObjectMeta(name="other")))
        shared = owned("shared", reference(owner, blocking=True), reference(other))
        await client.create(shared)
        await client.delete(Secret, "owner", propagation_policy="Foreground")
        await settle()
        assert await names(client, Secret) == ["other"]
        left = await client.get(ConfigMap, "shared")
        assert left.metadata.owner_references == [reference(other)]


async def test_orphans_live_on_without_their_owner(client: Client, run: Any, build: Any) -> None:
    other = await client.create(Secret(metadata=ObjectMeta(name="other")))
    owner = await client.create(Secret(metadata=ObjectMeta(name="owner")))
    await client.create(owned("child", reference(owner, blocking=True)))
    await client.create(owned("shared", reference(owner), reference(other)))
    await client.delete(Secret, "owner", propagation_policy="Orphan")
    assert "owner" in await names(client, Secret)  # nobody has let it go yet
    async with run(build):
        await settle()
    assert await names(client, Secret) == ["other"]
    assert (await client.get(ConfigMap, "child")).metadata.owner_references == []
    shared = await client.get(ConfigMap, "shared")
    assert shared.metadata.owner_references == [reference(other)]


async def test_an_orphaned_dependent_orphans_its_own(client: Client, run: Any, build: Any) -> None:
    owner = await client.create(Secret(metadata=ObjectMeta(name="owner")))
    child = owned("child", reference(owner))
    child.metadata.finalizers = ["orphan"]
    child = await client.create(child)
    await client.create(owned("grandchild", reference(child)))
    async with run(build):
        await client.delete(Secret, "owner")
        await settle()
    assert await names(client) == ["grandchild"]
