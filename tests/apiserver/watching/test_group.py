"""Watchers that share a cursor: each sees all that is its own, whatever the others do."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import msgspec
import pytest

from kernel.api.errors import Expired
from kernel.apiserver.negotiation import Answer, Form
from kernel.apiserver.rows.tables import Tables
from kernel.apiserver.watching.cursors import Cursors
from kernel.apiserver.watching.frames import Frames
from kernel.apiserver.watching.group import UNSENT_BYTES_MAX, WatchGroup
from kernel.apiserver.watching.subject import Subject
from kernel.objects.config import ConfigMap

from ..conftest import Served, config_map

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
WRITES = 300
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def follow(served: Served, revision: int, seed: int, *, table: bool) -> list[str]:
    """The revisions that a watcher sees until the last write, reading in fits and starts."""
    chance = random.Random(seed)
    headers = {"Accept": TABLE} if table else {}
    url = f"{served.server.url}{MAPS}?watch=true&resourceVersion={revision}"
    seen = []
    async with served.session.get(url, headers=headers) as response:
        while True:
            for _ in range(chance.choice([0, 0, 1, 50])):
                await anyio.lowlevel.checkpoint()
            line = await response.content.readline()
            event = msgspec.json.decode(line)
            found = event["object"]
            seen.append(found["metadata"]["resourceVersion"])
            data = found["rows"][0]["object"]["metadata"] if table else found["metadata"]
            if data["labels"].get("last"):
                return seen


@pytest.mark.parametrize("seed", range(3))
async def test_every_watcher_sees_each_change_once_and_in_order(served: Served, seed: int) -> None:
    chance = random.Random(seed)
    start = served.api.revision
    seen: dict[int, list[str]] = {}
    starts: dict[int, int] = {}

    async def watch(number: int) -> None:
        seen[number] = await follow(served, starts[number], number, table=number % 3 == 0)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(WRITES):
                if chance.random() < 0.1:
                    starts[number] = chance.randint(start, served.api.revision)
                    tasks.start_soon(watch, number)
                body = config_map(f"m{number % 7}", text="x" * chance.choice([1, 1, 20_000]))
                body["metadata"]["labels"] = {"last": "yes"} if number == WRITES - 1 else {"n": "1"}
                method, path = ("POST", MAPS) if number < 7 else ("PUT", f"{MAPS}/m{number % 7}")
                body["data"]["count"] = str(number)
                assert (await served.ask(method, path, body)).status in (200, 201)
    entries, _ = served.store.entries(start + 1)
    revisions = [entry.revision for entry in entries]
    assert len(revisions) == WRITES
    assert len(seen) > 10
    for number, found in seen.items():
        expected = [str(revision) for revision in revisions if revision > starts[number]]
        assert found == expected


class Socket:
    """A client's socket as a group sees it; `unsent` is what the client has not taken."""

    def __init__(self, unsent: int = 0):
        self.unsent = unsent
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent


def group_of(served: Served) -> WatchGroup:
    """A group of watchers of ConfigMaps."""
    answer = Answer(Form.OBJECT)
    subject = Subject(ConfigMap, "default", "", "", answer, "Metadata", ConfigMap)
    clock = served.api.clock
    frames = Frames(ConfigMap, ConfigMap, answer, Tables(), clock, include="Metadata", shared=True)
    return WatchGroup(Cursors(served.api), subject, frames, served.api.revision)


async def test_a_member_that_falls_behind_is_put_out_and_holds_up_nobody(served: Served) -> None:
    group = group_of(served)
    quick: Any = Socket()
    slow: Any = Socket(unsent=UNSENT_BYTES_MAX + 1)
    revision = served.api.revision
    members = [group.join(socket, revision) for socket in (quick, slow)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(group.run)
        await served.post(MAPS, config_map("a"))
        with anyio.fail_after(5):
            await members[1].left.wait()
        await served.post(MAPS, config_map("b"))
        while len(quick.written) < 2:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert (len(quick.written), len(slow.written)) == (2, 1)
    assert members[1].revision == revision + 1
    assert members[1].failure is None
    assert not members[0].left.is_set()


async def test_a_member_that_joins_ahead_is_sent_nothing_twice(served: Served) -> None:
    group = group_of(served)
    for name in "abc":
        await served.post(MAPS, config_map(name))
    ahead: Any = Socket()
    group.join(ahead, served.api.revision - 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(group.run)
        with anyio.fail_after(5):
            while not ahead.written:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    text = b"".join(ahead.written)
    assert text.count(b'"type":') == 1
    assert b'"name":"c"' in text


async def test_a_revision_that_is_compacted_ends_the_watch_with_gone(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def gone(*_: Any, **__: Any) -> Iterator[None]:
        raise Expired("too old resource version: 1")
        yield

    monkeypatch.setattr(served.api, "watch", gone)
    answer = await served.get(f"{MAPS}?watch=true&resourceVersion=1")
    assert answer.status == 200
    event = answer.json
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


async def test_a_failure_of_the_shared_cursor_ends_its_watches_with_an_error(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.apiserver.watching.stream.logger.exception", lambda *_: None)

    def broken(*_: Any) -> list[bytes]:
        raise RuntimeError("secret detail")

    url = f"{served.server.url}{MAPS}?watch=true"
    async with served.session.get(url) as response:
        monkeypatch.setattr(Frames, "events", broken)
        await served.post(MAPS, config_map("a"))
        with anyio.fail_after(5):
            event = msgspec.json.decode(await response.content.readline())
            assert await response.content.read() == b""
    assert event["type"] == "ERROR"
    assert event["object"]["code"] == 500
    assert "secret" not in event["object"]["message"]
