"""A namespace that was found living is not taken to be so for longer than it is."""

import pytest

from kernel.api.errors import AlreadyExists, Forbidden, NotFound
from kernel.api.local import LocalClient
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace

pytestmark = pytest.mark.anyio


def _config_map(name: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="work"))


async def test_creates_end_with_their_namespace_and_begin_with_the_next(
    client: LocalClient,
) -> None:
    with pytest.raises(NotFound, match='namespaces "work" not found'):
        await client.create(_config_map("none"))
    metadata = ObjectMeta(name="work", finalizers=["example.dev/hold"])
    await client.create(Namespace(metadata=metadata))
    for name in ("one", "two"):
        await client.create(_config_map(name))
    await client.delete(Namespace, "work")
    with pytest.raises(Forbidden, match="because it is being terminated"):
        await client.create(_config_map("three"))
    held = await client.get(Namespace, "work")
    held.metadata.finalizers, held.spec.finalizers = [], []
    await client.update(held)
    with pytest.raises(NotFound, match='namespaces "work" not found'):
        await client.create(_config_map("four"))
    await client.create(Namespace(metadata=ObjectMeta(name="work")))
    await client.create(_config_map("five"))


async def test_a_taken_name_is_told_whoever_finds_it(client: LocalClient) -> None:
    await client.create(Namespace(metadata=ObjectMeta(name="work")))
    await client.create(_config_map("one"))
    for dry_run in (False, True):
        with pytest.raises(AlreadyExists, match='configmaps "one" already exists'):
            await client.create(_config_map("one"), dry_run=dry_run)
    async with client.transaction() as transaction:
        with pytest.raises(AlreadyExists, match='configmaps "one" already exists'):
            await transaction.create(_config_map("one"))
