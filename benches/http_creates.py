"""Durable creates and reads over HTTP, from one connection and from 16, with TLS and without.

CPU is the server's alone, all its threads in user and kernel mode: it says the same on a machine
that does other things beside.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from benches._floors import synced_puts_per_second
from benches._http import Connection, Server, running_bare_server, running_server
from benches._process import cpu_seconds
from benches.harness import Benchmark, Figure, Samples, percentile

CREATES = 800
PATH = "/api/v1/namespaces/default/configmaps"
FLOOR = "bare LMDB, one put and one fsync (floor)"
BARE_ONE = "bare aiohttp with group commit, plain (floor), 1 connection"
BARE_SIXTEEN = "bare aiohttp with group commit, plain (floor), 16 connections"
ONE, SIXTEEN = "creates, 1 connection", "creates, 16 connections"


def _config_map(name: str) -> bytes:
    return msgspec.json.encode(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {"app": "bench"}},
            "data": {"key": "x" * 200},
        }
    )


async def _create(server: Server, start: int, count: int, latencies: list[float]) -> None:
    connection = await Connection.open(server)
    for number in range(start, start + count):
        sent_at = time.perf_counter()
        status, body = await connection.request("POST", PATH, _config_map(f"c-{number}"))
        latencies.append(time.perf_counter() - sent_at)
        assert status == 201, body
    connection.close()


async def _creates(name: str, server: Server, connections: int, start: int) -> Samples:
    """Creates per second, the median latency, and the server's CPU time for one."""
    latencies: list[float] = []
    share = CREATES // connections
    used_before, started_at = cpu_seconds(server.pid), time.perf_counter()
    await asyncio.gather(
        *(_create(server, start + n * share, share, latencies) for n in range(connections))
    )
    elapsed = time.perf_counter() - started_at
    used = cpu_seconds(server.pid) - used_before
    return {
        name: len(latencies) / elapsed,
        f"{name}, p50": percentile(latencies, 0.5) * 1e3,
        f"{name}, CPU": used / len(latencies) * 1e6,
    }


async def _gets(server: Server) -> Samples:
    connection = await Connection.open(server)
    latencies = []
    used_before = cpu_seconds(server.pid)
    for _ in range(CREATES):
        sent_at = time.perf_counter()
        status, _ = await connection.request("GET", f"{PATH}/c-0")
        latencies.append(time.perf_counter() - sent_at)
        assert status == 200
    used = cpu_seconds(server.pid) - used_before
    connection.close()
    return {
        "get, 1 connection, p50": percentile(latencies, 0.5) * 1e3,
        "get, 1 connection, CPU": used / CREATES * 1e6,
    }


def _sampler(*, tls: bool) -> Callable[[], Awaitable[Samples]]:
    async def sample() -> Samples:
        samples = {FLOOR: await asyncio.to_thread(synced_puts_per_second, CREATES)}
        async with running_bare_server("creates") as bare:
            samples |= await _creates(BARE_ONE, bare, 1, 0)
            samples |= await _creates(BARE_SIXTEEN, bare, 16, CREATES)
        async with running_server(tls=tls) as server:
            samples |= await _creates(ONE, server, 1, 0)
            samples |= await _creates(SIXTEEN, server, 16, CREATES)
            samples |= await _gets(server)
        return samples

    return sample


FIGURES = (
    Figure(FLOOR, "1/s"),
    Figure(BARE_ONE, "1/s"),
    Figure(BARE_SIXTEEN, "1/s"),
    Figure(ONE, "1/s", BARE_ONE, aim="1,800"),
    Figure(f"{ONE}, p50", "ms"),
    Figure(f"{ONE}, CPU", "µs", f"{BARE_ONE}, CPU"),
    Figure(SIXTEEN, "1/s", BARE_SIXTEEN, aim="9,000"),
    Figure(f"{SIXTEEN}, CPU", "µs", f"{BARE_SIXTEEN}, CPU"),
    Figure("get, 1 connection, p50", "ms", aim="under 0.25 ms"),
    Figure("get, 1 connection, CPU", "µs"),
)

BENCHMARKS = [
    Benchmark(
        name="http_creates",
        title="ConfigMaps over HTTPS, every create on disk before it is answered",
        figures=FIGURES,
        sample=_sampler(tls=True),
        repeats=3,
    ),
    Benchmark(
        name="http_creates_plain",
        title="the same over plain HTTP",
        figures=FIGURES,
        sample=_sampler(tls=False),
        repeats=3,
    ),
]
