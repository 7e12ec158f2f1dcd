"""What is refused before a connection is upgraded, in Kubernetes' words."""

import re

import pytest

from .conftest import PODS, World

pytestmark = pytest.mark.anyio

WEB_SOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
}
SPDY = {
    "Connection": "Upgrade",
    "Upgrade": "SPDY/3.1",
    "X-Stream-Protocol-Version": "v4.channel.k8s.io",
}
EXEC = "exec?command=ls&stdout=true"

BAD_REQUESTS = [
    ("web", "exec?stdout=true", "you must specify at least one command for the container"),
    ("web", "exec?command=ls", "you must specify at least 1 of stdin, stdout, stderr"),
    ("web", "attach?tty=true&stderr=true", "you must specify at least 1 of stdin, stdout, stderr"),
    ("web", f"{EXEC}&container=x", "container x is not valid for pod web"),
    ("two", EXEC, r"a container name must be specified for pod two, choose one of: \[a b\].*"),
    ("unbound", EXEC, "pod unbound does not have a host assigned"),
    ("unbound", "attach?stdout=true", "pod unbound does not have a host assigned"),
]


@pytest.mark.parametrize(("name", "path", "message"), BAD_REQUESTS)
async def test_requests_that_make_no_sense(
    world: World, name: str, path: str, message: str
) -> None:
    two = [{"name": "a", "image": "busybox"}, {"name": "b", "image": "busybox"}]
    await world.add_pod("two", containers=two, nodeName="node1")
    await world.add_pod("unbound")
    for method, headers in (("GET", WEB_SOCKET), ("GET", SPDY), ("POST", SPDY)):
        answer = await world.served.ask(method, f"{PODS}/{name}/{path}", **headers)
        assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
        assert re.fullmatch(message, answer.json["message"])


async def test_a_pod_that_is_not_there(world: World) -> None:
    for path in (EXEC, "attach?stdout=true"):
        answer = await world.served.get(f"{PODS}/nobody/{path}", **WEB_SOCKET)
        assert answer.status == 404
        assert answer.json["message"] == 'pods "nobody" not found'


async def test_a_container_that_does_not_run(world: World) -> None:
    waiting = {"name": "c", "image": "", "imageID": "", "ready": False, "restartCount": 0}
    status = {"containerStatuses": [waiting | {"state": {"waiting": {"reason": "X"}}}]}
    await world.add_pod("slow", status, nodeName="node1")
    for headers in (WEB_SOCKET, SPDY):
        answer = await world.served.get(f"{PODS}/slow/{EXEC}", **headers)
        assert answer.status == 500
        assert answer.body == b'container not found ("c")'
    forward = SPDY | {"X-Stream-Protocol-Version": "portforward.k8s.io"}
    answer = await world.served.post(f"{PODS}/slow/portforward", b"", **forward)
    assert (answer.status, answer.body) == (500, b'pod not found ("slow_default")')


async def test_a_status_that_names_the_container_of_another_pod_leads_nowhere(
    world: World,
) -> None:
    """Who may write the status of one Pod may not thereby enter another."""
    (victim,) = await world.runtime.containers()
    await world.add_pod("forged", nodeName="node1")
    await world.show_running("forged", victim.id)
    forward = SPDY | {"X-Stream-Protocol-Version": "portforward.k8s.io"}
    for path, headers in ((EXEC, SPDY), ("attach?stdout=true", SPDY), ("portforward", forward)):
        answer = await world.served.post(f"{PODS}/forged/{path}", b"", **headers)
        assert answer.status == 500
        assert answer.body == f"container {victim.id} is not of Pod forged".encode()
    answer = await world.served.get(f"{PODS}/forged:80/proxy/")
    assert (answer.status, answer.json["reason"]) == (503, "ServiceUnavailable")


async def test_a_request_without_an_upgrade(world: World) -> None:
    for path in (EXEC, "attach?stdout=true", "portforward"):
        for method in ("GET", "POST"):
            answer = await world.served.ask(method, f"{PODS}/web/{path}")
            assert (answer.status, answer.json["message"]) == (400, "Upgrade request required")
    assert (await world.served.ask("PUT", f"{PODS}/web/{EXEC}")).status == 405


async def test_protocols_that_the_server_does_not_speak(world: World) -> None:
    odd = WEB_SOCKET | {"Sec-WebSocket-Protocol": "chat, soap"}
    answer = await world.served.get(f"{PODS}/web/{EXEC}", **odd)
    assert answer.status == 403
    assert answer.json["message"] == (
        "unable to upgrade: unable to negotiate protocol: client supports [chat soap], "
        "server accepts [v5.channel.k8s.io v4.channel.k8s.io v4.base64.channel.k8s.io "
        "channel.k8s.io base64.channel.k8s.io]"
    )
    odd = SPDY | {"X-Stream-Protocol-Version": "v9.channel.k8s.io"}
    assert (await world.served.post(f"{PODS}/web/{EXEC}", b"", **odd)).status == 403
    odd = WEB_SOCKET | {"Sec-WebSocket-Key": "short"}
    assert (await world.served.get(f"{PODS}/web/{EXEC}", **odd)).status == 400


async def test_ports_that_are_none(world: World) -> None:
    channels = WEB_SOCKET | {"Sec-WebSocket-Protocol": "v4.channel.k8s.io"}
    for query, message in (
        ("", 'query parameter "ports" is required'),
        ("?ports=http", 'unable to parse "http" as a port'),
        ("?ports=0", 'port "0" must be between 1 and 65535, inclusive'),
        ("?ports=80,65536", 'port "65536" must be between 1 and 65535, inclusive'),
    ):
        answer = await world.served.get(f"{PODS}/web/portforward{query}", **channels)
        assert (answer.status, answer.json["message"]) == (400, message)


@pytest.mark.parametrize("headers", [WEB_SOCKET, SPDY])
async def test_strangers_get_no_stream(world: World, headers: dict[str, str]) -> None:
    wrong = headers | {"Authorization": "Bearer guessed"}
    assert (await world.served.get(f"{PODS}/web/{EXEC}", **wrong)).status == 401
    foreign = headers | {"Origin": "https://evil.example"}
    assert (await world.served.get(f"{PODS}/web/{EXEC}", **foreign)).status == 403
    assert world.runtime.talks == []
