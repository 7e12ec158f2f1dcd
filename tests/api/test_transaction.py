"""Transactions: several writes as one, all or none, visible at the end."""

import pytest

from kernel.api.context import acting
from kernel.api.errors import AlreadyExists, BadRequest, Conflict, Invalid, NotFound
from kernel.api.local import LocalClient
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.container import Container
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod, PodSpec
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name), data=data)


async def names(client: LocalClient) -> list[str]:
    return [obj.metadata.name for obj in await client.list(ConfigMap)]


async def test_all_happens_at_the_end_with_one_actor_and_cause(
    client: LocalClient, store: Store
) -> None:
    old = await client.create(config_map("old"))
    doomed = await client.create(config_map("doomed"))
    pod = Pod(
        metadata=ObjectMeta(name="web"),
        spec=PodSpec(containers=[Container(name="main", image="busybox")]),
    )
    pod = await client.create(pod)
    before = store.revision
    with acting("someone", cause=int(doomed.metadata.resource_version)):
        async with client.transaction() as transaction:
            given = config_map("new")
            answered = await transaction.create(given)
            assert answered.metadata.uid
            assert given == config_map("new"), "the caller's object stays as it was"
            old.data["x"] = "1"
            await transaction.update(old)
            pod.status.phase = "Running"
            await transaction.update_status(pod)
            await transaction.delete(ConfigMap, "doomed")
            assert store.revision == before
            assert await names(client) == ["doomed", "old"]
    assert await names(client) == ["new", "old"]
    assert (await client.get(ConfigMap, "new")).metadata.uid == answered.metadata.uid
    assert (await client.get(Pod, "web")).status.phase == "Running"
    entries, _ = store.entries(before + 1)
    assert len(entries) == 4
    cause = int(doomed.metadata.resource_version)
    assert {(entry.actor, entry.cause) for entry in entries} == {("someone", cause)}
    assert len({entry.time_nanoseconds for entry in entries}) == 1


async def test_a_conflict_leaves_everything_as_it_was(client: LocalClient, store: Store) -> None:
    mine = await client.create(config_map("a"))

    async def collide() -> None:
        async with client.transaction() as transaction:
            await transaction.create(config_map("b"))
            mine.data["x"] = "mine"
            await transaction.update(mine)
            await client.patch(ConfigMap, "a", {"data": {"x": "theirs"}})

    with pytest.raises(Conflict, match="the object has been modified"):
        await collide()
    assert await names(client) == ["a"]
    assert (await client.get(ConfigMap, "a")).data == {"x": "theirs"}

    async def create_late() -> None:
        async with client.transaction() as transaction:
            await transaction.delete(ConfigMap, "a")
            await transaction.create(config_map("b"))
            await client.create(config_map("b", x="theirs"))

    with pytest.raises(AlreadyExists, match='configmaps "b" already exists'):
        await create_late()
    assert await names(client) == ["a", "b"]


async def test_an_error_inside_writes_nothing(client: LocalClient, store: Store) -> None:
    before = store.revision

    async def fail() -> None:
        async with client.transaction() as transaction:
            await transaction.create(config_map("a"))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()
    assert store.revision == before


async def test_what_can_be_known_at_once_is_raised_at_once(client: LocalClient) -> None:
    await client.create(config_map("there"))
    async with client.transaction() as transaction:
        with pytest.raises(Invalid):
            await transaction.create(config_map("Not_A_Name"))
        with pytest.raises(AlreadyExists):
            await transaction.create(config_map("there"))
        with pytest.raises(NotFound):
            await transaction.delete(ConfigMap, "missing")
        with pytest.raises(NotFound):
            await transaction.update(config_map("missing"))
        await transaction.create(config_map("twice"))
        with pytest.raises(BadRequest, match="stands in the transaction already"):
            await transaction.create(config_map("twice"))
        await transaction.create(Secret(metadata=ObjectMeta(name="twice")))
    assert await names(client) == ["there", "twice"]


async def test_an_object_can_be_deleted_and_created_anew(client: LocalClient) -> None:
    old = await client.create(config_map("a", x="old"))
    async with client.watch(ConfigMap, from_revision=int(old.metadata.resource_version)) as events:
        async with client.transaction() as transaction:
            await transaction.delete(ConfigMap, "a")
            await transaction.create(config_map("a", x="new"))
        new = await client.get(ConfigMap, "a")
        assert (new.data, new.metadata.uid == old.metadata.uid) == ({"x": "new"}, False)
        seen = [await anext(events), await anext(events)]
        assert [(event.type.value, event.object.data) for event in seen] == [
            ("DELETED", {"x": "old"}),
            ("ADDED", {"x": "new"}),
        ]


async def test_an_empty_transaction_writes_nothing(client: LocalClient, store: Store) -> None:
    present = await client.create(config_map("a"))
    before = store.revision
    async with client.transaction() as transaction:
        await transaction.update(present)
    async with client.transaction():
        pass
    assert store.revision == before
