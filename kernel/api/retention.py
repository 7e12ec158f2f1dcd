"""The log kept to its bounds while a kernel runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernel.background import background_tasks
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
    async with background_tasks() as tasks:
        tasks.start_soon(_compact_again_and_again, store, retention, clock)
        yield


async def _compact_again_and_again(store: Store, retention: Retention, clock: Clock) -> None:
    while True:
        await clock.sleep(COMPACTION_SECONDS)
        try:
            await store.retain(retention)
        except StoreError as error:  # a full disk, for one: the next time may do better
            logger.warning("the log was not compacted: %s", error)
