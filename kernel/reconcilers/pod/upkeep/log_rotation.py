"""Container logs that have grown too large are moved aside, as the kubelet does it
(https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation).

1. Every few seconds the files below the logs' directory are looked at; no call to the runtime.
2. Of what a full one was moved aside to before, the oldest go, and plain ones are compressed.
3. It is moved aside itself, and the runtime opens a new file at its place.

Killed between the two parts of step 3, a container writes on to the file that was moved aside; the
next look finds no file at its place, and lets the runtime open one.
"""

import gzip
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from kernel.clock import now_datetime
from kernel.control.reconciler import Trigger
from kernel.cri import runtime as cri
from kernel.cri.rotated_logs import COMPRESSED, UNFINISHED, rotated_logs, rotated_name
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.observe import pod_labels

_COMPRESSION = 6  # gzip's own default; Python's takes three times as long for little

logger = logging.getLogger("podkernel.pods")


class Tidying(msgspec.Struct, frozen=True):
    """What is done with files that were moved aside before."""

    remove: tuple[Path, ...]
    compress: tuple[Path, ...]


def tidying(moved_aside: dict[str, Path], files_max: int) -> Tidying:
    """What to do before another file is moved aside (pure): with it and the one that is written,
    there are `files_max` files at most, and it alone is plain."""
    files = list(moved_aside.values())
    excess = max(len(files) - (files_max - 2), 0)
    return Tidying(
        remove=tuple(files[:excess]),
        compress=tuple(path for path in files[excess:] if path.suffix != COMPRESSED),
    )


class LogRotation:
    """Keeps the logs of one node's containers within bounds."""

    def __init__(self, host: Host, *, bytes_max: int, files_max: int, check_seconds: float) -> None:
        self._host = host
        self._check_seconds = check_seconds
        self._bytes_max = bytes_max
        self._files_max = files_max
        # Full logs that nobody writes to any more, with their sizes.
        self._ended: dict[Path, int] = {}

    @asynccontextmanager
    async def source(self, trigger: Trigger) -> AsyncIterator[None]:
        """Look at the logs now and then, for as long as the context is open."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._check_now_and_then)
            yield
            tasks.cancel_scope.cancel()

    async def _check_now_and_then(self) -> None:
        while True:
            await self._host.clock.sleep(self._check_seconds)
            try:
                await self.check()
            except OSError as error:
                logger.warning("logs are not looked at: %s", error)

    async def check(self) -> None:
        """Rotate what is full."""
        due = dict(self._due())
        self._ended = {path: size for path, size in self._ended.items() if path in due}
        for path, size in due.items():
            if self._ended.get(path) == size:
                continue
            try:
                container = await self._writer_of(path)
                if container is None:
                    self._ended[path] = size
                elif size < 0:
                    await self._host.runtime.reopen_log(container.id)
                else:
                    await self._rotate(path, container)
            except (OSError, cri.RuntimeFailure) as failure:
                logger.warning("the log %s is not rotated: %s", path, failure)

    def _due(self) -> Iterator[tuple[Path, int]]:
        """Logs that are full, with their sizes, and those that are missing (size -1)."""
        for pod_directory in _directories(self._host.logs_directory):
            for container_directory in _directories(pod_directory.path):
                yield from self._due_of(container_directory.path)

    def _due_of(self, directory: str) -> Iterator[tuple[Path, int]]:
        sizes = {}
        with suppress(FileNotFoundError), os.scandir(directory) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    sizes[entry.name] = entry.stat().st_size
        logs = {f"{name.partition('.log')[0]}.log" for name in sizes if ".log" in name}
        for log in logs:
            size = sizes.get(log, -1)
            if size < 0 or size >= self._bytes_max:
                yield Path(directory, log), size

    async def _writer_of(self, path: Path) -> cri.Container | None:
        """The running container that writes to the log at a path."""
        namespace, _, rest = path.parent.parent.name.partition("_")
        labels = pod_labels(self._host.owner, namespace, rest.rpartition("_")[0])
        for container in await self._host.runtime.containers(labels=labels):
            is_running = container.state is cri.ContainerState.RUNNING
            if is_running and container.log_path == str(path):
                return container
        return None

    async def _rotate(self, path: Path, container: cri.Container) -> None:
        moved = rotated_name(path, now_datetime(self._host.clock))
        if moved in _plain_names(path):
            return  # filled twice in a second: that has time
        for plain in _tidy(path, self._files_max):
            await anyio.to_thread.run_sync(_compress, plain)
        os.rename(path, moved)
        try:
            await self._host.runtime.reopen_log(container.id)
        except cri.RuntimeFailure:
            _move_back(moved, path)
            raise


def _plain_names(path: Path) -> set[Path]:
    """What the files that were moved aside are, or were before they were compressed."""
    return {Path(str(file).removesuffix(COMPRESSED)) for file in rotated_logs(path).values()}


def _move_back(moved: Path, path: Path) -> None:
    if not path.exists():
        moved.rename(path)


def remove_logs(path: Path) -> None:
    """Remove the log at a path, and what of it was moved aside."""
    for file in (path, *path.parent.glob(f"{path.name}.*")):
        file.unlink(missing_ok=True)


def _tidy(path: Path, files_max: int) -> tuple[Path, ...]:
    """Remove what is too much, and what a process left that was killed at it; answers what is to
    be compressed."""
    moved_aside = rotated_logs(path)
    for file in path.parent.glob(f"{path.name}.*{UNFINISHED}"):
        file.unlink(missing_ok=True)
    for file in moved_aside.values():
        if file.suffix != COMPRESSED:
            Path(f"{file}{COMPRESSED}").unlink(missing_ok=True)
    todo = tidying(moved_aside, files_max)
    for file in todo.remove:
        file.unlink(missing_ok=True)
    return todo.compress


def _compress(path: Path) -> None:
    """In such an order that the whole log is there at any time, in one form or the other."""
    unfinished = Path(f"{path}{UNFINISHED}")
    with path.open("rb") as plain, gzip.open(unfinished, "wb", _COMPRESSION) as packed:
        shutil.copyfileobj(plain, packed)
    shutil.copymode(path, unfinished)
    unfinished.rename(f"{path}{COMPRESSED}")
    path.unlink()


def _directories(path: Path | str) -> list["os.DirEntry[str]"]:
    with suppress(FileNotFoundError), os.scandir(path) as entries:
        return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []
