"""A client over a store of its own, for tests of what runs on top of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.clock import ManualClock
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.store.store import Store
from tests.control.kinds import Domain, Website


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(seed=1)


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with Store.open_writer(tmp_path / "data", clock=clock, durability="process") as store:
        yield store


@pytest.fixture
async def client(store: Store, clock: ManualClock) -> LocalClient:
    """The client, with the namespace `default` in place."""
    kinds = KindTable.core()
    for kind in (Website, Domain):
        kinds.add(kind)
    client = LocalClient(ObjectApi(store, kinds, clock))
    await client.create(Namespace(metadata=ObjectMeta(name="default")))
    return client
