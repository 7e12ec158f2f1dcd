"""Hostile clients on real sockets: each is held to its bounds, and other users are served."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import msgspec
import pytest
from anyio.abc import SocketStream

from kernel.api.admission import AdmissionRequest, admission
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.apiserver.limits.settings import Limits
from kernel.clock import Clock, ManualClock
from kernel.objects.authentication import TokenRequest
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.objects.rbac import RoleBinding, RoleRef, Subject
from kernel.objects.service import ServiceAccount

from ..conftest import Served, config_map, serving

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
SECONDS_MAX = 20


class Client:
    """One connection, which says what it is told to and no more."""

    def __init__(self, stream: SocketStream, token: str):
        self._stream = stream
        self._token = token
        self._received = b""

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def ask(self, method: str, path: str, body: bytes = b"", *, length: int = -1) -> None:
        """Send a request; `length` is what it says of its body, where that is not true."""
        said = length if length >= 0 else len(body)
        await self.send(
            b"%b %b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (method.encode(), path.encode(), self._token.encode(), said, body)
        )

    async def status(self) -> tuple[int, str, Any]:
        """Code, head and parsed body of the next answer."""
        with anyio.fail_after(SECONDS_MAX):
            while b"\r\n\r\n" not in self._received:
                self._received += await self._stream.receive()
            head, _, body = self._received.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            lengths = [line.split(": ")[1] for line in lines if line.startswith("Content-Length: ")]
            length = int(lengths[0]) if lengths else 0
            while len(body) < length:
                body += await self._stream.receive()
            self._received = body[length:]
        parsed = msgspec.json.decode(body[:length]) if length else None
        return int(lines[0].split()[1]), head.decode(), parsed

    async def leave(self) -> None:
        """Go away."""
        await self._stream.aclose()

    async def is_closed(self) -> bool:
        """Whether the server ends the connection."""
        with anyio.fail_after(SECONDS_MAX):
            try:
                while True:
                    await self._stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return True


class Hall:
    """A server with bounds, and its clients: `admin`, and the ServiceAccount `polite`."""

    def __init__(self, served: Served, stack: AsyncExitStack, polite_token: str):
        self.served = served
        self._stack = stack
        self.polite_token = polite_token

    async def admin(self) -> Client:
        return await self._client(self.served.server.token)

    async def polite(self) -> Client:
        return await self._client(self.polite_token)

    async def _client(self, token: str) -> Client:
        address = urlsplit(self.served.server.url)
        assert address.hostname is not None
        assert address.port is not None
        stream = await anyio.connect_tcp(address.hostname, address.port)
        await self._stack.enter_async_context(stream)
        return Client(stream, token)


@asynccontextmanager
async def _hall(directory: Path, limits: Limits, clock: Clock | None = None) -> AsyncIterator[Hall]:
    async with serving(directory, limits=limits, clock=clock) as served, AsyncExitStack() as stack:
        account = ServiceAccount(metadata=ObjectMeta(name="polite", namespace="default"))
        await served.api.create(account, namespace="default")
        editing = RoleBinding(
            metadata=ObjectMeta(name="polite"),
            role_ref=RoleRef(kind="ClusterRole", name="edit"),
            subjects=[Subject(kind="ServiceAccount", name="polite")],
        )
        await served.api.create(editing, namespace="default")
        tokens = ServiceAccountTokens(served.api, directory / "pki" / "sa.key")
        token = tokens.issue("default", "polite", TokenRequest()).status.token
        yield Hall(served, stack, token)


def _map(name: str, size: int = 1) -> bytes:
    return msgspec.json.encode(config_map(name, key="x" * size))


async def _settle(clock: ManualClock, seconds: float) -> None:
    """Let what has been sent arrive, and then time pass."""
    await anyio.sleep(0.05)
    await clock.advance(seconds)


async def test_requests_beyond_a_users_share_wait_and_then_are_refused(tmp_path: Path) -> None:
    limits = Limits(seats=4, seats_per_user=2, waiting_per_user=5)
    go_on = anyio.Event()

    @admission(ConfigMap)
    async def hold(request: AdmissionRequest) -> None:
        if request.name.startswith("held"):
            await go_on.wait()

    async with _hall(tmp_path, limits) as hall:
        hall.served.api.admission.add(hold)
        hostile = [await hall.admin() for _ in range(10)]
        for number, client in enumerate(hostile):
            await client.ask("POST", MAPS, _map(f"held-{number}"))
        polite = await hall.polite()
        await polite.ask("POST", MAPS, _map("mine"))
        assert (await polite.status())[0] == 201
        refused = [await client.status() for client in hostile[-3:]]
        for code, head, status in refused:
            assert code == 429
            assert "Retry-After: 1" in head
            assert status["kind"] == "Status"
            assert status["reason"] == "TooManyRequests"
            assert status["message"] == "Too many requests, please try again later."
            assert status["details"] == {"retryAfterSeconds": 1}
        go_on.set()
        assert [(await client.status())[0] for client in hostile[:7]] == [201] * 7


async def test_who_has_kept_everybody_waiting_is_served_in_turn(tmp_path: Path) -> None:
    async with _hall(tmp_path, Limits(turn_seconds=0.0001)) as hall:
        for number in range(300):
            await hall.served.api.create(
                ConfigMap(metadata=ObjectMeta(name=f"c-{number}"), data={"key": "x" * 500}),
                namespace="default",
            )
        hostile = [await hall.admin() for _ in range(40)]
        polite = await hall.polite()
        answered: list[str] = []

        async def read(client: Client, name: str) -> None:
            assert (await client.status())[0] == 200
            answered.append(name)

        for client in hostile:
            await client.ask("GET", MAPS)
        await polite.ask("GET", f"{MAPS}/c-1")
        async with anyio.create_task_group() as group:
            for client in hostile:
                group.start_soon(read, client, "hostile")
            group.start_soon(read, polite, "polite")
        assert answered.index("polite") < 20


async def test_watches_are_counted_by_user(tmp_path: Path) -> None:
    async with _hall(tmp_path, Limits(watches_per_user=2)) as hall:
        watching = [await hall.admin() for _ in range(3)]
        for client in watching:
            await client.ask("GET", f"{MAPS}?watch=1")
            code, _, status = await client.status()
            assert code == (200 if client is not watching[2] else 429), status
        polite = await hall.polite()
        await polite.ask("GET", f"{MAPS}?watch=1")
        assert (await polite.status())[0] == 200


async def test_watches_that_select_in_many_ways_are_counted_by_user_and_kind(
    tmp_path: Path,
) -> None:
    async with _hall(tmp_path, Limits(selections_per_user=2)) as hall:

        async def code_of(selector: str, path: str = MAPS, client: Client | None = None) -> int:
            asking = client or await hall.admin()
            await asking.ask("GET", f"{path}?watch=1&{selector}")
            code, _, status = await asking.status()
            assert code == 200 or status["reason"] == "TooManyRequests"
            return code

        leaving = await hall.admin()
        assert await code_of("labelSelector=app%3D1", client=leaving) == 200
        assert await code_of("labelSelector=app%3D2") == 200
        assert await code_of("labelSelector=app%3D3") == 429
        assert await code_of("labelSelector=app%3D2", MAPS.replace("default", "other")) == 429
        assert await code_of("fieldSelector=metadata.name%21%3Da") == 429
        # Those that are alike, that select nothing, or one object; another kind, another user.
        assert [await code_of("labelSelector=app%3D2") for _ in range(3)] == [200] * 3
        assert [await code_of("") for _ in range(3)] == [200] * 3
        names = [await code_of(f"fieldSelector=metadata.name%3Dm-{n}") for n in range(3)]
        assert names == [200] * 3
        assert await code_of("labelSelector=app%3D3", MAPS.replace("configmaps", "pods")) == 200
        assert await code_of("labelSelector=app%3D3", client=await hall.polite()) == 200
        await leaving.leave()
        with anyio.fail_after(SECONDS_MAX):
            while await code_of("labelSelector=app%3D3") == 429:
                continue


async def test_a_body_is_as_large_as_3_megabytes_and_no_larger(tmp_path: Path) -> None:
    async with _hall(tmp_path, Limits()) as hall:
        client = await hall.admin()
        await client.ask("POST", MAPS, b"{", length=3 * 1024 * 1024 + 1)
        code, _, status = await client.status()
        assert (code, status["reason"]) == (413, "RequestEntityTooLarge")
        assert status["message"] == "Request entity too large: limit is 3145728"


async def test_bodies_on_their_way_have_bounded_room(tmp_path: Path) -> None:
    async with _hall(tmp_path, Limits(body_bytes_per_user=100_000)) as hall:
        slow, another, polite = await hall.admin(), await hall.admin(), await hall.polite()
        await slow.ask("POST", MAPS, b"{", length=60_000)
        await polite.ask("POST", MAPS, _map("first", 50_000))
        assert (await polite.status())[0] == 201
        await another.ask("POST", MAPS, _map("second", 50_000))
        assert (await another.status())[0] == 429


@pytest.mark.parametrize(
    "head",
    [
        b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"".join(b"X-%d: x\r\n" % number for number in range(200)) + b"\r\n",
        b"".join(b"X-%d: %b\r\n" % (number, b"x" * 60_000) for number in range(6)),
    ],
    ids=["a line", "many headers", "all in all"],
)
async def test_a_head_has_a_largest_size(tmp_path: Path, head: bytes) -> None:
    async with _hall(tmp_path, Limits()) as hall:
        client, polite = await hall.admin(), await hall.polite()
        await client.send(b"GET /version HTTP/1.1\r\nHost: localhost\r\n" + head)
        code, _, status = await client.status()
        assert (code, status["reason"]) == (431, "RequestHeaderFieldsTooLarge")
        await polite.ask("GET", MAPS)
        assert (await polite.status())[0] == 200


async def test_who_is_slow_to_ask_is_not_waited_for(tmp_path: Path) -> None:
    clock = ManualClock()
    async with _hall(tmp_path, Limits(head_seconds=30, body_seconds=60), clock) as hall:
        silent, head, body = await hall.admin(), await hall.admin(), await hall.admin()
        await head.send(b"GET /version HTTP/1.1\r\nHost: loc")
        await body.ask("POST", MAPS, b"{", length=100)
        await _settle(clock, 29)
        await head.send(b"alhost\r\n")
        polite = await hall.polite()
        await polite.ask("GET", MAPS)
        assert (await polite.status())[0] == 200
        await _settle(clock, 3)
        assert await silent.is_closed()
        assert (await head.status())[0] == 408
        await _settle(clock, 35)
        code, _, status = await body.status()
        assert (code, status["reason"]) == (408, "RequestTimeout")
        await polite.ask("GET", MAPS)  # which has been idle between two requests, and may be
        assert (await polite.status())[0] == 200


GET = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /version HTTP/1.1\r\nHost: localhost\r\n"
IN_CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
OF_LENGTH = POST + b"Content-Length: 2\r\n\r\n{}"


BEGUN = GET[:20]
WITH_A_HEAD_BEGUN = [
    [GET + BEGUN],
    [GET + GET + BEGUN],
    [GET[:30], GET[30:] + BEGUN],
    [OF_LENGTH + BEGUN],
    [OF_LENGTH[:-1], OF_LENGTH[-1:] + BEGUN],
    [IN_CHUNKS + CHUNKS + BEGUN],
    [IN_CHUNKS, CHUNKS + BEGUN],
    [GET + IN_CHUNKS + CHUNKS, BEGUN],
]
WHOLE = [
    [GET],
    [GET + GET],
    [GET[:30], GET[30:]],
    [OF_LENGTH],
    [OF_LENGTH[:-1], OF_LENGTH[-1:]],
    [IN_CHUNKS + CHUNKS],
    [IN_CHUNKS, CHUNKS],
]


async def _said(hall: Hall, ways: list[list[bytes]]) -> list[Client]:
    """One client for each way to send requests, part by part, that has its answers."""
    clients = [await hall.admin() for _ in ways]
    for number in range(2):
        for client, parts in zip(clients, ways, strict=True):
            await client.send(b"".join(parts[number : number + 1]))
        await anyio.sleep(0.05)
    for client, parts in zip(clients, ways, strict=True):
        for _ in range(b"".join(parts).count(b"\r\nHost")):
            await client.status()
    return clients


async def test_a_head_begun_before_the_last_answer_has_its_time(tmp_path: Path) -> None:
    clock = ManualClock()
    async with _hall(tmp_path, Limits(head_seconds=30), clock) as hall:
        patient = await _said(hall, WITH_A_HEAD_BEGUN)
        quick = await _said(hall, WITH_A_HEAD_BEGUN)
        await _settle(clock, 28)
        for client in quick:
            await client.send(GET[20:])
            await client.status()
        await _settle(clock, 3)
        for client in patient:
            assert await client.is_closed()
        for client in quick:
            await client.ask("GET", MAPS)
            assert (await client.status())[0] == 200


async def test_who_has_asked_in_whole_requests_may_be_idle(tmp_path: Path) -> None:
    clock = ManualClock()
    async with _hall(tmp_path, Limits(head_seconds=30), clock) as hall:
        clients = await _said(hall, WHOLE)
        await _settle(clock, 40)
        for client in clients:
            await client.ask("GET", MAPS)
            assert (await client.status())[0] == 200


async def test_answers_that_are_not_taken_keep_seats_for_a_time(tmp_path: Path) -> None:
    clock = ManualClock()
    limits = Limits(seats=16, seats_per_user=8, list_seats=4, stalled_seconds=60)
    async with _hall(tmp_path, limits, clock) as hall:
        for number in range(20):  # more than the buffers of a socket hold
            await hall.served.api.create(
                ConfigMap(metadata=ObjectMeta(name=f"c-{number}"), data={"key": "x" * 900_000}),
                namespace="default",
            )
        greedy = [await hall.admin() for _ in range(3)]
        for client in greedy:
            await client.ask("GET", MAPS)
        polite, another = await hall.polite(), await hall.admin()
        await polite.ask("GET", MAPS)
        assert (await polite.status())[0] == 200
        await another.ask("GET", f"{MAPS}?limit=1")
        for _ in range(3):
            await _settle(clock, 62)
        assert (await another.status())[0] == 200
        assert await greedy[0].is_closed()


async def test_a_watcher_that_does_not_read_is_put_out(tmp_path: Path) -> None:
    clock = ManualClock()
    async with _hall(tmp_path, Limits(stalled_seconds=60), clock) as hall:
        watcher, polite = await hall.admin(), await hall.polite()
        await watcher.ask("GET", f"{MAPS}?watch=1&timeoutSeconds=3000")
        assert (await watcher.status())[0] == 200
        for number in range(30):
            await polite.ask("POST", MAPS, _map(f"c-{number}", 900_000))
            assert (await polite.status())[0] == 201
        for _ in range(3):
            await _settle(clock, 62)
        assert await watcher.is_closed()
        await polite.ask("GET", f"{MAPS}/c-1")
        assert (await polite.status())[0] == 200
