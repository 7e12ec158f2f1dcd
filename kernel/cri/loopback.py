"""Connections to the loopback interface of another network namespace.

Only the sockets are made there (see `network_namespace`); connecting happens on the event loop.
"""

import errno
import os
import socket

import anyio
import anyio.to_thread
from anyio.abc import SocketStream

from kernel.cri.network_namespace import enter_network, in_own_thread

_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


async def connect_loopback(namespace_path: str, port: int) -> SocketStream:
    """Connect to a TCP port on 127.0.0.1, else ::1, of the network namespace at a path such as
    `/proc/1/ns/net`. Raises `ConnectionRefusedError` where nothing listens on either, and other
    `OSError`s, as where the namespace is gone or root's rights are missing."""
    for family, address in _LOOPBACKS:
        unconnected = await anyio.to_thread.run_sync(_socket_in, namespace_path, family)
        try:
            await _connect(unconnected, (address, port))
            return await SocketStream.from_socket(unconnected)
        except BaseException as error:
            unconnected.close()
            if family == _LOOPBACKS[-1][0] or not isinstance(error, OSError):
                raise
    raise AssertionError("the last loopback raises or answers")


async def _connect(unconnected: socket.socket, address: tuple[str, int]) -> None:
    unconnected.setblocking(False)
    code = unconnected.connect_ex(address)
    if code == errno.EINPROGRESS:
        await anyio.wait_writable(unconnected)
        code = unconnected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code == errno.EADDRNOTAVAIL:
        # The namespace has no such loopback, so nothing listens there either.
        code = errno.ECONNREFUSED
    if code:
        raise OSError(code, os.strerror(code))


def _socket_in(namespace_path: str, family: socket.AddressFamily) -> socket.socket:
    def make() -> socket.socket:
        enter_network(namespace_path)
        return socket.socket(family, socket.SOCK_STREAM)

    return in_own_thread(make)
