"""Port checks against servers of this machine: what is well, and what is said of the rest."""

import math
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import anyio.abc
import grpc
import pytest
from anyio.streams.tls import TLSStream

from kernel.apiserver.certificates import prepare_certificates
from kernel.clock import SystemClock
from kernel.cri.port_check import CheckResult, GrpcCheck, HttpCheck, PortCheck, TcpCheck
from kernel.cri.port_checks.checker import check_port
from kernel.cri.proto import health_pb2

pytestmark = pytest.mark.anyio

Handle = Callable[[anyio.abc.ByteStream], Awaitable[None]]
Headers = tuple[tuple[str, str], ...]

HOST = "127.0.0.1"
PATIENCE_SECONDS = 30.0
SHORT_SECONDS = 0.1


async def check(
    port: int, how: HttpCheck | TcpCheck | GrpcCheck, seconds: float = PATIENCE_SECONDS
) -> CheckResult:
    return await check_port(PortCheck(HOST, port, how), SystemClock(), timeout_seconds=seconds)


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[int]:
    """A port whose connections are handled so, each closed afterwards."""
    listeners = await anyio.create_tcp_listener(local_host=HOST)
    port: int = listeners.extra(anyio.abc.SocketAttribute.local_port)

    async def closing(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await handle(stream)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listeners.serve, closing)
        yield port
        tasks.cancel_scope.cancel()
    await listeners.aclose()


class Answering:
    """Reads one request and sends an answer for its path; keeps the requests."""

    def __init__(self, **answers: str) -> None:
        self._answers = answers
        self.requests: list[list[str]] = []

    async def __call__(self, stream: anyio.abc.ByteStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += await stream.receive()
        lines = request.decode().split("\r\n")
        self.requests.append(lines[:-2])
        path = lines[0].split()[1].strip("/").partition("?")[0] or "root"
        await stream.send(self._answers[path].replace("\n", "\r\n").encode())


def answer(status: str, body: str = "", *headers: str) -> str:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "".join(f"{line}\n" for line in lines) + "\n" + body


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


async def hang(stream: anyio.abc.ByteStream) -> None:
    await anyio.sleep_forever()


# TCP.


async def test_a_port_that_listens_is_well() -> None:
    async with serving(hang) as port:
        assert await check(port, TcpCheck()) == CheckResult(True)
        assert await check(port, TcpCheck(), math.inf) == CheckResult(True)


async def test_a_port_that_nobody_listens_on_refuses() -> None:
    port = closed_port()
    refused = f"dial tcp {HOST}:{port}: connect: connection refused"
    assert await check(port, TcpCheck()) == CheckResult(False, refused)
    of_http = f'Get "http://{HOST}:{port}/": {refused}'
    assert await check(port, HttpCheck()) == CheckResult(False, of_http)


async def test_a_port_that_does_not_answer_is_given_up_after_the_timeout() -> None:
    with socket.socket() as full:
        # With its queue full, a listener drops what further asks for a connection.
        full.bind((HOST, 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection((HOST, port)):
            result = await check(port, TcpCheck(), SHORT_SECONDS)
    assert result == CheckResult(False, f"dial tcp {HOST}:{port}: i/o timeout")


async def test_a_host_that_nobody_knows() -> None:
    asked = PortCheck("no-such-host.invalid", 80, TcpCheck())
    result = await check_port(asked, SystemClock(), timeout_seconds=PATIENCE_SECONDS)
    assert result == CheckResult(False, "dial tcp: lookup no-such-host.invalid: no such host")


# HTTP.


@pytest.mark.parametrize("host", ["[bad", "127.0.0.1:80", "[x]y"])
async def test_a_host_that_is_none_is_a_failure_too(host: str) -> None:
    """Where something was raised, a container with such a preStop hook could not be stopped."""
    how = HttpCheck(path="/", scheme="http", headers=())
    result = await check_port(PortCheck(host, 80, how), SystemClock(), timeout_seconds=9)
    assert not result.is_well
    assert ": parse: " in result.message


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "299 Odd"])
async def test_a_status_of_success_is_well(status: str) -> None:
    async with serving(Answering(root=answer(status))) as port:
        result = await check(port, HttpCheck())
    assert result == CheckResult(True, http_status=int(status[:3]))


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_a_status_of_failure_is_not(status: int) -> None:
    async with serving(Answering(root=answer(f"{status} Bad", "why"))) as port:
        result = await check(port, HttpCheck())
    message = f"HTTP probe failed with statuscode: {status}"
    assert result == CheckResult(False, message, http_status=status)


async def test_the_request_is_the_kubelet_s() -> None:
    server = Answering(root=answer("200 OK"))
    async with serving(server) as port:
        await check(port, HttpCheck())
        await check(port, HttpCheck(path="?full=yes#part"))
    assert server.requests[0] == [
        "GET / HTTP/1.1",
        f"Host: {HOST}:{port}",
        "User-Agent: kube-probe/1.32",
        "Accept: */*",
        "Connection: close",
    ]
    assert server.requests[1][0] == "GET /?full=yes HTTP/1.1"


async def test_headers_add_to_and_replace_the_defaults() -> None:
    server = Answering(healthz=answer("200 OK"))
    headers = (
        *(("Host", "web.example"), ("user-agent", "mine/1"), ("Accept", "")),
        *(("X-Twice", "a"), ("X-Twice", "b")),
    )
    async with serving(server) as port:
        assert (await check(port, HttpCheck(path="healthz", headers=headers))).is_well
    assert server.requests == [
        [
            "GET /healthz HTTP/1.1",
            "Host: web.example",
            "user-agent: mine/1",
            *("X-Twice: a", "X-Twice: b"),
            "Connection: close",
        ]
    ]


async def test_redirects_on_the_same_host_are_followed() -> None:
    server = Answering(
        root=answer("302 Found", "", "Location: /there?a=b c"), there=answer("500 Oh")
    )
    async with serving(server) as port:
        result = await check(port, HttpCheck(headers=(("Host", "web.example"),)))
    assert result.message == "HTTP probe failed with statuscode: 500"
    assert server.requests[1][:2] == ["GET /there?a=b%20c HTTP/1.1", "Host: web.example"]


async def test_a_redirect_to_another_host_is_well_with_a_warning() -> None:
    moved = answer("301 Moved", "gone", "Location: http://elsewhere.example/")
    async with serving(Answering(root=moved)) as port:
        result = await check(port, HttpCheck())
    warning = "Probe terminated redirects, Response body: gone"
    assert result == CheckResult(True, warning, http_status=301)


async def test_endless_redirects_are_a_failure() -> None:
    server = Answering(root=answer("307 Round", "", "Location: /"))
    async with serving(server) as port:
        result = await check(port, HttpCheck())
    assert result == CheckResult(False, f'Get "http://{HOST}:{port}/": stopped after 10 redirects')
    assert len(server.requests) == 10


async def test_a_long_body_is_cut() -> None:
    async with serving(Answering(root=answer("300 Choose", "x" * 20_000))) as port:
        result = await check(port, HttpCheck())
    assert result.is_well
    assert result.message.count("x") == 10 * 1024


async def test_an_answer_that_does_not_come_in_time() -> None:
    async with serving(hang) as port:
        result = await check(port, HttpCheck(), SHORT_SECONDS)
    words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert result == CheckResult(False, f'Get "http://{HOST}:{port}/": {words}')


async def test_a_body_that_does_not_end_in_time() -> None:
    async def begin(stream: anyio.abc.ByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        await anyio.sleep_forever()

    async with serving(begin) as port:
        result = await check(port, HttpCheck(), SHORT_SECONDS)
    words = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
    assert result == CheckResult(False, words, http_status=200)


async def test_a_server_that_closes_at_once() -> None:
    async def close(stream: anyio.abc.ByteStream) -> None:
        await stream.receive()

    async with serving(close) as port:
        result = await check(port, HttpCheck())
    assert result == CheckResult(False, f'Get "http://{HOST}:{port}/": EOF')


async def test_what_is_no_http_is_a_failure() -> None:
    async with serving(Answering(root="220 smtp ready\n\n")) as port:
        result = await check(port, HttpCheck())
    assert not result.is_well
    assert "malformed HTTP response" in result.message


async def test_https_takes_any_certificate(tmp_path: Path) -> None:
    certificates = prepare_certificates(tmp_path, "other.example", SystemClock())
    context = certificates.server_context()
    server = Answering(root=answer("200 OK"))

    async def secured(stream: anyio.abc.ByteStream) -> None:
        await server(await TLSStream.wrap(stream, server_side=True, ssl_context=context))

    async with serving(secured) as port:
        assert (await check(port, HttpCheck(scheme="HTTPS"))).is_well


async def test_https_from_a_server_without_it() -> None:
    async def answer_plainly(stream: anyio.abc.ByteStream) -> None:
        await stream.receive()
        await stream.send(answer("400 Bad").encode())

    async with serving(answer_plainly) as port:
        result = await check(port, HttpCheck(scheme="https"))
    words = "http: server gave HTTP response to HTTPS client"
    assert result == CheckResult(False, f'Get "https://{HOST}:{port}/": {words}')


# gRPC.


@contextmanager
def health_server(statuses: dict[str, str]) -> Iterator[int]:
    """A gRPC server whose health service knows some services; the rest is not found, and one
    without a status hangs."""
    is_over = threading.Event()

    def check_health(
        request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in statuses:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        if not statuses[request.service]:
            is_over.wait(PATIENCE_SECONDS)
        return health_pb2.HealthCheckResponse(status=statuses[request.service] or "UNKNOWN")

    handler = grpc.unary_unary_rpc_method_handler(
        check_health,
        request_deserializer=health_pb2.HealthCheckRequest.FromString,
        response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
    )
    with ThreadPoolExecutor() as threads:
        server = grpc.server(threads)
        if statuses:
            methods = {"Check": handler}
            service = grpc.method_handlers_generic_handler("grpc.health.v1.Health", methods)
            server.add_generic_rpc_handlers((service,))
        port = server.add_insecure_port(f"{HOST}:0")
        server.start()
        yield port
        is_over.set()
        server.stop(None).wait()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_grpc_health() -> None:
    with health_server({"": "SERVING", "sick": "NOT_SERVING", "slow": ""}) as port:
        assert await check(port, GrpcCheck()) == CheckResult(True)
        sick = 'service unhealthy (responded with "NOT_SERVING")'
        assert await check(port, GrpcCheck("sick")) == CheckResult(False, sick)
        strange = await check(port, GrpcCheck("strange"))
        slow = await check(port, GrpcCheck("slow"), 0.5)
    error = "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
    assert strange == CheckResult(False, error)
    assert slow == CheckResult(False, "timeout: health rpc did not complete within 0.5s")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_grpc_without_a_health_service_or_a_server() -> None:
    with health_server({}) as port:
        unimplemented = await check(port, GrpcCheck())
    words = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
    assert not unimplemented.is_well
    assert unimplemented.message.startswith(f"error: {words}: ")
    refused = await check(closed := closed_port(), GrpcCheck(), SHORT_SECONDS)
    message = f'timeout: failed to connect service "{HOST}:{closed}" within 0.1s'
    assert refused == CheckResult(False, f"{message}: context deadline exceeded")


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_grpc_needs_asyncio() -> None:
    result = await check(closed_port(), GrpcCheck())
    assert result == CheckResult(False, "error: gRPC checks work on asyncio only")
