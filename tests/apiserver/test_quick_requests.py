"""Requests whose headers are known: answered as those that are parsed, however they come."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import anyio
import msgspec
import pytest
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from kernel.api.admission import AdmissionRequest, admission
from kernel.objects.config import ConfigMap

from .conftest import Served, config_map

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
SECONDS_MAX = 20


class Wire:
    """One connection: bytes out, answers in."""

    def __init__(self, stream: SocketStream, token: str):
        self.stream = stream
        self._received = BufferedByteReceiveStream(stream)
        self._token = token

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        fields = {"Host": "localhost", "Authorization": f"Bearer {self._token}"}
        fields |= {"Content-Length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body

    async def answer(self) -> tuple[int, bytes]:
        with anyio.fail_after(SECONDS_MAX):
            head = (await self._received.receive_until(b"\r\n\r\n", 65536)).decode()
            status, *lines = head.split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines)
            body = await self._received.receive_exactly(int(fields["Content-Length"]))
        return int(status.split()[1]), body

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        await self.stream.send(self.request(method, path, body, **headers))
        return (await self.answer())[0]


@pytest.fixture
async def wire(served: Served) -> AsyncIterator[Wire]:
    address = urlsplit(served.server.url)
    assert address.hostname is not None
    assert address.port is not None
    async with await anyio.connect_tcp(address.hostname, address.port) as stream:
        yield Wire(stream, served.server.token)


def _map(name: str) -> bytes:
    return msgspec.json.encode(config_map(name, key="x" * len(name)))


async def test_each_verb_is_answered_again_and_again(wire: Wire) -> None:
    for number in range(3):
        name = f"c{'x' * number}"
        assert await wire.ask("POST", MAPS, _map(name)) == 201
        assert await wire.ask("POST", MAPS, _map(name)) == 409
        assert await wire.ask("GET", f"{MAPS}/{name}") == 200
        assert await wire.ask("GET", f"{MAPS}/none") == 404
        assert await wire.ask("PUT", f"{MAPS}/{name}", _map(name)) == 200
        patch = b'{"data":{"key":"new"}}'
        merge = "application/merge-patch+json"
        assert await wire.ask("PATCH", f"{MAPS}/{name}", patch, Content_Type=merge) == 200
        assert await wire.ask("DELETE", f"{MAPS}/{name}") == 200


async def test_the_path_is_read_as_it_is_written(wire: Wire) -> None:
    assert await wire.ask("POST", MAPS, _map("one")) == 201
    for path in (f"{MAPS}/o%6Ee", f"{MAPS}/one?watch=0", f"{MAPS}?limit=1&labelSelector=a%21%3Db"):
        assert [await wire.ask("GET", path) for _ in range(2)] == [200, 200]
    assert [await wire.ask("GET", f"{MAPS}?limit=x") for _ in range(2)] == [400, 400]


async def test_requests_at_once_are_answered_in_order(wire: Wire) -> None:
    assert await wire.ask("POST", MAPS, _map("first")) == 201
    names = [f"c-{number}" for number in range(20)]
    await wire.stream.send(b"".join(wire.request("POST", MAPS, _map(name)) for name in names))
    for name in names:
        code, body = await wire.answer()
        assert (code, msgspec.json.decode(body)["metadata"]["name"]) == (201, name)


async def test_what_comes_while_another_is_answered_waits(served: Served, wire: Wire) -> None:
    arrived, go_on = anyio.Event(), anyio.Event()

    @admission(ConfigMap)
    async def hold(request: AdmissionRequest) -> None:
        if request.name == "held":
            arrived.set()
            await go_on.wait()

    served.api.admission.add(hold)
    assert await wire.ask("POST", MAPS, _map("some")) == 201
    await wire.stream.send(wire.request("POST", MAPS, _map("held")))
    await arrived.wait()
    second = wire.request("POST", MAPS, _map("next"))
    await wire.stream.send(second[:40])
    await anyio.sleep(0.02)
    await wire.stream.send(second[40:] + wire.request("GET", f"{MAPS}/next"))
    go_on.set()
    named = [msgspec.json.decode((await wire.answer())[1])["metadata"]["name"] for _ in range(3)]
    assert named == ["held", "next", "next"]


async def test_a_request_in_parts_is_put_together(wire: Wire) -> None:
    for _ in range(2):
        assert await wire.ask("GET", MAPS) == 200
        data = wire.request("POST", f"{MAPS}?dryRun=All", _map("one"))
        for part in (data[:10], data[10:150], data[150:-5], data[-5:]):
            await wire.stream.send(part)
            await anyio.sleep(0.01)
        assert (await wire.answer())[0] == 201


async def test_known_headers_give_nobody_anothers_rights(wire: Wire) -> None:
    assert await wire.ask("GET", MAPS) == 200
    assert await wire.ask("GET", MAPS, Authorization="Bearer wrong") == 401
    assert await wire.ask("GET", MAPS, Authorization="Bearer wrong") == 401
    for _ in range(3):
        assert await wire.ask("GET", MAPS, Impersonate_User="nobody") == 403
    assert await wire.ask("GET", MAPS) == 200
    assert await wire.ask("GET", MAPS, Origin="https://evil.example") == 403


async def test_what_one_client_sends_is_not_read_into_anothers_headers(
    served: Served, wire: Wire
) -> None:
    assert await wire.ask("GET", MAPS) == 200
    address = urlsplit(served.server.url)
    assert address.hostname is not None
    assert address.port is not None
    plain = wire.request("GET", MAPS)
    async with await anyio.connect_tcp(address.hostname, address.port) as stream:
        other = Wire(stream, served.server.token)
        begun = b"GET / HTTP/1.1\r\nImpersonate-User: nobody\r\nX-First: "
        await stream.send(other.request("GET", MAPS) + begun)
        assert (await other.answer())[0] == 200
        # The end of the head that was begun; taken by itself, it would be a request of its own.
        await stream.send(plain + b"GET / HTTP/1.1\r\n")
        assert (await other.answer())[0] == 403
    assert await wire.ask("GET", MAPS) == 200


async def test_a_request_that_goes_on_is_not_taken_for_another_one(wire: Wire) -> None:
    assert await wire.ask("GET", MAPS) == 200
    begun = b"GET / HTTP/1.1\r\nImpersonate-User: nobody\r\nX-First: "
    await wire.stream.send(wire.request("GET", MAPS) + begun)
    assert (await wire.answer())[0] == 200
    await wire.stream.send(wire.request("GET", MAPS))
    assert (await wire.answer())[0] == 403


async def test_a_length_that_is_left_empty_is_none(wire: Wire) -> None:
    for _ in range(2):
        assert await wire.ask("GET", MAPS) == 200
    await wire.stream.send(wire.request("GET", MAPS).replace(b"Length: 0", b"Length: "))
    assert (await wire.answer())[0] == 400


async def test_two_lengths_are_one_too_many(wire: Wire) -> None:
    assert await wire.ask("POST", f"{MAPS}?dryRun=All", _map("one")) == 201
    data = wire.request("POST", MAPS, b"{}", content_length="2")
    await wire.stream.send(data)
    assert (await wire.answer())[0] == 400


async def test_a_client_that_wants_no_more_gets_no_more(wire: Wire) -> None:
    assert await wire.ask("GET", MAPS) == 200
    assert await wire.ask("GET", MAPS, Connection="close") == 200
    with anyio.fail_after(SECONDS_MAX), pytest.raises(anyio.EndOfStream):
        await wire.stream.receive()


async def test_a_watch_follows_and_is_followed_by_requests(served: Served, wire: Wire) -> None:
    assert await wire.ask("GET", MAPS) == 200
    await wire.stream.send(wire.request("GET", f"{MAPS}?watch=1&timeoutSeconds=1"))
    with anyio.fail_after(SECONDS_MAX):
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += await wire.stream.receive()
    assert b"Transfer-Encoding: chunked" in received
    assert await wire.ask("GET", MAPS) == 200
