"""The log kept to its bounds while a kernel runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from kernel.clock import Clock
from kernel.store.compaction import Retention
from kernel.store.errors import StoreError
from kernel.store.store import Store

logger = logging.getLogger("podkernel.api")

COMPACTION_SECONDS = 60.0


@asynccontextmanager
async def retaining(store: Store, retention: Retention, clock: Clock) -> AsyncIterator[None]:
    """Compact the log once a minute, as long as the context lasts. An error of the body comes out
    as it is."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_compact_again_and_again, store, retention, clock)
        try:
            yield
        except Exception as error:  # raised in here, it would come out in a group
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _compact_again_and_again(store: Store, retention: Retention, clock: Clock) -> None:
    while True:
        await clock.sleep(COMPACTION_SECONDS)
        try:
            await store.retain(retention)
        except StoreError as error:  # a full disk, for one: the next time may do better
            logger.warning("the log was not compacted: %s", error)
