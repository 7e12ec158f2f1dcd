"""The Pod network of one test containerd: its CNI configuration, and taking all down again."""

import json
import shlex
import subprocess
from pathlib import Path

CNI_PLUGIN_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
_RESULTS_DIRECTORY = Path("/var/lib/cni/results")
_HOST_PORT_CHAINS = ("CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ")


def cni_plugin_directory() -> Path | None:
    """Where this machine has the CNI plugins, if anywhere."""
    for directory in CNI_PLUGIN_DIRECTORIES:
        if (directory / "bridge").exists() and (directory / "portmap").exists():
            return directory
    return None


class PodNetwork:
    """A bridge with a /24 of its own; `slot` (0 to 255) keeps test runs side by side apart."""

    def __init__(self, slot: int) -> None:
        self.name = f"podkernel-test-{slot}"
        self.bridge = f"podktest{slot}"
        self.subnet = f"10.217.{slot}.0/24"

    def write_configuration(self, directory: Path, state_directory: Path) -> None:
        """Write the only network that CNI finds in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        bridge = {
            "type": "bridge",
            "bridge": self.bridge,
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": str(state_directory),
                "ranges": [[{"subnet": self.subnet}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        port_map = {"type": "portmap", "capabilities": {"portMappings": True}}
        configuration = {
            "cniVersion": "0.4.0",
            "name": self.name,
            "plugins": [bridge, port_map, {"type": "loopback"}],
        }
        (directory / "10-test.conflist").write_text(json.dumps(configuration))

    def remove(self, *, host_ports_unused: bool) -> None:
        """Delete the bridge, our rules and what CNI remembers, also after an interrupted run.

        `host_ports_unused` also removes the chains that all users of portmap share, if empty.
        """
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)
        for result in _RESULTS_DIRECTORY.glob(f"{self.name}-*-eth0"):
            sandbox_id = result.name.removeprefix(f"{self.name}-").removesuffix("-eth0")
            for remembered in _RESULTS_DIRECTORY.glob(f"*-{sandbox_id}-*"):
                remembered.unlink(missing_ok=True)
        for rule in _rules():
            arguments = shlex.split(rule)
            if any(f'"{self.name}"' in argument for argument in arguments):
                _iptables("-D", *arguments[1:])
                target = arguments[arguments.index("-j") + 1]
                if target.startswith("CNI-DN-"):
                    _remove_chain(target)
        if host_ports_unused:
            _remove_host_port_chains()


def _rules() -> list[str]:
    """The rules of iptables' nat table, as `-A CHAIN …`."""
    saved = subprocess.run(
        ["iptables-save", "-t", "nat"], check=False, capture_output=True, text=True
    )
    return [line for line in saved.stdout.splitlines() if line.startswith("-A ")]


def _remove_host_port_chains() -> None:
    rules = _rules()
    if any(rule.startswith("-A CNI-HOSTPORT-DNAT ") for rule in rules):
        return
    for rule in rules:
        arguments = shlex.split(rule)
        if arguments[1] not in _HOST_PORT_CHAINS and arguments[-1] in _HOST_PORT_CHAINS:
            _iptables("-D", *arguments[1:])
    for chain in _HOST_PORT_CHAINS:
        _remove_chain(chain)


def _remove_chain(chain: str) -> None:
    _iptables("-F", chain)
    _iptables("-X", chain)


def _iptables(*arguments: str) -> None:
    subprocess.run(["iptables", "-t", "nat", *arguments], check=False, capture_output=True)
