"""A log that is rotated while kubectl follows it, on runtimes that really write it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from kernel import NodeLimits
from kernel.cri.choice import RuntimeName
from kernel.cri.rotated_logs import rotated_name

from .embedded import embedded_kernel
from .manifests import container, pod

pytestmark = [pytest.mark.kubectl, pytest.mark.anyio]

LINES = 5000
LIMITS = NodeLimits(
    container_log_bytes_max=64 << 10,
    container_log_files_max=3,
    container_log_check_seconds=0.1,
    image_gc_high_threshold_percent=100,
)
# About 90 bytes a line in the log, 180 kB a second.
TALK = f"""i=0; while [ $i -lt {LINES} ]; do
  echo "line $i of a container that has much to say"; i=$((i+1))
  until [ -e /gate/open ]; do sleep 0.02; done
  [ $((i % 100)) -ne 0 ] || sleep 0.05
done"""


@pytest.fixture
def anyio_backend() -> str:
    """The API server needs asyncio."""
    return "asyncio"


def numbers(output: str) -> list[int]:
    return [int(line.split()[1]) for line in output.splitlines()]


async def test_a_follower_misses_nothing_and_sees_nothing_twice(
    runtime: tuple[RuntimeName, str], tmp_path: Path
) -> None:
    name, socket = runtime
    async with embedded_kernel(
        tmp_path / "data", runtime=name, containerd_socket=socket, node_limits=LIMITS
    ) as kubectl:
        gate = tmp_path / "gate"
        gate.mkdir()
        talker = container(f"{TALK}; exit 0", volumeMounts=[{"name": "gate", "mountPath": "/gate"}])
        volumes = [{"name": "gate", "hostPath": {"path": str(gate)}}]
        manifest = pod("talker", talker, volumes=volumes, restartPolicy="Never")
        await kubectl("apply", "-f", "-", text=manifest)
        await kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/talker")
        # Whoever begins to follow after a rotation does not see what was before it.
        async with await anyio.open_process(
            kubectl.command("logs", "--follow", "talker")
        ) as follower:
            assert follower.stdout is not None
            followed = await follower.stdout.receive()
            (gate / "open").touch()
            async for chunk in follower.stdout:
                followed += chunk
        assert numbers(followed.decode()) == list(range(LINES))
        names = sorted(path.name for path in _logs(tmp_path / "data"))
        assert len(names) == 3
        assert names[0] == "0.log"
        assert names[1].endswith(".gz")
        assert not names[2].endswith(".gz")
        # Without following, the file that was written last is all there is.
        shown = numbers(await kubectl("logs", "talker"))
        assert len(shown) < LINES
        assert shown == list(range(LINES - len(shown), LINES))
        assert numbers(await kubectl("logs", "talker", "--tail=5")) == shown[-5:]
        await kubectl("delete", "pod", "talker")
        with anyio.fail_after(10):
            while _logs(tmp_path / "data"):  # noqa: ASYNC110 - files tell nobody
                await anyio.sleep(0.05)


def _logs(data_directory: Path) -> list[Path]:
    return list(data_directory.glob("pod-logs/*/main/*"))


async def test_killed_between_moving_a_log_and_opening_the_next(
    runtime: tuple[RuntimeName, str], tmp_path: Path
) -> None:
    name, socket = runtime
    options: Any = {"runtime": name, "containerd_socket": socket, "node_limits": LIMITS}
    async with embedded_kernel(tmp_path / "data", on_exit="keep", **options) as kubectl:
        endless = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.02; done"
        await kubectl("apply", "-f", "-", text=pod("ticker", container(endless)))
        await kubectl("wait", "--for=condition=Ready", "pod/ticker")
    (log,) = _logs(tmp_path / "data")
    moved = rotated_name(log, datetime(2026, 1, 1, tzinfo=UTC))
    log.rename(moved)
    async with embedded_kernel(tmp_path / "data", **options) as kubectl:
        with anyio.fail_after(20):
            while not (log.exists() and log.stat().st_size):  # noqa: ASYNC110 - as above
                await anyio.sleep(0.05)
        written = [*_numbers_in(moved), *_numbers_in(log)]
        assert written == list(range(len(written)))
        assert numbers(await kubectl("logs", "ticker"))[0] > 0
        await kubectl("delete", "pod", "ticker", "--now")


def _numbers_in(log: Path) -> list[int]:
    """Of the whole lines of a log file, which start with a time, a stream and a tag."""
    *whole, _ = log.read_text().split("\n")
    return [int(line.split()[4]) for line in whole]
