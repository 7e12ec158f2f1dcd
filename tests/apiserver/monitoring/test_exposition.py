"""GET /metrics: what was asked of a server, under Kubernetes' names."""

import re

import aiohttp
import pytest

from ..conftest import Served, config_map

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"


async def _figures(served: Served) -> dict[str, float]:
    answer = await served.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {}
    for line in answer.body.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def _of(figures: dict[str, float], name: str, **labels: str) -> float:
    """The sum of a family's values whose labels are these."""
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    return sum(
        value
        for key, value in figures.items()
        if key.partition("{")[0] == name and wanted <= set(re.findall(r'\w+="[^"]*"', key))
    )


async def test_requests_are_counted_by_verb_kind_and_code(served: Served) -> None:
    for _ in range(2):
        await served.post(MAPS, config_map("one"))
    await served.get(MAPS)
    await served.get(f"{MAPS}/two")
    figures = await _figures(served)
    total = "apiserver_request_total"
    assert _of(figures, total, verb="POST", resource="configmaps", code="201") == 1
    assert _of(figures, total, verb="POST", resource="configmaps", code="409") == 1
    assert _of(figures, total, verb="LIST", scope="namespace", version="v1", code="200") == 1
    assert _of(figures, total, verb="GET", scope="resource", code="404") == 1
    count = "apiserver_request_duration_seconds_count"
    assert _of(figures, count, verb="POST", resource="configmaps") == 2
    assert _of(figures, "apiserver_current_inflight_requests") == 0
    assert figures["podkernel_log_revision"] == served.api.revision
    assert figures['apiserver_storage_size_bytes{storage_cluster_id="podkernel"}'] > 0
    assert figures["process_resident_memory_bytes"] > 1e6


async def test_watches_are_counted_while_they_go_on(served: Served) -> None:
    name = "apiserver_longrunning_requests"
    async with served.session.get(f"{served.server.url}{MAPS}?watch=1") as answer:
        assert answer.status == 200
        figures = await _figures(served)
        assert _of(figures, name, verb="WATCH", resource="configmaps") == 1
    async with served.session.get(f"{served.server.url}{MAPS}?watch=1&timeoutSeconds=1") as answer:
        await answer.read()
    assert _of(await _figures(served), "apiserver_request_total", verb="WATCH", code="200") == 1


async def test_figures_are_for_those_who_may_ask(served: Served) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{served.server.url}/metrics") as answer,
    ):
        assert answer.status == 401
