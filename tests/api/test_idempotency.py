"""A create or transaction that comes again with its key is answered the first one's result."""

import anyio
import pytest

from kernel.api.errors import AlreadyExists, BadRequest, Invalid
from kernel.api.local import LocalClient
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.meta import ObjectMeta
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


def config_map(name: str = "", **data: str) -> ConfigMap:
    metadata = ObjectMeta(name=name) if name else ObjectMeta(generate_name="made-")
    return ConfigMap(metadata=metadata, data=data)


async def test_a_repeated_create_is_answered_the_first_result(
    client: LocalClient, store: Store
) -> None:
    first = await client.create(config_map("a", x="1"), idempotency_key="k")
    revision = store.revision
    assert await client.create(config_map("a", x="1"), idempotency_key="k") == first
    assert store.revision == revision
    await client.delete(ConfigMap, "a")
    assert await client.create(config_map("a", x="1"), idempotency_key="k") == first
    assert await client.list(ConfigMap) == [], "what has been deleted since stays so"


async def test_a_generated_name_is_generated_once(client: LocalClient) -> None:
    first = await client.create(config_map(), idempotency_key="k")
    again = await client.create(config_map(), idempotency_key="k")
    other = await client.create(config_map(), idempotency_key="another")
    assert again == first
    assert other.metadata.name != first.metadata.name
    assert len(await client.list(ConfigMap)) == 2


async def test_two_at_once_are_one(client: LocalClient) -> None:
    answers: list[ConfigMap] = []

    async def create() -> None:
        answers.append(await client.create(config_map(), idempotency_key="k"))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(create)
    assert answers == [answers[0]] * 5
    assert len(await client.list(ConfigMap)) == 1


async def test_a_key_of_another_write_is_refused(client: LocalClient) -> None:
    await client.create(config_map("a"), idempotency_key="k")
    with pytest.raises(Invalid, match='the idempotency key "k" was used for another write'):
        await client.create(config_map("b"), idempotency_key="k")
    with pytest.raises(Invalid):
        await client.create(Secret(metadata=ObjectMeta(name="a")), idempotency_key="k")
    with pytest.raises(BadRequest, match="over 511 bytes"):
        await client.create(config_map("c"), idempotency_key="k" * 512)
    with pytest.raises(BadRequest, match="no text"):
        await client.create(config_map("c"), idempotency_key="\ud800")
    assert [one.metadata.name for one in await client.list(ConfigMap)] == ["a"]


async def test_a_create_that_failed_is_not_remembered(client: LocalClient) -> None:
    await client.create(config_map("a"))
    with pytest.raises(AlreadyExists):
        await client.create(config_map("a"), idempotency_key="k")
    await client.delete(ConfigMap, "a")
    assert (await client.create(config_map("a", x="2"), idempotency_key="k")).data == {"x": "2"}


async def test_a_key_is_forgotten_with_its_entries(client: LocalClient, store: Store) -> None:
    await client.create(config_map("a"), idempotency_key="k")
    await client.delete(ConfigMap, "a")
    await client.create(config_map("b"))
    await store.compact(store.revision)
    again = await client.create(config_map("a"), idempotency_key="k")
    assert await client.get(ConfigMap, "a") == again


async def test_a_repeated_transaction_writes_nothing(client: LocalClient, store: Store) -> None:
    base = await client.create(config_map("base", x="0"))
    same = await client.create(config_map("same"))
    await client.create(config_map("old"))

    async def run() -> list[ConfigMap]:
        async with client.transaction(idempotency_key="k") as transaction:
            made = [await transaction.create(config_map()) for _ in range(2)]
            base.data["x"] = "1"
            made.append(await transaction.update(base))
            made.append(await transaction.update(same))
            await transaction.delete(ConfigMap, "old")
        return made

    first = await run()
    revision = store.revision
    for _ in range(2):
        again = await run()
        assert [one.metadata.name for one in again] == [one.metadata.name for one in first]
        assert [one.data for one in again] == [{}, {}, {"x": "1"}, {}]
        assert store.revision == revision
    with pytest.raises(Invalid):
        async with client.transaction(idempotency_key="k") as transaction:
            await transaction.create(config_map("something-else"))
