"""Many watchers over HTTP, against a bare event loop that writes as many bytes to as many sockets.

All watchers are in this process, on the other core, and look at no more of what they receive than
how much it is. The ratios of CPU time compare the servers alone.
"""

import asyncio
import resource
import time

import msgspec

from benches._http import Connection, Server, running_bare_server, running_server
from benches._process import cpu_seconds, memory_megabytes
from benches.harness import Benchmark, Figure, Samples, percentile

WATCHERS = 1000
EVENTS = 50
WRITERS = 16
EVENTS_A_WRITER = 8
IDLE_WATCHERS = 2000
COLLECTION = "/api/v1/namespaces/default/configmaps"
BARE, SINGLE, BURST = "bare uvloop, writes (floor)", "one event at a time", "16 writers"


class Received(asyncio.Protocol):
    """One watcher's socket, which counts the bytes after the head of the answer."""

    def __init__(self, watchers: "Watchers"):
        self._watchers = watchers
        self.bytes = 0

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self._watchers.total_bytes += len(data)
        self._watchers.received.set()


class Watchers:
    """Sockets that a server writes to."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self.received = asyncio.Event()
        self.protocols: list[Received] = []
        self.transports: list[asyncio.WriteTransport] = []

    async def open(self, server: Server, count: int, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            transport, protocol = await loop.create_connection(
                lambda: Received(self), server.host, server.port
            )
            transport.write(request)
            self.transports.append(transport)
            self.protocols.append(protocol)
        if request:
            while not all(protocol.bytes for protocol in self.protocols):
                await self._more()
        self.forget()

    def forget(self) -> None:
        """Count anew."""
        self.total_bytes = 0
        for protocol in self.protocols:
            protocol.bytes = 0

    async def wait_for(self, size_bytes: int) -> None:
        """Return once all together have received so much."""
        while self.total_bytes < size_bytes:
            await self._more()

    async def message_bytes(self) -> int:
        """How large the one message is that all receive."""
        while len(sizes := {protocol.bytes for protocol in self.protocols}) > 1 or sizes == {0}:
            await self._more()
        return sizes.pop()

    async def _more(self) -> None:
        self.received.clear()
        await self.received.wait()

    def close(self) -> None:
        for transport in self.transports:
            transport.close()


def _watch(server: Server, revision: str) -> bytes:
    connection = f"Host: {server.host}\r\nAuthorization: Bearer {server.token}\r\n"
    path = f"{COLLECTION}?watch=1&resourceVersion={revision}"
    return f"GET {path} HTTP/1.1\r\n{connection}\r\n".encode()


def _config_map(name: str, at: str) -> bytes:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return msgspec.json.encode(document | {"data": {"at": at.ljust(20, "0")}})


class Updates:
    """Objects that writers change again and again."""

    def __init__(self, writers: list[Connection]):
        self._writers = writers
        self.revision = ""

    async def create(self) -> None:
        for number, writer in enumerate(self._writers):
            body = _config_map(f"c-{number:02}", "0")
            status, answer = await writer.request("POST", COLLECTION, body)
            assert status == 201, answer
            self.revision = msgspec.json.decode(answer)["metadata"]["resourceVersion"]

    async def update(self, number: int) -> None:
        body = _config_map(f"c-{number:02}", repr(time.perf_counter())[:20])
        path = f"{COLLECTION}/c-{number:02}"
        status, answer = await self._writers[number].request("PUT", path, body)
        assert status == 200, answer


async def _bare(message_bytes: int) -> Samples:
    """Writes per second, and the CPU time of one."""
    async with running_bare_server("fan-out") as server:
        watchers = Watchers()
        await watchers.open(server, WATCHERS, b"")
        used_before, started_at = cpu_seconds(server.pid), time.perf_counter()
        watchers.transports[0].write(b"%d %d\n" % (EVENTS, message_bytes))
        await watchers.wait_for(WATCHERS * EVENTS * message_bytes)
        elapsed = time.perf_counter() - started_at
        used = cpu_seconds(server.pid) - used_before
        watchers.close()
    deliveries = WATCHERS * EVENTS
    return {BARE: deliveries / elapsed, f"{BARE}, CPU": used / deliveries * 1e6}


async def _fan_out() -> Samples:
    async with running_server(durability="process", tls=False) as server:
        writers = [await Connection.open(server) for _ in range(WRITERS)]
        updates = Updates(writers)
        await updates.create()
        watchers = Watchers()
        await watchers.open(server, WATCHERS, _watch(server, updates.revision))
        await updates.update(0)
        message_bytes = await watchers.message_bytes()
        samples = {
            **await _measure_single(server, watchers, updates, message_bytes),
            **await _measure_burst(server, watchers, updates, message_bytes),
        }
        watchers.close()
        for writer in writers:
            writer.close()
    return samples | dict(await _bare(message_bytes))


async def _measure_single(
    server: Server, watchers: Watchers, updates: Updates, message_bytes: int
) -> Samples:
    lags = []
    used_before, started_at = cpu_seconds(server.pid), time.perf_counter()
    for _ in range(EVENTS):
        watchers.forget()
        sent_at = time.perf_counter()
        await updates.update(0)
        await watchers.wait_for(WATCHERS * message_bytes)
        lags.append(time.perf_counter() - sent_at)
    return {
        **_rates(SINGLE, server, used_before, started_at, EVENTS),
        f"{SINGLE}, the last watcher has it, p99": percentile(lags, 0.99) * 1e3,
    }


async def _measure_burst(
    server: Server, watchers: Watchers, updates: Updates, message_bytes: int
) -> Samples:
    async def write(number: int) -> None:
        for _ in range(EVENTS_A_WRITER):
            await updates.update(number)

    watchers.forget()
    events = EVENTS_A_WRITER * WRITERS
    used_before, started_at = cpu_seconds(server.pid), time.perf_counter()
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    await watchers.wait_for(WATCHERS * events * message_bytes)
    return _rates(BURST, server, used_before, started_at, events)


def _rates(
    name: str, server: Server, used_before: float, started_at: float, events: int
) -> Samples:
    elapsed, deliveries = time.perf_counter() - started_at, WATCHERS * events
    used = cpu_seconds(server.pid) - used_before
    return {name: deliveries / elapsed, f"{name}, CPU": used / deliveries * 1e6}


async def _idle() -> Samples:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with running_server(durability="process", tls=False) as server:
        empty = memory_megabytes(server.pid)
        watchers = Watchers()
        started_at = time.perf_counter()
        await watchers.open(server, IDLE_WATCHERS, _watch(server, "0"))
        opened = time.perf_counter() - started_at
        await asyncio.sleep(1)
        full = memory_megabytes(server.pid)
        used_before = cpu_seconds(server.pid)
        await asyncio.sleep(3)
        used = cpu_seconds(server.pid) - used_before
        watchers.close()
    scale = 10_000 / IDLE_WATCHERS
    return {
        "opened": IDLE_WATCHERS / opened,
        "resident memory for 10,000": (full["VmRSS"] - empty["VmRSS"]) * scale,
        "resident memory, server and 10,000": empty["VmRSS"]
        + (full["VmRSS"] - empty["VmRSS"]) * scale,
        "CPU while idle": used / 3 * 100,
    }


def _figures() -> tuple[Figure, ...]:
    return (
        Figure(BARE, "1/s"),
        Figure(f"{BARE}, CPU", "µs"),
        Figure(SINGLE, "1/s", BARE, aim="0.7 of it"),
        Figure(f"{SINGLE}, CPU", "µs", f"{BARE}, CPU"),
        Figure(f"{SINGLE}, the last watcher has it, p99", "ms", aim="10 ms"),
        Figure(BURST, "1/s", BARE, aim="1.5 of it"),
        Figure(f"{BURST}, CPU", "µs", f"{BARE}, CPU"),
    )


BENCHMARKS = [
    Benchmark(
        name="http_watches_fan_out",
        title=f"one object's changes to {WATCHERS} watchers over HTTP",
        figures=_figures(),
        sample=_fan_out,
        repeats=3,
    ),
    Benchmark(
        name="http_watches_idle",
        title=f"watchers that wait ({IDLE_WATCHERS}, told for 10,000)",
        figures=(
            Figure("opened", "1/s"),
            Figure("resident memory for 10,000", "MB"),
            Figure("resident memory, server and 10,000", "MB", aim="200 MB"),
            Figure("CPU while idle", "%"),
        ),
        sample=_idle,
        repeats=1,
    ),
]
