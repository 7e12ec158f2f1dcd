"""Watches of a custom kind end with it: after the last event, and cleanly."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import anyio
import msgspec
import pytest

from ...cron_tabs import CRON_TABS, DEFINITIONS, cron_tab, definition, version
from ..conftest import Served

pytestmark = pytest.mark.anyio

DEFINITION = f"{DEFINITIONS}/crontabs.stable.example.com"
OLD_CRON_TABS = CRON_TABS.replace("/v1/", "/v1beta1/")
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
SECONDS_MAX = 10


@asynccontextmanager
async def watching(
    served: Served, path: str, accept: str = "application/json"
) -> AsyncIterator[aiohttp.ClientResponse]:
    """A watch that has caught up."""
    url = f"{served.server.url}{path}"
    async with served.session.get(url, headers={"Accept": accept}) as response:
        assert response.status == 200
        yield response


async def rest_of(response: aiohttp.ClientResponse) -> list[str]:
    """The types of the events until the watch ends; an end that is none raises."""
    with anyio.fail_after(SECONDS_MAX):
        body = await response.read()
    return [msgspec.json.decode(line)["type"] for line in body.splitlines()]


async def delete_definition(served: Served) -> None:
    """Delete the definition, and let it go as the reconciler does once there are no objects."""
    assert (await served.ask("DELETE", DEFINITION)).status == 200
    body = {"metadata": {"finalizers": None}}
    merge = "application/merge-patch+json"
    assert (await served.ask("PATCH", DEFINITION, body, Content_Type=merge)).status == 200
    assert (await served.get(DEFINITION)).status == 404


async def test_watches_end_after_the_last_deletion(served: Served) -> None:
    assert (await served.post(DEFINITIONS, definition())).status == 201
    created = await served.post(CRON_TABS, cron_tab())
    revision = created.json["metadata"]["resourceVersion"]
    paths = (
        f"{CRON_TABS}?watch=1",
        f"{CRON_TABS}?watch=1&resourceVersion={revision}",
        f"{CRON_TABS}?watch=1&fieldSelector=metadata.name%3Dweb&allowWatchBookmarks=true",
        f"{CRON_TABS}/web?watch=1",
    )
    async with AsyncExitStack() as stack:
        watches = [await stack.enter_async_context(watching(served, path)) for path in paths]
        watches += [await stack.enter_async_context(watching(served, paths[0], METADATA))]
        others = await stack.enter_async_context(
            watching(served, f"{DEFINITIONS}?watch=1&resourceVersion={revision}")
        )
        assert (await served.ask("DELETE", f"{CRON_TABS}/web")).status == 200
        await delete_definition(served)
        seen = [await rest_of(response) for response in watches]
        assert seen == [["ADDED", "DELETED"], ["DELETED"], *[["ADDED", "DELETED"]] * 3]
        types = [msgspec.json.decode(await others.content.readline())["type"] for _ in range(2)]
        assert types == ["MODIFIED", "DELETED"]
        assert not others.content.at_eof()


async def test_what_comes_again_is_watched_anew(served: Served) -> None:
    for _ in range(2):
        assert (await served.post(DEFINITIONS, definition())).status == 201
        async with watching(served, f"{CRON_TABS}?watch=1") as response:
            assert (await served.post(CRON_TABS, cron_tab())).status == 201
            assert (await served.ask("DELETE", f"{CRON_TABS}/web")).status == 200
            await delete_definition(served)
            assert await rest_of(response) == ["ADDED", "DELETED"]


async def test_watches_end_with_their_version_alone(served: Served) -> None:
    versions = [version(), version("v1beta1", storage=False)]
    assert (await served.post(DEFINITIONS, definition(*versions))).status == 201
    async with (
        watching(served, f"{CRON_TABS}?watch=1") as present,
        watching(served, f"{OLD_CRON_TABS}?watch=1") as old,
    ):
        assert (await served.post(CRON_TABS, cron_tab())).status == 201
        found = (await served.get(DEFINITION)).json
        found["spec"]["versions"][1]["served"] = False
        assert (await served.ask("PUT", DEFINITION, found)).status == 200
        assert await rest_of(old) == ["ADDED"]
        assert (await served.ask("DELETE", f"{CRON_TABS}/web")).status == 200
        lines = [await present.content.readline() for _ in range(2)]
        assert [msgspec.json.decode(line)["type"] for line in lines] == ["ADDED", "DELETED"]
