"""What the libraries can do with no Kubernetes in between: the floor of the HTTP benchmarks.

    python -m benches._bare_server DIRECTORY creates     JSON in, LMDB in groups, JSON out (aiohttp)
    python -m benches._bare_server DIRECTORY fan-out     what it is told is written to every socket

Prints one JSON line when ready, and ends with its standard input.
"""

import asyncio
import json
import os
import sys
import threading
from queue import SimpleQueue
from typing import Any, cast

import lmdb
import msgspec
import uvloop
from aiohttp import web

Stored = tuple[bytes, bytes, "asyncio.Future[None]"]


class GroupCommit:
    """Puts what waits in one synced transaction, on a thread of its own."""

    def __init__(self, directory: str):
        self._environment = lmdb.open(directory, map_size=2**32)
        self._queue: SimpleQueue[Stored] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, daemon=True).start()

    async def put(self, key: bytes, value: bytes) -> None:
        done = self._loop.create_future()
        self._queue.put((key, value, done))
        await done

    def _run(self) -> None:
        while True:
            group = [self._queue.get()]
            while not self._queue.empty():
                group.append(self._queue.get())
            with self._environment.begin(write=True) as transaction:
                for key, value, _ in group:
                    transaction.put(key, value)
            self._loop.call_soon_threadsafe(_finish, group)


def _finish(group: list[Stored]) -> None:
    for _, _, done in group:
        done.set_result(None)


async def _serve_creates(directory: str) -> int:
    log = GroupCommit(directory)

    async def create(request: web.BaseRequest) -> web.StreamResponse:
        document: dict[str, Any] = msgspec.json.decode(await request.read())
        value = msgspec.json.encode(document)
        await log.put(document["metadata"]["name"].encode(), value)
        return web.Response(body=value, status=201, content_type="application/json")

    server = web.Server(create, access_log=None)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    return int(listener.sockets[0].getsockname()[1])


class _Written(asyncio.Protocol):
    """A socket; a line `COUNT SIZE` on any has that many messages written to all of them."""

    transports: list[asyncio.WriteTransport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transports.append(cast(asyncio.WriteTransport, transport))

    def data_received(self, data: bytes) -> None:
        count, size = data.split()
        self._task = asyncio.get_running_loop().create_task(_write_all(int(count), int(size)))


async def _write_all(count: int, size: int) -> None:
    message = b"x" * size
    for _ in range(count):
        for transport in _Written.transports:
            transport.write(message)
        await asyncio.sleep(0)


async def _serve_fan_out() -> int:
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(_Written, "127.0.0.1", 0, backlog=2048)
    return int(listener.sockets[0].getsockname()[1])


async def main(directory: str, purpose: str) -> None:
    """Serve until nobody holds our standard input open any more."""
    port = await (_serve_creates(directory) if purpose == "creates" else _serve_fan_out())
    ready = {"host": "127.0.0.1", "port": port, "token": "", "pid": os.getpid()}
    print(json.dumps(ready), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
