"""The gateway: reached from the sandboxes that were connected, whatever they listen on, alone."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kernel.cri.gateway import DEVICE, Gateway

pytestmark = pytest.mark.root

ADDRESS = "10.213.7.1"
PORT = 443


@pytest.fixture
def sandboxes() -> Iterator[list[tuple[int, str]]]:
    """Processes that sleep in network namespaces of their own, with the addresses they have."""
    made: list[tuple[subprocess.Popen[bytes], str]] = []
    for number in (1, 2):
        address = f"10.213.8.{number}"
        # Nobody is told the hardware address of an address that another device has.
        reserved = "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore"
        own = f"ip link set lo up; ip addr add {address}/32 dev lo"
        script = f"{reserved}; {own}; echo; exec sleep 60"
        process = subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        made.append((process, address))
    yield [(process.pid, address) for process, address in made]
    for process, _ in made:
        process.kill()
        with process:
            pass


def _inside(pid: int, script: str) -> str:
    """What a shell script prints in a sandbox."""
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout


# Takes the port for itself on all of the sandbox's addresses, and asks the gateway nevertheless.
_CLIENT = f"""
import socket
taken = socket.create_server(("0.0.0.0", {PORT}))
print(socket.create_connection(("{ADDRESS}", {PORT}), 10).recv(9).decode())
"""


def _answer(listener: socket.socket) -> str:
    """Say hello to the next who asks; answers their address."""
    listener.settimeout(10)
    connection, (address, _) = listener.accept()
    with connection:
        connection.sendall(b"hello")
    return str(address)


def test_sandboxes_reach_the_gateway_and_not_each_other(
    sandboxes: list[tuple[int, str]],
) -> None:
    gateway = Gateway(ADDRESS)
    with closing(gateway), closing(gateway.listen(PORT)) as listener:
        for pid, address in sandboxes:
            gateway.connect(f"/proc/{pid}/ns/net", address)
            process = subprocess.Popen(
                ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", _CLIENT],
                stdout=subprocess.PIPE,
            )
            with process:
                assert _answer(listener) == address
                assert process.stdout is not None
                assert process.stdout.read() == b"hello\n"
        (first, _), (_, other) = sandboxes
        assert "unreachable" in _inside(first, f"ip route get {other} 2>&1")


def test_one_that_a_killed_process_connected_is_connected_anew(
    sandboxes: list[tuple[int, str]],
) -> None:
    pid, address = sandboxes[0]
    gateways = [Gateway(ADDRESS) for _ in range(2)]
    for gateway in gateways:
        gateway.connect(f"/proc/{pid}/ns/net", address)
    assert DEVICE in _inside(pid, "ip link")
    for gateway in gateways:
        gateway.close()


def test_what_can_not_be_connected(sandboxes: list[tuple[int, str]]) -> None:
    pid, _ = sandboxes[0]
    with closing(Gateway(ADDRESS)) as gateway:
        with pytest.raises(FileNotFoundError):
            gateway.connect("/proc/nowhere/ns/net", "10.213.8.1")
        with pytest.raises(OSError, match="illegal IP address"):
            gateway.connect(f"/proc/{pid}/ns/net", "fe80::1")
        assert DEVICE not in _inside(pid, "ip link")


def test_this_thread_stays_where_it_is() -> None:
    before = os.stat("/proc/thread-self/ns/net").st_ino
    with closing(Gateway(ADDRESS)) as gateway, closing(gateway.listen(PORT)):
        assert os.stat("/proc/thread-self/ns/net").st_ino == before
        assert ADDRESS not in Path("/proc/net/fib_trie").read_text()
