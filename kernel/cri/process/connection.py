"""A client at the shim's door, non-blocking: lines of JSON both ways, and descriptors with them.

Standard library alone.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable

from kernel.cri.process.descriptors import receive_with_descriptors, send_with_descriptors
from kernel.cri.process.layout import Record
from kernel.cri.process.loop import READABLE, WRITABLE, Loop

_CHUNK_BYTES = 64 * 1024


class Connection:
    """What the requests are, and their answers, stands in `server`."""

    def __init__(
        self, loop: Loop, client: socket.socket, on_request: Callable[[Connection, Record], None]
    ) -> None:
        self._loop = loop
        self._socket = client
        self._on_request = on_request
        self._received = b""
        self._descriptors: list[int] = []
        self._to_send = b""
        self._closing = False
        self.on_gone: Callable[[], None] = self.close
        client.setblocking(False)
        loop.watch(client.fileno(), READABLE, self._on_ready)

    @property
    def is_open(self) -> bool:
        return self._socket.fileno() >= 0

    def take_descriptors(self) -> list[int]:
        """Those that came with the request; the taker closes them."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def answer(self, record: Record) -> None:
        """Send the last answer and close."""
        self._closing = True
        self.push(record)

    def push_with_descriptors(self, descriptors: list[int]) -> None:
        """Send an empty answer with descriptors, as the first that is sent."""
        if self.is_open:
            try:
                send_with_descriptors(self._socket, b"{}\n", descriptors)
            except OSError:
                self.close()

    def push(self, record: Record) -> None:
        """Send a line; to a client that is gone, nothing."""
        if self.is_open:
            self._to_send += json.dumps(record).encode() + b"\n"
            self._flush()

    def _on_ready(self, events: int) -> None:
        if events & WRITABLE:
            self._flush()
        elif events:
            self._receive()

    def _receive(self) -> None:
        try:
            data, descriptors = receive_with_descriptors(self._socket, _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        self._descriptors += descriptors
        if not data:
            # A client may close its sending half and still wait for the answer to a killed command.
            self._loop.forget(self._socket.fileno())
            gone, self.on_gone = self.on_gone, self.close
            gone()
            return
        self._received += data
        line, newline, self._received = self._received.partition(b"\n")
        if newline:
            self._on_request(self, json.loads(line))
            self._close_descriptors()
        else:
            self._received = line

    def _flush(self) -> None:
        try:
            while self._to_send:
                sent = self._socket.send(self._to_send)
                self._to_send = self._to_send[sent:]
        except BlockingIOError:
            self._loop.watch(self._socket.fileno(), WRITABLE, self._on_ready)
            return
        except OSError:
            self.close()
            return
        if self._closing:
            self.close()
        else:
            self._loop.watch(self._socket.fileno(), READABLE, self._on_ready)

    def close(self) -> None:
        self._close_descriptors()
        if self.is_open:
            self._loop.forget(self._socket.fileno())
            self._socket.close()

    def _close_descriptors(self) -> None:
        for descriptor in self.take_descriptors():
            os.close(descriptor)
