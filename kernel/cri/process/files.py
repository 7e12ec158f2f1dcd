"""What the process runtime makes on the host for a Pod: files of its /etc, missing volumes."""

import os

from kernel.cri.process.state import SandboxRecord
from kernel.cri.runtime import ContainerConfig, DnsConfig, RuntimeFailure

# Pods that share the host's network are reached here, also on a machine that changes networks.
LOOPBACK = "127.0.0.1"


def make_missing_sources(config: ContainerConfig) -> None:
    """A path of the host that isn't there becomes a directory, as containerd does it."""
    for mount in config.mounts:
        try:
            if not os.path.lexists(mount.host_path):
                os.makedirs(mount.host_path)
        except OSError as error:
            raise RuntimeFailure(
                f"volume at {mount.container_path}: {mount.host_path}: {error.strerror}"
            ) from error


def managed_files(record: SandboxRecord) -> dict[str, str]:
    """The files of /etc that tell the containers who and where they are."""
    config, files = record.config, {}
    if config.dns is not None:
        files["resolv.conf"] = _resolver_configuration(config.dns)
    if not config.host_network:
        address = record.network.address if record.network else LOOPBACK
        hostname = config.hostname or config.name
        files["hostname"] = f"{hostname}\n"
        files["hosts"] = (
            "127.0.0.1\tlocalhost\n"
            "::1\tlocalhost ip6-localhost ip6-loopback\n"
            f"{address}\t{hostname}\n"
        )
    return files


def _resolver_configuration(dns: DnsConfig) -> str:
    lines = [f"nameserver {server}" for server in dns.servers]
    if dns.searches:
        lines.append(f"search {' '.join(dns.searches)}")
    if dns.options:
        lines.append(f"options {' '.join(dns.options)}")
    return "".join(f"{line}\n" for line in lines)
