"""How many watchers one change reaches, how fast: in process and over HTTP.

Each write carries the moment at which it was sent; the lag of a delivery is the time from there to
the moment at which a watcher has it, so it includes the write itself.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import msgspec

from benches._http import Connection, Server, running_server
from benches.harness import Benchmark, Figure, Samples, percentile
from kernel import ConfigMap, Kernel, ObjectMeta

WATCHERS = (1, 100, 1000)
DELIVERIES_AIMED = 40_000
COLLECTION = "/api/v1/namespaces/default/configmaps"


def _writes(watchers: int) -> int:
    return min(max(DELIVERIES_AIMED // watchers, 40), 2000)


class Tally:
    """What the watchers of one run have received."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.last_at = 0.0

    def received(self, sent_at: float) -> None:
        self.last_at = time.perf_counter()
        self.lags.append(self.last_at - sent_at)


async def _in_process(watchers: int) -> tuple[float, Tally]:
    """Deliveries per second, and the tally."""
    writes = _writes(watchers)
    tally = Tally()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        async with Kernel.open(directory, runtime=None, durability="process") as kernel:
            client = kernel.client
            obj = await client.create(ConfigMap(metadata=ObjectMeta(name="one"), data={"at": "0"}))
            start = int(obj.metadata.resource_version)

            async def watch(*, task_status: anyio.abc.TaskStatus[None]) -> None:
                seen = 0
                async with client.watch(ConfigMap, from_revision=start) as events:
                    task_status.started()
                    async for event in events:
                        tally.received(float(event.object.data["at"]))
                        seen += 1
                        if seen == writes:
                            return

            async with anyio.create_task_group() as tasks:
                for _ in range(watchers):
                    await tasks.start(watch)
                started_at = time.perf_counter()
                for _ in range(writes):
                    obj.data = {"at": repr(time.perf_counter())}
                    obj = await client.update(obj)
                    await anyio.lowlevel.checkpoint()
    return len(tally.lags) / (tally.last_at - started_at), tally


async def _watch_http(server: Server, revision: str, writes: int, tally: Tally) -> Connection:
    connection = await Connection.open(server)
    connection.send("GET", f"{COLLECTION}?watch=true&resourceVersion={revision}")
    status, _ = await connection.receive_head()
    assert status == 200
    return connection


async def _drain(connection: Connection, writes: int, tally: Tally) -> None:
    for _ in range(writes):
        line = await connection.read_line()
        event = msgspec.json.decode(line)
        tally.received(float(event["object"]["data"]["at"]))
    connection.close()


async def _over_http(watchers: int) -> tuple[float, Tally]:
    writes = _writes(watchers)
    tally = Tally()
    async with running_server(durability="process", tls=False) as server:
        writer = await Connection.open(server)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {}}
        status, answer = await writer.request("POST", COLLECTION, msgspec.json.encode(body))
        assert status == 201, answer
        revision = msgspec.json.decode(answer)["metadata"]["resourceVersion"]
        connections = await asyncio.gather(
            *(_watch_http(server, revision, writes, tally) for _ in range(watchers))
        )
        drains = [asyncio.create_task(_drain(one, writes, tally)) for one in connections]
        started_at = time.perf_counter()
        for _ in range(writes):
            update = body | {"data": {"at": repr(time.perf_counter())}}
            status, answer = await writer.request(
                "PUT", f"{COLLECTION}/one", msgspec.json.encode(update)
            )
            assert status == 200, answer
        await asyncio.gather(*drains)
        writer.close()
    return len(tally.lags) / (tally.last_at - started_at), tally


def _sampler(
    measure: Callable[[int], Awaitable[tuple[float, Tally]]],
) -> Callable[[], Awaitable[Samples]]:
    async def sample() -> Samples:
        samples: dict[str, float] = {}
        for watchers in WATCHERS:
            rate, tally = await measure(watchers)
            samples[f"{watchers} watchers"] = rate
            samples[f"{watchers} watchers, lag p50"] = percentile(tally.lags, 0.5) * 1e3
            samples[f"{watchers} watchers, lag p99"] = percentile(tally.lags, 0.99) * 1e3
        return samples

    return sample


def _figures() -> tuple[Figure, ...]:
    return tuple(
        figure
        for watchers in WATCHERS
        for figure in (
            Figure(f"{watchers} watchers", "1/s"),
            Figure(f"{watchers} watchers, lag p50", "ms"),
            Figure(f"{watchers} watchers, lag p99", "ms"),
        )
    )


BENCHMARKS = [
    Benchmark(
        name="watch_fan_out_in_process",
        title="deliveries of one object's changes to watchers in the same process",
        figures=_figures(),
        sample=_sampler(_in_process),
        repeats=3,
    ),
    Benchmark(
        name="watch_fan_out_http",
        title="the same over HTTP; all watchers in one client process on the other core",
        figures=_figures(),
        sample=_sampler(_over_http),
        repeats=3,
    ),
]
