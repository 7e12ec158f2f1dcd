"""A log that is rotated while kubectl follows it, on runtimes that really write it."""

from pathlib import Path

import anyio
import pytest

from kernel import NodeLimits
from kernel.cri.choice import RuntimeName

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
        manifest = pod("talker", container(f"{TALK}; exit 0"), restartPolicy="Never")
        await kubectl("apply", "-f", "-", text=manifest)
        await kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/talker")
        followed = await kubectl("logs", "--follow", "talker")
        assert numbers(followed) == list(range(LINES))
        names = sorted(path.name for path in _logs(tmp_path / "data"))
        assert len(names) == 3
        assert names[0] == "0.log"
        assert names[1].endswith(".gz")
        assert not names[2].endswith(".gz")
        # Without following, the file that was written last is all there is.
        shown = numbers(await kubectl("logs", "talker"))
        assert 0 < len(shown) < LINES
        assert shown == list(range(shown[0], LINES))
        assert numbers(await kubectl("logs", "talker", "--tail=5")) == list(range(LINES))[-5:]
        await kubectl("delete", "pod", "talker")
        with anyio.fail_after(10):
            while _logs(tmp_path / "data"):  # noqa: ASYNC110 - files tell nobody
                await anyio.sleep(0.05)


def _logs(data_directory: Path) -> list[Path]:
    return list(data_directory.glob("pod-logs/*/main/*"))
