"""Watches over HTTP: no gap, no duplicate, in every form, and nothing left when they end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import msgspec
import pytest

from kernel.clock import ManualClock

from .conftest import Served, config_map, serving

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class Stream:
    """The events of one watch, read one by one."""

    def __init__(self, response: aiohttp.ClientResponse):
        self.response = response

    async def next(self) -> Any:
        """The next event; None at the end of the stream."""
        with anyio.fail_after(5):
            line = await self.response.content.readline()
        return msgspec.json.decode(line) if line else None

    async def names(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


@asynccontextmanager
async def watching(served: Served, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    """A watch on ConfigMaps."""
    url = f"{served.server.url}{MAPS}?watch=true{query}"
    async with served.session.get(url, headers=headers) as response:
        assert response.status == 200
        yield Stream(response)


async def test_a_watch_shows_what_is_there_and_then_each_change(served: Served) -> None:
    await served.post(MAPS, config_map("a"))
    async with watching(served) as stream:
        assert await stream.names(1) == [("ADDED", "a")]
        await served.post(MAPS, config_map("b"))
        await served.ask("PUT", f"{MAPS}/a", config_map("a", x="1"))
        await served.ask("DELETE", f"{MAPS}/b")
        assert await stream.names(3) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_a_watch_goes_on_from_a_list_without_gap_or_duplicate(served: Served) -> None:
    for number in range(3):
        await served.post(MAPS, config_map(f"m{number}"))
    revision = (await served.get(MAPS)).json["metadata"]["resourceVersion"]
    for number in range(3, 200):
        await served.post(MAPS, config_map(f"m{number}"))
    async with watching(served, f"&resourceVersion={revision}") as stream:
        expected = [("ADDED", f"m{number}") for number in range(3, 200)]
        assert await stream.names(197) == expected


async def test_event_objects_are_what_a_get_answers(served: Served) -> None:
    async with watching(served) as stream:
        created = await served.post(MAPS, config_map("a", x="1"))
        assert await stream.next() == {"type": "ADDED", "object": created.json}


async def test_selectors_turn_changes_into_additions_and_deletions(served: Served) -> None:
    async with watching(served, "&labelSelector=on%3Dyes") as stream:
        body = config_map("a")
        await served.post(MAPS, body)
        body["metadata"]["labels"] = {"on": "yes"}
        await served.ask("PUT", f"{MAPS}/a", body)
        body["metadata"]["labels"] = {"on": "no"}
        await served.ask("PUT", f"{MAPS}/a", body)
        assert await stream.names(2) == [("ADDED", "a"), ("DELETED", "a")]


@pytest.mark.parametrize(
    ("path", "watched"),
    [(MAPS, MAPS), (MAPS, "/api/v1/configmaps"), ("/api/v1/nodes", "/api/v1/nodes")],
)
async def test_one_object_can_be_watched_by_its_name(
    served: Served, path: str, watched: str
) -> None:
    revision = served.api.revision
    kind = "Node" if path.endswith("nodes") else "ConfigMap"
    url = f"{served.server.url}{watched}?watch=true&fieldSelector=metadata.name%3Dweb"
    async with (
        served.session.get(url) as response,
        served.session.get(f"{url}&resourceVersion={revision}") as from_revision,
    ):
        for name in ("we", "web", "web-1"):
            body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
            assert (await served.post(path, body)).status == 201
        for name in ("web-1", "web"):
            assert (await served.ask("DELETE", f"{path}/{name}")).status == 200
        for stream in (Stream(response), Stream(from_revision)):
            assert await stream.names(2) == [("ADDED", "web"), ("DELETED", "web")]


async def test_one_object_can_be_watched_by_its_path(served: Served) -> None:
    for name in ("a", "b"):
        await served.post(MAPS, config_map(name))
    url = f"{served.server.url}{MAPS}/b?watch=true"
    async with served.session.get(url) as response:
        assert await Stream(response).names(1) == [("ADDED", "b")]


async def test_the_first_frame_of_a_table_watch_tells_the_columns(served: Served) -> None:
    await served.post(MAPS, config_map("a"))
    async with watching(served, Accept=TABLE) as stream, watching(served, Accept=TABLE) as other:
        for watch in (stream, other):
            first = await watch.next()
            assert first["type"] == "ADDED"
            assert first["object"]["kind"] == "Table"
            columns = [column["name"] for column in first["object"]["columnDefinitions"]]
            assert columns == ["Name", "Data", "Age"]
        await served.post(MAPS, config_map("b"))
        for watch in (stream, other):
            second = (await watch.next())["object"]
            assert second["columnDefinitions"] == []
            assert second["rows"][0]["cells"][0] == "b"
            assert second["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_a_late_table_watch_has_columns_though_others_share_frames(served: Served) -> None:
    async with watching(served, Accept=TABLE) as early:
        await served.post(MAPS, config_map("a"))
        assert (await early.next())["object"]["columnDefinitions"]
        async with watching(served, "&resourceVersion=1", Accept=TABLE) as late:
            assert (await late.next())["object"]["columnDefinitions"]


@pytest.mark.parametrize("count", [0, 2])
async def test_initial_events_end_with_a_bookmark(served: Served, count: int) -> None:
    for number in range(count):
        await served.post(MAPS, config_map(f"m{number}"))
    query = (
        "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        "&resourceVersion="
    )
    async with watching(served, query) as stream:
        assert await stream.names(count) == [("ADDED", f"m{number}") for number in range(count)]
        bookmark = await stream.next()
        assert bookmark["type"] == "BOOKMARK"
        metadata = bookmark["object"]["metadata"]
        assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert metadata["resourceVersion"] == str(served.api.revision)


async def test_initial_events_need_a_match_rule(served: Served) -> None:
    answer = await served.get(f"{MAPS}?watch=true&sendInitialEvents=true")
    assert answer.status == 422
    assert answer.json["message"] == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    )


_UNWANTED = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is"
_SUPPORTED = 'supported values: "NotOlderThan"'


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        (
            "resourceVersion=1&resourceVersionMatch=Exact",
            [f"{_UNWANTED} provided", f'Unsupported value: "Exact": {_SUPPORTED}'],
        ),
        ("resourceVersionMatch=NotOlderThan", [f"{_UNWANTED} provided"]),
        (
            "sendInitialEvents=false&resourceVersionMatch=Newest",
            [
                "Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
                "NotOlderThan",
                f'Unsupported value: "Newest": {_SUPPORTED}',
            ],
        ),
        (
            "sendInitialEvents=1&resourceVersionMatch=NotOlderThan&continue=x",
            ["Forbidden: resourceVersionMatch is forbidden when continue is provided"],
        ),
    ],
)
async def test_options_of_a_watch_that_make_no_sense_are_refused(
    served: Served, query: str, messages: list[str]
) -> None:
    for path in (MAPS, f"{MAPS}/one"):
        answer = await served.get(f"{path}?watch=1&{query}")
        assert (answer.status, answer.json["reason"]) == (422, "Invalid")
        causes = answer.json["details"]["causes"]
        assert [cause["message"] for cause in causes] == messages


async def test_a_bookmark_comes_each_minute_and_the_end_at_its_time(tmp_path: Path) -> None:
    clock = ManualClock()
    async with serving(tmp_path, clock=clock) as served:
        query = "&allowWatchBookmarks=true&timeoutSeconds=150"
        async with watching(served, query) as stream:
            for _ in range(2):
                await clock.advance(60)
                bookmark = await stream.next()
                assert bookmark["type"] == "BOOKMARK"
                assert bookmark["object"]["kind"] == "ConfigMap"
                revision = bookmark["object"]["metadata"]["resourceVersion"]
                assert revision == str(served.api.revision)
            await clock.advance(29)
            await served.post(MAPS, config_map("a"))
            assert await stream.names(1) == [("ADDED", "a")]
            await clock.advance(1)
            assert await stream.next() is None


async def test_a_server_that_stops_ends_its_watches(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, watching(served) as stream:
        await served.post(MAPS, config_map("a"))
        await stream.names(1)
        await served.server.stop()
        assert await stream.next() is None


async def test_a_client_that_goes_away_leaves_nothing_behind(served: Served) -> None:
    streams = served.server.open_streams
    for _ in range(20):
        async with watching(served) as stream:
            await served.post(MAPS, config_map("a"))
            await stream.next()
            assert streams() == 1
            stream.response.close()
        with anyio.fail_after(5):
            while streams():
                await anyio.lowlevel.checkpoint()
        await served.ask("DELETE", f"{MAPS}/a")


async def test_a_slow_client_misses_nothing(served: Served) -> None:
    body = config_map("big", text="x" * 100_000)
    url = f"{served.server.url}{MAPS}?watch=true"
    async with (
        aiohttp.ClientSession(headers=served.session.headers, read_bufsize=1024) as session,
        session.get(url) as response,
    ):
        await served.post(MAPS, body)
        for number in range(200):  # 20 MB, far beyond what the sockets take
            body["data"]["count"] = str(number)
            await served.ask("PUT", f"{MAPS}/big", body)
        counts: list[str | None] = []
        rest = b""
        with anyio.fail_after(20):
            while len(counts) < 201:
                rest += await response.content.readany()
                *lines, rest = rest.split(b"\n")
                objects = [msgspec.json.decode(line)["object"] for line in lines]
                counts += [found["data"].get("count") for found in objects]
        assert counts == [None, *map(str, range(200))]
