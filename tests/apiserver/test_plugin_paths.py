"""Paths that plugins serve: their answers, and what goes wrong in them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kernel.api.errors import Conflict
from kernel.assembly import Kernel
from kernel.control.plugin import Plugin
from kernel.control.plugin_http import HttpRequest, http_get
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta

pytestmark = pytest.mark.anyio


@http_get("/plugins/echo")
async def echo(request: HttpRequest) -> dict[str, Any]:
    return {"path": request.path, "query": dict(request.query), "user": request.user}


@http_get("/plugins/makes/one")
async def makes_one(request: HttpRequest) -> ConfigMap:
    return await request.client.create(
        ConfigMap(metadata=ObjectMeta(generate_name="made-", namespace="default"))
    )


@http_get("/plugins/refuses")
async def refuses(request: HttpRequest) -> None:
    raise Conflict("not now")


@http_get("/plugins/fails")
async def fails(request: HttpRequest) -> None:
    raise ZeroDivisionError


@http_get("/plugins/no-json")
async def no_json(request: HttpRequest) -> object:
    return object()


PLUGIN = Plugin(name="paths", http_gets=(echo, makes_one, refuses, fails, no_json))


class Asked:
    """A kernel that serves the plugin, and how to ask it."""

    def __init__(self, kernel: Kernel, url: str, session: aiohttp.ClientSession):
        self.kernel = kernel
        self._url = url
        self._session = session

    async def __call__(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
        async with self._session.request(method, self._url + path, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Asked]:
    opening = Kernel.open(tmp_path, runtime=None, plugins=[PLUGIN], durability="process")
    async with opening as kernel, kernel.serving(tls=False) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Asked(kernel, server.url, session)


async def test_it_is_given_the_request_and_answers_json(ask: Asked) -> None:
    assert await ask("/plugins/echo?a=1&a=2&b=%20") == (
        200,
        {"path": "/plugins/echo", "query": {"a": "2", "b": " "}, "user": "admin"},
    )


async def test_what_it_writes_is_put_down_to_who_asked(ask: Asked) -> None:
    code, made = await ask("/plugins/makes/one")
    assert (code, made["kind"]) == (200, "ConfigMap")
    assert made["metadata"]["name"].startswith("made-")


async def test_who_may_not_use_the_api_gets_nothing(ask: Asked) -> None:
    code, status = await ask("/plugins/echo", Authorization="Bearer wrong")
    assert (code, status["reason"]) == (401, "Unauthorized")


async def test_its_refusal_is_a_status(ask: Asked) -> None:
    code, status = await ask("/plugins/refuses")
    assert (code, status["kind"], status["reason"]) == (409, "Status", "Conflict")
    assert status["message"] == "not now"


@pytest.mark.parametrize("path", ["/plugins/fails", "/plugins/no-json"])
async def test_its_bug_is_an_internal_error(
    ask: Asked, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    code, status = await ask(path)
    assert (code, status["reason"]) == (500, "InternalError")
    assert f"GET {path} failed" in caplog.text


@pytest.mark.parametrize("path", ["/plugins", "/plugins/", "/plugins/other", "/plugins/echo/more"])
async def test_another_path_is_not_found(ask: Asked, path: str) -> None:
    code, status = await ask(path)
    assert (code, status["reason"]) == (404, "NotFound")


async def test_it_is_only_read(ask: Asked) -> None:
    code, status = await ask("/plugins/echo", "POST")
    assert (code, status["reason"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "path", ["/api/v1", "plugins/x", "/plugins/x/", "/plugins/x?y", "/plugins/%20"]
)
async def test_a_path_elsewhere_can_not_be_taken(path: str) -> None:
    with pytest.raises(ValueError, match="no path below /plugins/"):
        http_get(path)
