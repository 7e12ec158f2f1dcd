"""The process runtime on a full disk, for root, who can make a small one."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from kernel.cri.log_file import parse_entry
from kernel.cri.process import syscalls as system
from kernel.cri.runtime import ContainerState, Mount, RuntimeFailure, SandboxState
from tests.cri.process_machine import needs_root, open_runtime
from tests.cri.runtimes_under_test import RuntimeUnderTest
from tests.cri.trial import Trial, wait_for

pytestmark = [pytest.mark.anyio, needs_root, pytest.mark.root]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    directory = tmp_path / "disk"
    directory.mkdir()
    system.mount("tmpfs", str(directory), "tmpfs", 0, "size=256k")
    yield directory
    system.unmount(str(directory))


def fill(disk: Path) -> Path:
    """Leave no room; answers the file that takes it."""
    path = disk / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))
    return path


@pytest.fixture
async def on_small_disk(small_disk: Path, tmp_path: Path) -> AsyncIterator[Trial]:
    """The runtime's state is on the small disk."""
    under_test = RuntimeUnderTest(open=lambda: open_runtime(small_disk / "state"), image="busybox")
    trial = Trial(under_test, tmp_path)
    yield trial
    (small_disk / "filler").unlink(missing_ok=True)
    await trial.close()


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    """A directory that is shared with containers, as /srv."""
    directory = tmp_path / "flags"
    directory.mkdir()
    return directory


# Says when all that it has written was taken from its pipe.
_WRITER = """
import fcntl, os, pathlib, struct, termios, time
for number in range(50000): print("line", number)
print(end="", flush=True)
while struct.unpack("i", fcntl.ioctl(1, termios.FIONREAD, bytes(4)))[0]: time.sleep(0.02)
pathlib.Path("/srv/written").touch()
while not os.path.exists("/srv/go"): time.sleep(0.02)
print("last")
"""

WAIT_FOR_GO = "while [ ! -e /srv/go ]; do sleep 0.02; done"


async def test_a_full_disk_takes_log_lines_and_not_the_container(
    trial: Trial, small_disk: Path, flags: Path
) -> None:
    reserve = small_disk / "reserve"
    reserve.write_bytes(bytes(32 * 1024))
    sandbox_id = await trial.run_sandbox(log_directory=str(small_disk / "logs"))
    container_id = await trial.start(
        sandbox_id, (sys.executable, "-c", _WRITER), mounts=(Mount(str(flags), "/srv"),)
    )

    async def written() -> bool | None:
        return (flags / "written").exists() or None

    await wait_for(written)
    container = await trial.runtime.container_status(container_id)
    assert container.state is ContainerState.RUNNING
    # Half an entry may stand at the end when there is room again.
    reserve.unlink()
    (flags / "go").touch()
    assert (await trial.exited(container_id)).exit_code == 0
    log = await anyio.Path(container.log_path).read_bytes()
    last = parse_entry(log.splitlines()[-1])
    assert last is not None
    assert last.content == b"last"


async def test_on_a_full_disk_an_end_is_known_and_a_start_can_be_tried_again(
    on_small_disk: Trial, small_disk: Path, flags: Path
) -> None:
    trial = on_small_disk
    sandbox_id = await trial.run_sandbox()
    mounts = (Mount(str(flags), "/srv"),)
    ends = await trial.shell(sandbox_id, f"{WAIT_FOR_GO}; exit 7", "ends", mounts=mounts)
    later = await trial.create(sandbox_id, ("sh", "-c", "exit 5"), "later")
    filler = fill(small_disk)
    (flags / "go").touch()
    assert (await trial.exited(ends)).exit_code == 7
    with pytest.raises(RuntimeFailure, match="No space left"):
        await trial.runtime.start_container(later)
    assert (await trial.runtime.container_status(later)).state is ContainerState.CREATED
    with pytest.raises(RuntimeFailure, match="could not be made"):
        await trial.create(sandbox_id, ("true",), "another")
    assert (await trial.runtime.sandbox_status(sandbox_id)).state is SandboxState.READY
    filler.unlink()
    await trial.runtime.start_container(later)
    assert (await trial.exited(later)).exit_code == 5
    await trial.exited(await trial.start(sandbox_id, ("true",), "another"))
