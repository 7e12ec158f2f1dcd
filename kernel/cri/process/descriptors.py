"""Open files over a unix socket: who receives a descriptor has the same open file.

Standard library alone.
"""

from __future__ import annotations

import socket
import struct

_DESCRIPTORS_MAX = 3
_SIZE = struct.calcsize("=i")


def send_with_descriptors(channel: socket.socket, data: bytes, descriptors: list[int]) -> int:
    """Send `data`, and the descriptors with its first byte; answers how much was sent."""
    if not descriptors:
        return channel.send(data)
    packed = struct.pack(f"={len(descriptors)}i", *descriptors)
    return channel.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])


def receive_with_descriptors(channel: socket.socket, bytes_max: int) -> tuple[bytes, list[int]]:
    """What has arrived, and the descriptors that came with it; no program inherits them."""
    room = socket.CMSG_SPACE(_DESCRIPTORS_MAX * _SIZE)
    data, messages, _, _ = channel.recvmsg(bytes_max, room, socket.MSG_CMSG_CLOEXEC)
    descriptors: list[int] = []
    for level, kind, packed in messages:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors += struct.unpack(f"={len(packed) // _SIZE}i", packed)
    return data, descriptors
