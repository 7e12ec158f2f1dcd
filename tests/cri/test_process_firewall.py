"""The policy for what a machine forwards is read from the kernel: tried in networks of their own,
with both sorts of iptables."""

import shutil
import subprocess
import sys

import pytest

from tests.cri.process_machine import needs_root

_ASK = (
    *(sys.executable, "-c"),
    "from kernel.cri.process.firewall import drops_forwarded as asked; print(asked())",
)


def _answer(script: str) -> str:
    """What is found in a fresh network after `script`."""
    command = ["unshare", "--net", "sh", "-ec", f'{script}; exec "$@"', "sh", *_ASK]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@needs_root
@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
def test_a_policy_of_drop_is_seen(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}")
    assert _answer(":") == "False"
    assert _answer(f"{tool} -P INPUT DROP; {tool} -A FORWARD -j DROP") == "False"
    assert _answer(f"{tool} -P FORWARD DROP; {tool} -A FORWARD -s 192.0.2.1 -j ACCEPT") == "True"
