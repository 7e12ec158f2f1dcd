"""Host ports of a sandbox: the shim relays TCP connections and UDP datagrams to the Pod's address.

Standard library alone.
"""

import contextlib
import select
import socket
from collections import OrderedDict

from kernel.cri.process.loop import READABLE, WRITABLE, Loop

_CHUNK_BYTES = 64 * 1024
_BACKLOG = 128
# A UDP client that was silent for longest makes room for a new one.
_UDP_CLIENTS_MAX = 1024
_HANG_UP = select.EPOLLHUP | select.EPOLLERR


def listen(loop: Loop, *, host_ip: str, host_port: int, target: tuple[str, int], udp: bool) -> None:
    """Forward the host's port to `target` until the process ends.

    Raises `OSError` with a message fit for an Event where the port can't be had.
    """
    family = socket.AF_INET6 if ":" in host_ip else socket.AF_INET
    server = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    server.setblocking(False)
    if not udp:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((host_ip, host_port))
    except OSError as error:
        server.close()
        where = f"{host_ip or '0.0.0.0'}:{host_port}/{'UDP' if udp else 'TCP'}"
        raise OSError(error.errno, f"host port {where}: {error.strerror}") from error
    if udp:
        _UdpForward(loop, server, target)
    else:
        server.listen(_BACKLOG)
        loop.watch(server.fileno(), READABLE, lambda events: _accept(loop, server, target))


def _accept(loop: Loop, server: socket.socket, target: tuple[str, int]) -> None:
    try:
        client, _ = server.accept()
    except OSError:
        return
    upstream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    for end in (client, upstream):
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(BlockingIOError):
        try:
            upstream.connect(target)
        except ConnectionError:
            client.close()
            upstream.close()
            return
    _TcpRelay(loop, client, upstream)


class _TcpRelay:
    """Two connected sockets. What is read from one is written to the other before more is read."""

    def __init__(self, loop: Loop, client: socket.socket, upstream: socket.socket) -> None:
        self._loop = loop
        self._ends = (client, upstream)
        self._connected = False
        # For each end: bytes that wait to be written to it, and whether it will send no more.
        self._pending = [b"", b""]
        self._finished = [False, False]
        loop.watch(upstream.fileno(), WRITABLE, self._on_connect)

    def _on_connect(self, events: int) -> None:
        if self._ends[1].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._close()
            return
        self._update()

    def _update(self) -> None:
        """Wait for what the present state allows, or close when both directions are done."""
        if all(self._finished) and not any(self._pending):
            self._close()
            return
        for side, end in enumerate(self._ends):
            other = 1 - side
            events = WRITABLE if self._pending[side] else 0
            if not self._finished[side] and not self._pending[other]:
                events |= READABLE
            if events:
                self._loop.watch(end.fileno(), events, lambda got, side=side: self._on(side, got))  # type: ignore[misc]
            else:
                self._loop.forget(end.fileno())

    def _on(self, side: int, events: int) -> None:
        try:
            if events & (READABLE | _HANG_UP) and not self._finished[side]:
                self._read(side)
            if events & WRITABLE and self._pending[side]:
                self._write(side)
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            return
        self._update()

    def _read(self, side: int) -> None:
        other = 1 - side
        if self._pending[other]:
            return
        data = self._ends[side].recv(_CHUNK_BYTES)
        self._pending[other] = data
        self._finished[side] = not data
        self._write(other)

    def _write(self, side: int) -> None:
        """Send on what waits for `side`; pass on the end of the stream once all is sent."""
        if self._pending[side]:
            try:
                sent = self._ends[side].send(self._pending[side])
            except BlockingIOError:
                return
            self._pending[side] = self._pending[side][sent:]
        if not self._pending[side] and self._finished[1 - side]:
            self._ends[side].shutdown(socket.SHUT_WR)

    def _close(self) -> None:
        for end in self._ends:
            if end.fileno() >= 0:
                self._loop.forget(end.fileno())
                end.close()


class _UdpForward:
    """One socket towards the Pod for each client, so that answers find their way back."""

    def __init__(self, loop: Loop, server: socket.socket, target: tuple[str, int]) -> None:
        self._loop = loop
        self._server = server
        self._target = target
        self._clients: OrderedDict[object, socket.socket] = OrderedDict()
        loop.watch(server.fileno(), READABLE, self._from_client)

    def _from_client(self, events: int) -> None:
        with contextlib.suppress(OSError):
            data, client = self._server.recvfrom(_CHUNK_BYTES)
            self._socket_for(client).send(data)

    def _socket_for(self, client: object) -> socket.socket:
        known = self._clients.get(client)
        if known is not None:
            self._clients.move_to_end(client)
            return known
        if len(self._clients) >= _UDP_CLIENTS_MAX:
            _, oldest = self._clients.popitem(last=False)
            self._loop.forget(oldest.fileno())
            oldest.close()
        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        upstream.setblocking(False)
        upstream.connect(self._target)
        self._clients[client] = upstream
        self._loop.watch(
            upstream.fileno(), READABLE, lambda events: self._to_client(upstream, client)
        )
        return upstream

    def _to_client(self, upstream: socket.socket, client: object) -> None:
        with contextlib.suppress(OSError):
            self._server.sendto(upstream.recv(_CHUNK_BYTES), client)  # type: ignore[call-overload]
