"""Whether the daemon behind a socket sees what this process mounts (Linux)."""

import os
import socket
import struct

_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid
_CONNECT_SECONDS_MAX = 1.0


def shares_mount_namespace(socket_path: str) -> bool:
    """Whether the process that listens at a unix socket lives in our mount namespace; False where
    that can't be told."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_CONNECT_SECONDS_MAX)
            connection.connect(socket_path)
            packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        process_id = _CREDENTIALS.unpack(packed)[0]
        return os.readlink(f"/proc/{process_id}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    except OSError:
        return False
