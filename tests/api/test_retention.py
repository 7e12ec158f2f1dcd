"""The log is kept to its bounds while a kernel runs."""

from pathlib import Path

import anyio.lowlevel
import pytest

from kernel.api.errors import Expired
from kernel.api.retention import COMPACTION_SECONDS, retaining
from kernel.assembly import Kernel
from kernel.clock import ManualClock
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.store.compaction import Retention
from kernel.store.log import Operation, Write
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


async def test_the_past_goes_by_age_and_what_exists_stays(
    tmp_path: Path, clock: ManualClock
) -> None:
    retention = Retention(age_seconds=600)
    async with Kernel.open(
        tmp_path, runtime=None, durability="process", retention=retention, clock=clock
    ) as kernel:
        client = kernel.client
        config_map = await client.create(ConfigMap(metadata=ObjectMeta(name="a")))
        first = int(config_map.metadata.resource_version)
        for minute in range(20):
            config_map.data["minute"] = str(minute)
            config_map = await client.update(config_map)
            await clock.advance(60)
        with pytest.raises(Expired):
            await client.get(ConfigMap, "a", at=first)
        newest = int(config_map.metadata.resource_version)
        then = await client.get(ConfigMap, "a", at=newest - 9)
        assert then.data == {"minute": "10"}, "ten minutes ago can be asked for"
        with pytest.raises(Expired):
            await client.get(ConfigMap, "a", at=newest - 11)


async def test_the_number_of_entries_is_bounded(store: Store, clock: ManualClock) -> None:
    async with retaining(store, Retention(entries_max=10), clock):
        for number in range(50):
            await store.commit(Write([Operation("/a", str(number).encode())]))
        assert store.oldest_revision == 1
        await clock.advance(COMPACTION_SECONDS)
        assert store.oldest_revision == 40


async def test_an_error_inside_comes_out_as_it_is(store: Store, clock: ManualClock) -> None:
    async def fail() -> None:
        async with retaining(store, Retention(), clock):
            await anyio.lowlevel.checkpoint()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
