"""The way of the process runtime's Pods out of the machine, for root."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from kernel.cri.process.nat import masquerade, stop_masquerading
from kernel.cri.process.network import ensure_bridge, remove_device
from tests.cri.process_machine import abilities, needs_root
from tests.cri.trial import Trial

pytestmark = [pytest.mark.anyio, needs_root, pytest.mark.root]

BRIDGE = "pk-outside"
NEAR, FAR, PORT = "198.51.100.1", "198.51.100.2", 7000

# A machine beyond this one: it says from which address it was asked.
_OUTSIDE = """
import socket, sys
from kernel.cri.process.network import make_pod_network
bridge, near, far, port = sys.argv[1:]
namespace = make_pod_network(
    "pkoutside0", bridge=bridge, address=far, prefix_length=24, gateway=near
)
from kernel.cri.process.syscalls import enter_namespace
enter_namespace(namespace)
server = socket.create_server((far, int(port)))
print("ready", flush=True)
while True:
    client, address = server.accept()
    with client:
        client.sendall(address[0].encode())
"""

_ASK = (
    "import socket; s = socket.create_connection(('198.51.100.2', 7000), timeout=10); "
    "print(s.recv(100).decode())"
)


@pytest.fixture
def outside() -> Iterator[None]:
    ensure_bridge(BRIDGE, NEAR, 24)
    command = [sys.executable, "-c", _OUTSIDE, BRIDGE, NEAR, FAR, str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()
            remove_device(BRIDGE)


@pytest.mark.skipif(
    not (abilities().way_out and abilities().forwards), reason="this machine forwards nothing"
)
async def test_beyond_the_machine_a_pod_has_the_machines_address(
    trial: Trial, outside: None
) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, (sys.executable, "-c", _ASK))
    assert await trial.output(container_id) == [NEAR]
    said = trial.runtime.limitations(trial.sandbox_config(), trial.container_config(("true",)))
    assert not any("nothing further" in sentence for sentence in said)


def bridge_of(state_directory: Path, sandbox_id: str) -> str:
    record = json.loads((state_directory / "sandboxes" / sandbox_id / "sandbox.json").read_text())
    bridge: str = record["network"]["bridge"]
    return bridge


async def test_the_bridge_and_its_rules_go_with_the_last_sandbox(
    trial: Trial, state_directory: Path
) -> None:
    sandbox_ids = [await trial.run_sandbox(name) for name in ("one", "two")]
    bridge = bridge_of(state_directory, sandbox_ids[0])
    await trial.runtime.stop_sandbox(sandbox_ids[0])
    assert bridge in os.listdir("/sys/class/net")
    # There is something to remove.
    stop_masquerading(bridge)
    masquerade(bridge, IPv4Network("198.51.100.0/24"))
    await trial.runtime.stop_sandbox(sandbox_ids[1])
    assert bridge not in os.listdir("/sys/class/net")
    with pytest.raises(FileNotFoundError):
        stop_masquerading(bridge)


def test_a_bridges_rules_are_replaced_and_removed_as_one() -> None:
    network = IPv4Network("198.51.100.0/24")
    try:
        masquerade("pk-rules", network)
        masquerade("pk-rules", network)
        stop_masquerading("pk-rules")
        with pytest.raises(FileNotFoundError):
            stop_masquerading("pk-rules")
    finally:
        with suppress(OSError):
            stop_masquerading("pk-rules")
