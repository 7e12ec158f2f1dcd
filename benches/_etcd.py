"""An etcd on loopback with its own data directory, and as many clients as are wanted.

The load comes over gRPC with the messages written by hand (a put is two fields), so that it costs
as little as it can: no generated code, no JSON.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import anyio
import grpc
import grpc.aio

from benches._floors import VALUE

PUTS = 5000
READY_SECONDS_MAX = 20
_PUT = "/etcdserverpb.KV/Put"


def missing_for_etcd() -> str:
    """Why etcd can't be measured here; "" if it can."""
    return "" if shutil.which("etcd") else "there is no etcd on the PATH (Debian: etcd-server)"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _put_request(key: bytes) -> bytes:
    """Field 1: key, field 2: value; both are bytes with a length."""
    size = len(VALUE)
    value_size = bytes([size & 0x7F | 0x80, size >> 7])
    return b"".join((b"\x0a", bytes([len(key)]), key, b"\x12", value_size, VALUE))


async def puts_per_second(clients: int) -> float:
    """Durable puts of clients that each wait for their answer."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
        command = ["etcd", "--data-dir", directory, "--log-level", "error"]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", f"default={peer}"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                return await _load(client.removeprefix("http://"), clients)
            finally:
                process.terminate()


async def _load(address: str, clients: int) -> float:
    channels = [
        grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(min(clients, 8))
    ]
    calls = [channel.unary_unary(_PUT, None, None) for channel in channels]
    await calls[0](_put_request(b"ready"), wait_for_ready=True, timeout=READY_SECONDS_MAX)

    async def put(number: int) -> None:
        call = calls[number % len(calls)]
        for count in range(PUTS // clients):
            await call(_put_request(b"/registry/%d-%d" % (number, count)))

    started_at = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for number in range(clients):
            tasks.start_soon(put, number)
    elapsed = time.perf_counter() - started_at
    for channel in channels:
        await channel.close(None)
    return PUTS // clients * clients / elapsed
