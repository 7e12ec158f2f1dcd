"""How large an object may be as stored, whichever way it came to be so."""

import msgspec
import pytest

from kernel.api.errors import NotFound, RequestEntityTooLarge
from kernel.api.local import LocalClient
from kernel.objects.container import Container, EnvVar
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod, PodSpec
from kernel.store.log import Operation, Write
from kernel.store.store import Store

pytestmark = pytest.mark.anyio

LIMIT_BYTES = 1_572_864


def pod(name: str, size_bytes: int) -> Pod:
    main = Container(name="main", image="busybox", env=[EnvVar(name="A", value="x" * size_bytes)])
    return Pod(metadata=ObjectMeta(name=name), spec=PodSpec(containers=[main]))


def refusal_of(size_bytes: int) -> str:
    return (
        f'Request entity too large: pods "big" would be {size_bytes} bytes as stored: '
        f"limit is {LIMIT_BYTES}"
    )


async def test_an_object_has_its_limit_to_the_byte(client: LocalClient) -> None:
    with pytest.raises(RequestEntityTooLarge) as refused:
        await client.create(pod("big", LIMIT_BYTES))
    status = refused.value.status()
    assert (status.code, status.reason) == (413, "RequestEntityTooLarge")
    assert status.details is not None
    assert (status.details.kind, status.details.name) == ("pods", "big")
    over_bytes = next(
        number for number in range(2000) if status.message == refusal_of(LIMIT_BYTES + number)
    )
    fitting_bytes = LIMIT_BYTES - over_bytes
    with pytest.raises(RequestEntityTooLarge) as refused:
        await client.create(pod("big", fitting_bytes + 1))
    assert refused.value.message == refusal_of(LIMIT_BYTES + 1)
    with pytest.raises(NotFound):
        await client.get(Pod, "big")
    created = await client.create(pod("big", fitting_bytes))
    created.metadata.labels["one"] = "more"
    with pytest.raises(RequestEntityTooLarge):
        await client.update(created)
    del created.metadata.labels["one"]
    assert await client.update(created) == created


async def test_a_status_and_a_transaction_do_not_grow_an_object_either(client: LocalClient) -> None:
    small = await client.create(pod("big", 1))
    small.status.message = "x" * LIMIT_BYTES
    with pytest.raises(RequestEntityTooLarge):
        await client.update_status(small)
    async with client.transaction() as transaction:
        await transaction.create(pod("first", 1))
        with pytest.raises(RequestEntityTooLarge):
            await transaction.create(pod("second", LIMIT_BYTES))
    assert [found.metadata.name for found in await client.list(Pod)] == ["big", "first"]


async def test_a_larger_object_of_old_can_shrink_and_go(client: LocalClient, store: Store) -> None:
    key = Pod.info.key("default", "big")
    small = await client.create(pod("big", 1))
    small.metadata.finalizers = ["example.com/hold"]
    small.spec.containers[0].image = "x" * LIMIT_BYTES
    small.metadata.resource_version = ""
    await store.commit(Write((Operation(key, msgspec.json.encode(small)),)))
    large = await client.get(Pod, "big")
    large.metadata.labels["one"] = "more"
    with pytest.raises(RequestEntityTooLarge):
        await client.update(large)
    await client.delete(Pod, "big", grace_period_seconds=0)
    held = await client.get(Pod, "big")
    assert held.metadata.deletion_timestamp is not None
    held.metadata.finalizers = []
    await client.update(held)
    with pytest.raises(NotFound):
        await client.get(Pod, "big")
