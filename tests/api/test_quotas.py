"""ResourceQuotas hold, whoever writes at the same time, and their counts are never behind."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import msgspec
import pytest

from kernel.api.errors import Forbidden
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.clock import SystemClock
from kernel.objects.config import ConfigMap
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.resource_policies import ResourceQuota, ResourceQuotaSpec
from kernel.store.store import Durability, Store

pytestmark = pytest.mark.anyio

WRITERS = 40
HARD_MAX = 12


@pytest.fixture(params=["disk", "process"])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectApi]:
    durability: Durability = request.param
    clock = SystemClock()
    async with Store.open_writer(tmp_path, clock=clock, durability=durability) as store:
        api = ObjectApi(store, KindTable.core(), clock)
        await api.create(Namespace(metadata=ObjectMeta(name="default")))
        yield api


def config_map(number: int) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=f"c{number}"))


def quota(hard: dict[str, str]) -> ResourceQuota:
    return ResourceQuota(metadata=ObjectMeta(name="most"), spec=ResourceQuotaSpec(hard=hard))


def status_of(api: ObjectApi) -> ResourceQuota:
    held: ResourceQuota = api.get(ResourceQuota, "default", "most").decode()
    return held


async def test_no_more_get_in_than_may(api: ObjectApi) -> None:
    await api.create(quota({"configmaps": str(HARD_MAX)}), namespace="default")
    refusals: list[str] = []

    async def create(number: int) -> None:
        try:
            await api.create(config_map(number), namespace="default")
        except Forbidden as refused:
            refusals.append(refused.message)

    async with anyio.create_task_group() as tasks:
        for number in range(WRITERS):
            tasks.start_soon(create, number)
    assert len(api.list(ConfigMap, namespace="default").items) == HARD_MAX
    assert status_of(api).status.used == {"configmaps": str(HARD_MAX)}
    assert len(refusals) == WRITERS - HARD_MAX
    assert refusals[0].endswith(
        "is forbidden: exceeded quota: most, requested: configmaps=1, used: configmaps=12,"
        " limited: configmaps=12"
    )


async def test_a_quota_counts_what_is_written_while_it_comes(api: ObjectApi) -> None:
    async def create(number: int) -> None:
        await api.create(config_map(number), namespace="default")

    async def create_quota() -> None:
        await api.create(quota({"count/configmaps": "1000"}), namespace="default")

    async with anyio.create_task_group() as tasks:
        for number in range(WRITERS):
            tasks.start_soon(create, number)
            if number == WRITERS // 2:
                tasks.start_soon(create_quota)
    assert status_of(api).status.used == {"count/configmaps": str(WRITERS)}
    for number in range(3):
        await api.delete(ConfigMap, "default", f"c{number}")
    assert status_of(api).status.used == {"count/configmaps": str(WRITERS - 3)}


async def test_a_transaction_is_counted_as_a_whole(api: ObjectApi) -> None:
    await api.create(quota({"configmaps": "2"}), namespace="default")

    async def create_together(number: int) -> None:
        async with LocalClient(api).transaction() as transaction:
            for place in range(number):
                await transaction.create(config_map(place))

    with pytest.raises(Forbidden, match="requested: configmaps=3, used: configmaps=0"):
        await create_together(3)
    assert not api.list(ConfigMap, namespace="default").items
    await create_together(2)
    assert status_of(api).status.used == {"configmaps": "2"}


async def test_nothing_is_written_to_try(api: ObjectApi) -> None:
    await api.create(quota({"configmaps": "1"}), namespace="default")
    await api.create(config_map(0), namespace="default", dry_run=True)
    await api.create(config_map(1), namespace="default")
    with pytest.raises(Forbidden):
        await api.create(config_map(2), namespace="default", dry_run=True)
    assert status_of(api).status.used == {"configmaps": "1"}


async def test_a_changed_quota_is_counted_anew_and_a_deleted_one_holds_nobody(
    api: ObjectApi,
) -> None:
    await api.create(config_map(0), namespace="default")
    await api.create(quota({"secrets": "1"}), namespace="default")
    held = status_of(api)
    held.spec.hard = {"configmaps": "1"}
    await api.update(held, namespace="default")
    changed = status_of(api)
    assert (changed.status.hard, changed.status.used) == ({"configmaps": "1"}, {"configmaps": "1"})
    with pytest.raises(Forbidden):
        await api.create(config_map(1), namespace="default")
    await api.delete(ResourceQuota, "default", "most")
    await api.create(config_map(1), namespace="default")


async def test_a_quota_can_be_changed_while_its_counts_change(api: ObjectApi) -> None:
    await api.create(quota({"configmaps": "1000"}), namespace="default")

    async def create(number: int) -> None:
        await api.create(config_map(number), namespace="default")

    async def raise_limit(limit: int) -> None:
        change = {"spec": {"hard": {"configmaps": str(limit)}}}
        await api.patch(ResourceQuota, "default", "most", change, "merge")

    async with anyio.create_task_group() as tasks:
        for number in range(WRITERS):
            tasks.start_soon(create, number)
            if number % 10 == 5:
                tasks.start_soon(raise_limit, 1000 + number)
    changed = status_of(api)
    assert changed.status.used == {"configmaps": str(WRITERS)}
    assert changed.status.hard == changed.spec.hard


class Widget(Kind, group="example.dev", version="v1"):
    """A kind that is served in two versions."""


class OlderWidget(Kind, group="example.dev", version="v1beta1", plural="widgets"):
    """The other version."""


OlderWidget.info = msgspec.structs.replace(OlderWidget.info, kind="Widget", singular="widget")


async def test_a_kind_in_two_versions_is_counted_once(api: ObjectApi) -> None:
    api.kinds.add(Widget)
    api.kinds.add(OlderWidget)
    await api.create(Widget(metadata=ObjectMeta(name="w")), namespace="default")
    await api.create(quota({"count/widgets.example.dev": "2"}), namespace="default")
    assert status_of(api).status.used == {"count/widgets.example.dev": "1"}
    await api.create(Widget(metadata=ObjectMeta(name="x")), namespace="default")
    with pytest.raises(Forbidden):
        await api.create(Widget(metadata=ObjectMeta(name="y")), namespace="default")
