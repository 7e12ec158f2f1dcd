"""Requests through `…/proxy` to a web server on a port of a Pod's."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import anyio
import pytest
from aiohttp import web
from yarl import URL

from ..conftest import pod, serving
from ..streaming.conftest import PODS, SECONDS_MAX, World, running_world

pytestmark = pytest.mark.anyio

WEB = f"{PODS}/web:8080/proxy"
SERVICES = "/api/v1/namespaces/default/services"


async def _answer(request: web.Request) -> web.StreamResponse:
    """Tells what has arrived; some paths do otherwise."""
    match request.path:
        case "/moved":
            return web.Response(status=302, headers={"Location": "/to?a=b"})
        case "/socket":
            socket = web.WebSocketResponse(protocols=("echo",))
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(f"heard {message.data}")
            return socket
        case "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first")
            await anyio.sleep_forever()
        case "/broken":
            assert request.transport
            request.transport.abort()
    body = await request.read()
    told = {
        "method": request.method,
        "path": request.raw_path,
        "body": body.decode(),
        "headers": dict(request.headers),
    }
    answer = web.json_response(told, status=int(request.query.get("status", "200")))
    answer.headers.extend([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return answer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A Pod web, on whose port 8080 a web server answers."""
    async with running_world(tmp_path) as made, answering() as port:
        made.runtime.ports[8080] = port
        yield made


@asynccontextmanager
async def answering() -> AsyncIterator[int]:
    """A web server on a port of this machine."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", _answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_request_is_passed_on_as_it_is(world: World, method: str) -> None:
    answer = await world.served.ask(
        method, f"{WEB}/a/b%20c//?q=1&q=2&status=418", b"body", Content_Type="text/plain", X_Own="1"
    )
    assert answer.status == 418
    told = answer.json
    assert (told["method"], told["body"]) == (method, "body")
    assert told["path"] == "/a/b%20c//?q=1&q=2&status=418"
    headers = told["headers"]
    assert (headers["X-Own"], headers["X-Forwarded-For"]) == ("1", "127.0.0.1")
    assert headers["X-Forwarded-Uri"] == f"{WEB}/a/b%20c//"
    assert "Authorization" not in headers
    assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]


async def test_head_has_no_body(world: World) -> None:
    answer = await world.served.ask("HEAD", f"{WEB}/x")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


async def test_a_packed_body_arrives_unpacked(world: World) -> None:
    packed = gzip.compress(b"x" * 100_000)
    answer = await world.served.post(f"{WEB}/x", packed, Content_Encoding="gzip")
    assert answer.json["body"] == "x" * 100_000
    assert "Content-Encoding" not in answer.json["headers"]


async def test_redirects_lead_back_through_the_proxy(world: World) -> None:
    async with world.served.session.get(
        f"{world.served.server.url}{WEB}/moved", allow_redirects=False
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, f"{WEB}/to?a=b")
    followed = await world.served.get(f"{WEB}/moved")
    assert followed.json["path"] == "/to?a=b"
    without_slash = await world.served.get(f"{WEB}?a=b")
    assert without_slash.json["path"] == "/?a=b"


async def test_slashes_before_a_path_are_no_part_of_it(world: World) -> None:
    url = URL(f"{world.served.server.url}/{WEB}/x", encoded=True)
    async with world.served.session.get(url) as answer:
        assert (await answer.json())["path"] == "/x"


async def test_an_answer_comes_as_it_is_made(world: World) -> None:
    url = f"{world.served.server.url}{WEB}/endless"
    async with world.served.session.get(url) as answer:
        with anyio.fail_after(SECONDS_MAX):
            assert await answer.content.readexactly(5) == b"first"


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("protocol", ["websocket", "h2c", "SPDY/3.1"])
async def test_a_body_comes_along_with_the_wish_for_another_protocol(
    world: World, protocol: str, is_chunked: bool
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"bo"
        yield b"dy"

    url = f"{world.served.server.url}{WEB}/x"
    headers = {"Connection": "keep-alive, Upgrade", "Upgrade": protocol}
    body = parts() if is_chunked else b"body"
    with anyio.fail_after(SECONDS_MAX):
        async with world.served.session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 200
            told = await answer.json()
    assert told["body"] == "body"
    assert told["headers"]["Upgrade"] == protocol


async def test_another_protocol_is_of_one_connection_unless_it_is_asked_for(world: World) -> None:
    answer = await world.served.post(f"{WEB}/x", b"body", Upgrade="h2c")
    assert (answer.json["body"], "Upgrade" in answer.json["headers"]) == ("body", False)


async def test_a_web_socket(world: World) -> None:
    url = f"{world.served.server.url}{WEB}/socket"
    async with world.served.session.ws_connect(url, protocols=("echo",)) as socket:
        assert socket.protocol == "echo"
        await socket.send_str("hello")
        with anyio.fail_after(SECONDS_MAX):
            assert await socket.receive_str() == "heard hello"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (f"{PODS}/web:81/proxy/", 503, "connect: connection refused"),
        (f"{PODS}/web:8080/proxy/broken", 503, "error trying to reach service: "),
        (f"{PODS}/https:web:8080/proxy/", 503, "error trying to reach service: "),
        (f"{PODS}/nobody/proxy/", 404, 'pods "nobody" not found'),
        (f"{PODS}/ftp:web:21/proxy/", 400, 'invalid pod request "ftp:web:21"'),
        (f"{PODS}/idle:1/proxy/", 503, 'pod not found ("idle_default")'),
        (f"{SERVICES}/front:82/proxy/", 503, 'no service port 82 found for service "front"'),
        (f"{SERVICES}/empty/proxy/", 503, 'no endpoints available for service "empty"'),
        ("/api/v1/nodes/nobody/proxy/pods", 404, 'nodes "nobody" not found'),
    ],
)
async def test_what_can_not_be_reached(world: World, path: str, status: int, message: str) -> None:
    await world.add_pod("idle", nodeName="node1")
    for name, selector in (("front", "web"), ("empty", "nobody")):
        spec = {"selector": {"app": selector}, "ports": [{"port": 80}]}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
        await world.served.post(SERVICES, body)
    answer = await world.served.get(path)
    assert (answer.status, answer.json["kind"]) == (status, "Status")
    assert message in answer.json["message"]


async def test_nothing_is_reached_without_a_node(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        await served.post(PODS, pod("web"))
        answer = await served.get(f"{PODS}/web:80/proxy/")
    assert answer.status == 503
    assert "this kernel has no node" in answer.json["message"]


async def test_a_server_that_stops_ends_what_goes_on(tmp_path: Path) -> None:
    async with running_world(tmp_path) as world, answering() as port:
        world.runtime.ports[8080] = port
        url = f"{world.served.server.url}{WEB}/endless"
        async with world.served.session.get(url) as answer:
            await answer.content.readexactly(5)
            with anyio.fail_after(SECONDS_MAX):
                await world.served.server.stop()
                with pytest.raises(aiohttp.ClientError):
                    await answer.read()
