"""A list of 5,000 objects over HTTP, and what the server adds to kubectl's own time."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import msgspec

from benches._http import Connection, Server, running_server
from benches._process import cpu_seconds
from benches.harness import Benchmark, Figure, Samples, percentile

OBJECTS = 5000
LISTS = 20
KUBECTL_RUNS = 5
COLLECTION = "/api/v1/namespaces/default/configmaps"
CLIENT_ALONE = "kubectl version --client (floor), p50"


def _config_map(name: str) -> bytes:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return msgspec.json.encode(document | {"data": {"key": "x" * 280}})


async def _list() -> Samples:
    async with running_server(durability="process", tls=False) as server:
        connection = await Connection.open(server)
        for number in range(OBJECTS):
            status, answer = await connection.request(
                "POST", COLLECTION, _config_map(f"c-{number}")
            )
            assert status == 201, answer
        seconds = []
        used_before = cpu_seconds(server.pid)
        for _ in range(LISTS):
            sent_at = time.perf_counter()
            status, answer = await connection.request("GET", COLLECTION)
            seconds.append(time.perf_counter() - sent_at)
            assert status == 200
        used = cpu_seconds(server.pid) - used_before
        connection.close()
    return {
        "size": len(answer) / 1e6,
        "list, p50": percentile(seconds, 0.5) * 1e3,
        "list, CPU": used / LISTS * 1e3,
    }


def _run_seconds(command: list[str], environment: dict[str, str]) -> float:
    started_at = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started_at


def _kubectl(server: Server, kubectl: str) -> Samples:
    alone, asked = [], []
    url = f"https://{server.host}:{server.port}"
    options = [f"--server={url}", f"--token={server.token}", "--insecure-skip-tls-verify"]
    for _ in range(KUBECTL_RUNS):
        with tempfile.TemporaryDirectory() as home:  # so that nothing is cached
            environment = {"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": os.devnull}
            alone.append(_run_seconds([kubectl, "version", "--client"], environment))
            asked.append(_run_seconds([kubectl, *options, "get", "pods"], environment))
    return {
        CLIENT_ALONE: percentile(alone, 0.5) * 1e3,
        "cold kubectl get pods, p50": percentile(asked, 0.5) * 1e3,
        "added by asking, p50": (percentile(asked, 0.5) - percentile(alone, 0.5)) * 1e3,
    }


async def _ask_by_kubectl() -> Samples:
    kubectl = shutil.which("kubectl")
    assert kubectl is not None
    async with running_server() as server:
        return await asyncio.to_thread(_kubectl, server, str(Path(kubectl)))


BENCHMARKS = [
    Benchmark(
        name="http_reads_list",
        title="5,000 ConfigMaps in one list over HTTP",
        figures=(
            Figure("size", "MB"),
            Figure("list, p50", "ms", aim="10 ms"),
            Figure("list, CPU", "ms"),
        ),
        sample=_list,
        repeats=3,
    )
]

if shutil.which("kubectl"):
    BENCHMARKS.append(
        Benchmark(
            name="http_reads_kubectl",
            title="cold kubectl get pods over HTTPS, discovery included",
            figures=(
                Figure(CLIENT_ALONE, "ms"),
                Figure("cold kubectl get pods, p50", "ms", CLIENT_ALONE),
                Figure("added by asking, p50", "ms", aim="20 ms"),
            ),
            sample=_ask_by_kubectl,
            repeats=3,
        )
    )
