"""Checkpoints of folds."""

from pathlib import Path

import pytest

from kernel.clock import SystemClock
from kernel.store.errors import StoreClosed
from kernel.store.store import Durability, Projection, Store, StoreReader

pytestmark = pytest.mark.anyio


async def test_a_checkpoint_is_kept_under_its_name_until_it_is_replaced(
    directory: Path, durability: Durability
) -> None:
    clock = SystemClock()
    async with Store.open_writer(directory, clock=clock, durability=durability) as store:
        assert store.projection("restarts") is None
        await store.save_projection("restarts", Projection(7, 1, b"state"))
        await store.save_projection("other", Projection(0, 2**32 - 1, b""))
        await store.save_projection("restarts", Projection(9, 2, b"x" * 100_000))
        assert store.revision == 0, "a checkpoint is no entry"
    with StoreReader.open(directory) as reader:
        assert reader.projection("restarts") == Projection(9, 2, b"x" * 100_000)
        assert reader.projection("other") == Projection(0, 2**32 - 1, b"")
    with pytest.raises(StoreClosed):
        await store.save_projection("restarts", Projection(9, 2, b""))


@pytest.mark.parametrize("name", ["", "n" * 512])
async def test_a_name_that_can_not_be_kept_is_refused(directory: Path, name: str) -> None:
    async with Store.open_writer(directory, clock=SystemClock()) as store:
        with pytest.raises(ValueError, match="1 to 511 bytes"):
            await store.save_projection(name, Projection(1, 1, b""))
