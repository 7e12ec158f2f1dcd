"""A kernel without a node for each test: store, client, and a way to run reconcilers over them.

Commits are inline (durability "process") and time stands still, so `settle` (every task waits)
means that the reconcilers have done all that they can do by themselves.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from kernel.api.admission import AdmissionChain
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.manager import Manager
from kernel.control.reconciler import Reconciler
from kernel.objects.kinds import KindTable
from kernel.reconcilers.system_objects import ensure_system_objects, protect_system_namespaces
from kernel.store.store import Store

Build = Callable[[Informers], Iterable[Reconciler]]
Run = Callable[[Build], AbstractAsyncContextManager[None]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def kinds() -> KindTable:
    return KindTable.core()


@pytest.fixture
def admission() -> AdmissionChain:
    """The hooks that the API asks; a test adds its own."""
    return AdmissionChain([protect_system_namespaces])


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with Store.open_writer(tmp_path / "state", clock=clock, durability="process") as store:
        yield store


@pytest.fixture
async def client(
    store: Store, clock: ManualClock, kinds: KindTable, admission: AdmissionChain
) -> LocalClient:
    """A client of a kernel that has the system's objects."""
    client = LocalClient(ObjectApi(store, kinds, clock, admission))
    await ensure_system_objects(client, authority="PEM")
    return client


@pytest.fixture
def run(client: LocalClient, clock: ManualClock) -> Run:
    """`async with run(lambda informers: [reconciler, …])`: they work inside."""

    @asynccontextmanager
    async def running(build: Build) -> AsyncIterator[None]:
        manager = Manager(client, clock)
        manager.add(build(manager.informers))
        async with manager.running():
            yield

    return running
