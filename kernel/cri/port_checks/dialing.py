"""Opening a TCP connection, and saying why there is none, in the words that Kubernetes has for it.

The words are those of Go's net package, which people search for: `dial tcp 10.0.0.7:80: connect:
connection refused`.
"""

import os
import socket

import anyio
import anyio.abc


class DialFailure(Exception):
    """No connection. The message is what an Event says."""


def address_text(host: str, port: int) -> str:
    """`10.0.0.7:80`, `[fd00::7]:80`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def dial(host: str, port: int) -> anyio.abc.ByteStream:
    """Connect. Raises `DialFailure`."""
    try:
        return await anyio.connect_tcp(host, port)
    except (socket.gaierror, UnicodeError) as error:
        raise DialFailure(f"dial tcp: lookup {host}: no such host") from error
    except OSError as error:
        cause = _first_cause(error)
        reason = os.strerror(cause.errno).lower() if cause.errno else str(cause)
        raise DialFailure(f"dial tcp {address_text(host, port)}: connect: {reason}") from error


def _first_cause(error: OSError) -> OSError:
    """What went wrong with the first of the addresses that were tried."""
    cause: BaseException | None = error.__cause__
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return cause if isinstance(cause, OSError) else error
