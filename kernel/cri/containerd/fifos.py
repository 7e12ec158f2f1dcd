"""Named pipes that containerd's shims write to and read from, as streams of bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import anyio.lowlevel
from anyio.abc import ByteReceiveStream, ByteSendStream

_CHUNK_BYTES = 1 << 16


class FifoReader(ByteReceiveStream):
    """The end of a FIFO that is read. It may be opened before there is a writer, but is to be
    read only once there is one: until then it looks as if it had ended."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    async def receive(self, max_bytes: int = _CHUNK_BYTES) -> bytes:
        await anyio.lowlevel.checkpoint()
        while self._descriptor >= 0:
            try:
                data = os.read(self._descriptor, max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._descriptor)
                continue
            if not data:
                raise anyio.EndOfStream
            return data
        raise anyio.ClosedResourceError

    async def aclose(self) -> None:
        self._descriptor = _closed(self._descriptor)


class FifoWriter(ByteSendStream):
    """The end of a FIFO that is written to. There must be a reader when it is opened, else that
    raises `OSError`; once the reader is gone, sending raises `BrokenResourceError`."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        left = memoryview(item)
        while left:
            if self._descriptor < 0:
                raise anyio.ClosedResourceError
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._descriptor)
            except BrokenPipeError as error:
                raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        self._descriptor = _closed(self._descriptor)


def _closed(descriptor: int) -> int:
    """Close a file that may be waited for; answers what stands for none."""
    if descriptor >= 0:
        anyio.notify_closing(descriptor)
        os.close(descriptor)
    return -1


@contextmanager
def fifo_directory(directory: Path, *names: str) -> Iterator[Path]:
    """A directory below `directory` with FIFOs in it, for the time of the context."""
    with TemporaryDirectory(
        prefix="podkernel-exec-", dir=directory, ignore_cleanup_errors=True
    ) as path:
        for name in names:
            os.mkfifo(Path(path, name), 0o600)
        yield Path(path)
