"""Durable creates and reads over HTTPS, from one connection and from 16."""

import asyncio
import time

import msgspec

from benches._floors import synced_puts_per_second
from benches._http import Connection, Server, running_server
from benches.harness import Benchmark, Figure, Samples, percentile

CREATES = 800
PATH = "/api/v1/namespaces/default/configmaps"
FLOOR = "bare LMDB, one put and one fsync (floor)"


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


async def _creates_per_second(server: Server, connections: int, start: int) -> tuple[float, float]:
    """Creates per second, and the median latency in seconds."""
    latencies: list[float] = []
    share = CREATES // connections
    started_at = time.perf_counter()
    await asyncio.gather(
        *(_create(server, start + n * share, share, latencies) for n in range(connections))
    )
    elapsed = time.perf_counter() - started_at
    return len(latencies) / elapsed, percentile(latencies, 0.5)


async def _get_seconds(server: Server) -> float:
    connection = await Connection.open(server)
    latencies = []
    for _ in range(CREATES):
        sent_at = time.perf_counter()
        status, _ = await connection.request("GET", f"{PATH}/c-0")
        latencies.append(time.perf_counter() - sent_at)
        assert status == 200
    connection.close()
    return percentile(latencies, 0.5)


async def _sample() -> Samples:
    floor = await asyncio.to_thread(synced_puts_per_second, CREATES)
    async with running_server() as server:
        one, latency = await _creates_per_second(server, 1, 0)
        sixteen, _ = await _creates_per_second(server, 16, CREATES)
        get = await _get_seconds(server)
    return {
        FLOOR: floor,
        "creates, 1 connection": one,
        "creates, 1 connection, p50": latency * 1e3,
        "creates, 16 connections": sixteen,
        "get, 1 connection, p50": get * 1e3,
    }


BENCHMARKS = [
    Benchmark(
        name="http_creates",
        title="ConfigMaps over HTTPS, every create on disk before it is answered",
        figures=(
            Figure(FLOOR, "1/s"),
            Figure("creates, 1 connection", "1/s", FLOOR, aim="2,750"),
            Figure("creates, 1 connection, p50", "ms"),
            Figure("creates, 16 connections", "1/s", FLOOR, aim="8,190"),
            Figure("get, 1 connection, p50", "ms", aim="under 0.28 ms"),
        ),
        sample=_sample,
        repeats=3,
    )
]
