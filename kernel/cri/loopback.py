"""Connections to the loopback interface of another network namespace.

A socket belongs to the namespace of the thread that makes it, and works from any other. So a thread
of its own goes into the namespace, makes the socket and ends; connecting happens on the event loop.
"""

import ctypes
import errno
import os
import socket
import threading

import anyio
import anyio.to_thread
from anyio.abc import SocketStream

_CLONE_NEWNET = 0x40000000
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))

_libc = ctypes.CDLL(None, use_errno=True)


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
    made: list[socket.socket] = []
    failures: list[OSError] = []

    def make() -> None:
        try:
            _enter(namespace_path)
            made.append(socket.socket(family, socket.SOCK_STREAM))
        except OSError as error:
            failures.append(error)

    # Not one of the event loop's threads, which others would use after us.
    thread = threading.Thread(target=make, name="socket in a network namespace")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return made[0]


def _enter(namespace_path: str) -> None:
    descriptor = os.open(namespace_path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), namespace_path)
    finally:
        os.close(descriptor)
