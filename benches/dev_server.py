"""`podkernel dev --runtime simulated`: from exec to ready, and what it holds when idle."""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
import anyio.to_thread

from benches._process import cpu_seconds, memory_megabytes
from benches.harness import Benchmark, Figure, Samples

IDLE_SECONDS = 3.0
FLOOR = "python -c pass (floor)"


def _start_and_look() -> Samples:
    started_at = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    floor = time.perf_counter() - started_at
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        command = [str(Path(sys.executable).with_name("podkernel")), "dev"]
        options = ["--runtime", "simulated", "--listen", "127.0.0.1:0", "--data-dir", directory]
        started_at = time.perf_counter()
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            ready = time.perf_counter() - started_at
            assert line.startswith(b"ready https://"), line
            used_before = cpu_seconds(process.pid)
            time.sleep(IDLE_SECONDS)
            cpu = (cpu_seconds(process.pid) - used_before) / IDLE_SECONDS
            memory = memory_megabytes(process.pid)
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
    return {
        FLOOR: floor * 1e3,
        "exec to ready, new data directory": ready * 1e3,
        "idle, resident memory": memory["VmRSS"],
        "idle, anonymous memory": memory["RssAnon"],
        "idle, CPU": cpu * 100,
    }


async def _sample() -> Samples:
    return await anyio.to_thread.run_sync(_start_and_look)


BENCHMARKS = [
    Benchmark(
        name="dev_server",
        title="podkernel dev --runtime simulated",
        figures=(
            Figure(FLOOR, "ms"),
            Figure("exec to ready, new data directory", "ms", FLOOR, aim="under 300 ms"),
            Figure("idle, resident memory", "MB", aim="under 60 MB"),
            Figure("idle, anonymous memory", "MB"),
            Figure("idle, CPU", "%", aim="under 0.2 %"),
        ),
        sample=_sample,
    )
]
