"""Connections made inside of a network namespace; here it is the tests' own."""

import os
import socket
import subprocess
from collections.abc import Iterator

import anyio
import pytest

from kernel.cri.loopback import connect_loopback

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

OWN = "/proc/self/ns/net"


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A server on one of the loopback addresses alone."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listener:
        try:
            listener.bind((request.param, 0))
        except OSError:
            pytest.skip(f"this machine has no {request.param}")
        listener.listen()
        listener.settimeout(10)
        yield listener


async def test_either_loopback_address_will_do(listener: socket.socket) -> None:
    async with await connect_loopback(OWN, listener.getsockname()[1]) as stream:
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(b"hello")
            assert await stream.receive() == b"hello"
            await stream.send(b"goodbye")
            assert accepted.recv(16) == b"goodbye"


async def test_nobody_listening_is_a_refusal() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await connect_loopback(OWN, bound.getsockname()[1])


@pytest.fixture
def other_namespace() -> Iterator[str]:
    """A network namespace with nothing but its loopback."""
    command = ["unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield f"/proc/{process.pid}/ns/net"
        process.kill()


async def test_a_port_of_another_namespace_is_another_port(
    listener: socket.socket, other_namespace: str
) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await connect_loopback(other_namespace, port)
    # And whoever asked is still where it was.
    async with await connect_loopback(OWN, port):
        pass


async def test_a_namespace_that_is_gone_is_an_error() -> None:
    with pytest.raises(FileNotFoundError), anyio.fail_after(10):
        await connect_loopback("/proc/none/ns/net", 80)
