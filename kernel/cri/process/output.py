"""What a container writes: into its log, and to whoever is attached. Standard library alone.

    the container ── pipe or terminal ──► Pump ──► LogStream
                                            └────► Reader, …   a pipe of each client

A client that reads too slowly holds the container's output back, as it does in containerd: nothing
is lost, and no more than one chunk a client is kept here.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from kernel.cri.process.log import LogStream
from kernel.cri.process.loop import READABLE, WRITABLE, Loop

_CHUNK_BYTES = 64 * 1024


class Pump:
    """Passes on what arrives in a pipe or terminal until its end."""

    def __init__(self, loop: Loop, descriptor: int, feed: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._feed = feed
        os.set_blocking(descriptor, False)
        self.resume()

    def pause(self) -> None:
        self._loop.forget(self._descriptor)

    def resume(self) -> None:
        if self._descriptor >= 0:
            self._loop.watch(self._descriptor, READABLE, self._on_readable)

    def _on_readable(self, events: int) -> None:
        self._read_chunk()

    def _read_chunk(self) -> bool:
        """Pass on what is there now; answers whether there may be more."""
        try:
            data = os.read(self._descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            # A terminal answers EIO once its last process is gone.
            data = b""
        if data:
            self._feed(data)
            return True
        self.close()
        return False

    def drain(self) -> None:
        """Pass on all that is there and close, also if someone holds the other end open."""
        while self._descriptor >= 0 and self._read_chunk():
            pass
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            self._loop.forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class Reader:
    """The pipe of an attached client. It is gone once nobody holds the other end."""

    def __init__(self, loop: Loop, descriptor: int, on_ready: Callable[[], None]) -> None:
        """`on_ready` is called when a reader that lagged behind has everything, or is gone."""
        self._loop = loop
        self._descriptor = descriptor
        self._on_ready = on_ready
        self._pending = b""
        self._finishing = False
        os.set_blocking(descriptor, False)
        self._wait()

    @property
    def is_gone(self) -> bool:
        return self._descriptor < 0

    @property
    def lags(self) -> bool:
        return bool(self._pending)

    def write(self, data: bytes) -> None:
        self._pending += data
        self._flush()

    def finish(self) -> None:
        """Nothing more will come: close once the client has room for the rest."""
        self._finishing = True
        self._flush()

    def _flush(self) -> None:
        if self.is_gone:
            return
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._descriptor, self._pending) :]
        except BlockingIOError:
            self._wait()
            return
        except OSError:
            self._close()
            return
        if self._finishing:
            self._close()
        else:
            self._wait()

    def _wait(self) -> None:
        # That the other end is closed is reported in any case.
        self._loop.watch(self._descriptor, WRITABLE if self._pending else 0, self._on_event)

    def _on_event(self, events: int) -> None:
        if events & WRITABLE:
            self._flush()
        else:
            self._close()
        if not self.lags:
            self._on_ready()

    def _close(self) -> None:
        if not self.is_gone:
            self._loop.forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._pending = b""


class Output:
    """One output stream of a container."""

    def __init__(self, loop: Loop, descriptor: int, log: LogStream) -> None:
        self._loop = loop
        self._log = log
        self._readers: list[Reader] = []
        self._pump = Pump(loop, descriptor, self._feed)

    def attach(self, descriptor: int) -> None:
        """From now on, write to this pipe too; it is closed at the end of the stream."""
        self._readers.append(Reader(self._loop, descriptor, self._on_reader_ready))

    def _feed(self, data: bytes) -> None:
        self._log.feed(data)
        self._readers = [reader for reader in self._readers if not reader.is_gone]
        for reader in self._readers:
            reader.write(data)
        if self._is_held_back():
            self._pump.pause()

    def _is_held_back(self) -> bool:
        return any(reader.lags for reader in self._readers)

    def _on_reader_ready(self) -> None:
        if not self._is_held_back():
            self._pump.resume()

    def finish(self) -> None:
        """The container has ended: pass on what is left."""
        self._pump.drain()
        self._log.finish()
        for reader in self._readers:
            reader.finish()
