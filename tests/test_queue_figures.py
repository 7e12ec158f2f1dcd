"""`/metrics` of a whole kernel tells the queues of its reconcilers."""

from pathlib import Path

import aiohttp
import pytest

from kernel import Kernel

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The API server needs asyncio."""
    return "asyncio"


async def test_each_reconciler_has_its_queue_told(tmp_path: Path) -> None:
    async with (
        Kernel.open(tmp_path, runtime=None, durability="process") as kernel,
        kernel.serving(tls=False) as server,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {server.token}"}) as session,
        session.get(f"{server.url}/metrics") as answer,
    ):
        told = await answer.text()
    assert 'workqueue_depth{name="namespaces"} 0' in told
    assert "# TYPE workqueue_adds_total counter" in told
