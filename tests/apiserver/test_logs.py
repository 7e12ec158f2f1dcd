"""Logs over HTTP: which run is shown, how much of it, and the words where there is none."""

from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest

from kernel.objects.pod import Pod

from .conftest import Served

pytestmark = pytest.mark.anyio

POD = "/api/v1/namespaces/default/pods/web"
DONE = {"terminated": {"exitCode": 1, "containerID": "process://1"}}
RUNNING: dict[str, Any] = {"running": {}}


def waiting(reason: str) -> dict[str, Any]:
    """The state of a container that does not run."""
    return {"waiting": {"reason": reason}}


async def make_pod(served: Served, *names: str, init: tuple[str, ...] = (), **status: Any) -> str:
    """Pod web on a node with one status for the first container; answers its log directory."""
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "nodeName": "node1",
            "containers": [{"name": name, "image": "i"} for name in names],
            "initContainers": [{"name": name, "image": "i"} for name in init],
        },
    }
    created = await served.post("/api/v1/namespaces/default/pods", body)
    assert created.status == 201
    if status:
        await set_status(served, names[0], **status)
    return f"default_web_{created.json['metadata']['uid']}"


async def set_status(served: Served, container: str, state: Any, **more: Any) -> None:
    """Write the status of the one container that has one."""
    fields = {"name": container, "state": state, "image": "i", "imageID": ""} | more
    fields = {"ready": False, "restartCount": 0} | fields
    patch = {"status": {"phase": "Running", "containerStatuses": [fields]}}
    merge = "application/merge-patch+json"
    assert (await served.ask("PATCH", f"{POD}/status", patch, Content_Type=merge)).status == 200


def write_log(tmp_path: Path, directory: str, run: str, *lines: str) -> Path:
    """A log file in CRI's format, a line a second from noon on; goes on where there is one."""
    path = tmp_path / "logs" / directory / run
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        for second, line in enumerate(lines):
            file.write(f"2026-01-01T12:00:{second:02}.000000000Z stdout F {line}\n")
    return path


async def text(served: Served, query: str = "") -> str:
    """What a log request that must succeed answers."""
    answer = await served.get(f"{POD}/log{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"].startswith("text/plain")
    return answer.body.decode()


async def refusal(served: Served, query: str = "") -> str:
    """The message of a log request that must fail."""
    answer = await served.get(f"{POD}/log{query}")
    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
    message: str = answer.json["message"]
    return message


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "a\nb\nc\n"),
        ("?container=c", "a\nb\nc\n"),
        ("?tailLines=2", "b\nc\n"),
        ("?tailLines=0", ""),
        ("?limitBytes=3", "a\nb"),
        ("?sinceTime=2026-01-01T12:00:01Z", "b\nc\n"),
        ("?sinceTime=2026-01-01T12:00:01.5Z", "c\n"),
        ("?tailLines=1&timestamps=true", "2026-01-01T12:00:02.000000000Z c\n"),
        ("?stream=Stderr", ""),
    ],
)
async def test_a_log_is_shown_as_asked(
    served: Served, tmp_path: Path, query: str, expected: str
) -> None:
    directory = await make_pod(served, "c", state=RUNNING)
    write_log(tmp_path, directory, "c/0.log", "a", "b", "c")
    assert await text(served, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "?tailLines=-1",
        "?limitBytes=0",
        "?sinceSeconds=0",
        "?sinceTime=noon",
        "?sinceSeconds=1&sinceTime=2026-01-01T12:00:01Z",
        "?stream=Both",
        "?follow=maybe",
    ],
)
async def test_options_that_make_no_sense_are_refused(served: Served, query: str) -> None:
    await make_pod(served, "c", state=RUNNING)
    await refusal(served, query)


async def test_the_container_must_be_clear(served: Served) -> None:
    await make_pod(served, "a", "b", init=("i",), state=RUNNING)
    assert await refusal(served) == (
        "a container name must be specified for pod web, choose one of: [a b] "
        "or one of the init containers: [i]"
    )
    assert await refusal(served, "?container=x") == "container x is not valid for pod web"
    assert await refusal(served, "?container=b") == 'container "b" in pod "web" is not available'


async def test_a_container_that_has_not_started_says_why(served: Served) -> None:
    await make_pod(served, "c", state=waiting("PodInitializing"))
    assert await refusal(served) == (
        'container "c" in pod "web" is waiting to start: PodInitializing'
    )
    await set_status(served, "c", waiting("ImagePullBackOff"))
    assert "trying and failing to pull image" in await refusal(served)


async def test_the_run_before_is_shown_where_there_was_one(served: Served, tmp_path: Path) -> None:
    directory = await make_pod(served, "c", state=RUNNING)
    assert await refusal(served, "?previous=true") == (
        'previous terminated container "c" in pod "web" not found'
    )
    write_log(tmp_path, directory, "c/0.log", "first")
    write_log(tmp_path, directory, "c/1.log", "second")
    await set_status(served, "c", RUNNING, lastState=DONE, restartCount=1)
    assert await text(served) == "second\n"
    assert await text(served, "?previous=true") == "first\n"
    await set_status(served, "c", waiting("CrashLoopBackOff"), lastState=DONE, restartCount=1)
    assert await text(served) == "second\n"


async def test_a_pod_without_a_node_has_an_empty_log(served: Served) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    await served.post("/api/v1/namespaces/default/pods", body)
    assert await text(served) == ""
    assert (await served.get("/api/v1/namespaces/default/pods/none/log")).status == 404


async def test_a_followed_log_ends_when_its_container_has(served: Served, tmp_path: Path) -> None:
    directory = await make_pod(served, "c", state=RUNNING)
    write_log(tmp_path, directory, "c/0.log", "one")
    url = f"{served.server.url}{POD}/log?follow=true"
    with anyio.fail_after(5):
        async with served.session.get(url) as response:
            assert await response.content.readline() == b"one\n"
            write_log(tmp_path, directory, "c/0.log", "two")
            assert await response.content.readline() == b"two\n"
            write_log(tmp_path, directory, "c/0.log", "last")
            await set_status(served, "c", DONE)
            assert await response.content.read() == b"last\n"
    assert served.server.open_streams() == 0


async def test_a_followed_log_of_an_ended_container_ends_at_once(
    served: Served, tmp_path: Path
) -> None:
    directory = await make_pod(served, "c", state=DONE)
    write_log(tmp_path, directory, "c/0.log", "all")
    with anyio.fail_after(5):
        assert await text(served, "?follow=true") == "all\n"


async def test_a_followed_log_ends_with_its_pod(served: Served, tmp_path: Path) -> None:
    directory = await make_pod(served, "c", state=RUNNING)
    write_log(tmp_path, directory, "c/0.log", "one")
    url = f"{served.server.url}{POD}/log?follow=true"
    with anyio.fail_after(5):
        async with served.session.get(url) as response:
            assert await response.content.readline() == b"one\n"
            await served.ask("DELETE", POD, {"gracePeriodSeconds": 0})
            assert await response.content.read() == b""


async def test_a_follower_that_goes_away_leaves_nothing_behind(
    served: Served, tmp_path: Path
) -> None:
    directory = await make_pod(served, "c", state=RUNNING)
    write_log(tmp_path, directory, "c/0.log", "one")
    url = f"{served.server.url}{POD}/log?follow=true"
    async with served.session.get(url) as response:
        await response.content.readline()
        assert served.server.open_streams() == 1
        response.close()
    with anyio.fail_after(5):
        while served.server.open_streams():
            await anyio.lowlevel.checkpoint()


async def test_the_mirror_of_a_static_pod_finds_its_log(served: Served, tmp_path: Path) -> None:
    await make_pod(served, "c", state=RUNNING)
    annotation = {"metadata": {"annotations": {"kubernetes.io/config.hash": "abc"}}}
    await served.api.patch(Pod, "default", "web", annotation, "merge")
    write_log(tmp_path, "default_web_abc", "c/0.log", "static")
    assert await text(served) == "static\n"


async def test_a_log_that_breaks_off_is_not_taken_for_the_whole(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.apiserver.streams.logger.exception", lambda *_: None)
    directory = await make_pod(served, "c", state=RUNNING)
    (tmp_path / "logs" / directory / "c" / "0.log").mkdir(parents=True)  # unreadable, for root too
    with pytest.raises(aiohttp.ClientError):
        await served.get(f"{POD}/log")
    assert served.server.open_streams() == 0
