"""The API over a store of its own, with the namespace `default` in place."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.api.admission import AdmissionChain
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.clock import ManualClock
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.store.store import Store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(seed=1)


@pytest.fixture
def admission_chain() -> AdmissionChain:
    """The hooks that the API asks; a test adds its own."""
    return AdmissionChain()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with Store.open_writer(tmp_path / "data", clock=clock, durability="process") as store:
        yield store


@pytest.fixture
async def api(store: Store, clock: ManualClock, admission_chain: AdmissionChain) -> ObjectApi:
    api = ObjectApi(store, KindTable.core(), clock, admission_chain)
    await api.create(Namespace(metadata=ObjectMeta(name="default")))
    return api


@pytest.fixture
def client(api: ObjectApi) -> LocalClient:
    return LocalClient(api)
