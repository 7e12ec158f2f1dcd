"""What 100,000 Pods in a store cost in memory while nobody caches them, against their size on disk.

Measured in a process of its own: it opens the store, reads each Pod once through the client's
`list`, page by page, and looks at what it holds afterwards.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio
import anyio.to_thread

from benches.harness import Benchmark, Figure, Samples
from kernel.api.client import Client
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.clock import SystemClock
from kernel.objects.container import Container
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.pod import Pod, PodSpec
from kernel.store.store import Store

PODS = 100_000
PAGE_PODS = 500
WRITERS = 64
ON_DISK = "on disk"


async def fill(directory: Path) -> None:
    """Make a store with the Pods."""
    clock = SystemClock()
    async with Store.open_writer(directory, clock=clock, durability="process") as store:
        client = LocalClient(ObjectApi(store, KindTable.core(), clock))
        await client.create(Namespace(metadata=ObjectMeta(name="default")))
        async with anyio.create_task_group() as tasks:
            for writer in range(WRITERS):
                tasks.start_soon(_create, client, range(writer, PODS, WRITERS))


async def _create(client: Client, numbers: range) -> None:
    for number in numbers:
        spec = PodSpec(containers=[Container(name="web", image="nginx", args=["-c", "x" * 200])])
        await client.create(Pod(metadata=ObjectMeta(name=f"pod-{number:06}"), spec=spec))


async def read(directory: Path) -> None:
    """Print by how many bytes this process has grown from before opening the store to after
    reading all of it."""
    before = _memory_bytes()
    async with Store.open_writer(directory, clock=SystemClock()) as store:
        client = LocalClient(ObjectApi(store, KindTable.core(), SystemClock()))
        token, seen = "", 0
        while True:
            page = await client.list(Pod, limit=PAGE_PODS, continue_token=token)
            seen += len(page)
            token = page.continue_token
            if not token:
                break
        del page
        assert seen == PODS
        after = _memory_bytes()
    growth = {name: after[name] - before[name] for name in before}
    print(json.dumps(growth))


def _memory_bytes() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon")}


def _measure() -> Samples:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        for step in ("fill", "read"):
            command = [sys.executable, "-m", "benches.store_memory", step, directory]
            done = subprocess.run(command, check=True, capture_output=True)
        growth = json.loads(done.stdout)
        on_disk = (Path(directory) / "log" / "data.mdb").stat().st_size
    return {
        ON_DISK: on_disk / 1e6,
        "resident memory, growth": growth["VmRSS"] / 1e6,
        "anonymous memory, growth": growth["RssAnon"] / 1e6,
    }


async def _sample() -> Samples:
    return await anyio.to_thread.run_sync(_measure)


BENCHMARKS = [
    Benchmark(
        name="store_memory",
        title="100,000 Pods in the store, all of them read once, none cached",
        figures=(
            Figure(ON_DISK, "MB"),
            Figure("resident memory, growth", "MB", ON_DISK, aim="at most 0.5 of it"),
            Figure("anonymous memory, growth", "MB", ON_DISK),
        ),
        sample=_sample,
        repeats=1,
    )
]

if __name__ == "__main__":
    anyio.run(fill if sys.argv[1] == "fill" else read, Path(sys.argv[2]))
