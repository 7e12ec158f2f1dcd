"""A Pod's resolv.conf: the node's own or none (`dnsPolicy`), with `dnsConfig` added.

There is no DNS server of the cluster, so ClusterFirst is what Kubernetes makes of it on a node
without one: Default.

https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy
"""

from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

import msgspec

from kernel.cri.runtime import DnsConfig
from kernel.objects.pod import Pod

RESOLV_CONF = Path("/etc/resolv.conf")
# Where systemd-resolved keeps the servers that it asks; /etc/resolv.conf names itself alone then,
# at a loopback address, which is another one in a Pod's network.
RESOLVED_CONF = Path("/run/systemd/resolve/resolv.conf")

NAMESERVERS_MAX = 3
SEARCHES_MAX = 32
SEARCHES_LENGTH_MAX = 2048


class NodeDns(msgspec.Struct, frozen=True):
    """What the node asks, as far as a Pod can ask it too; `is_own_file` where that is what the
    node's /etc/resolv.conf says."""

    config: DnsConfig
    is_own_file: bool = True


class DnsOutcome(msgspec.Struct, frozen=True):
    """What a Pod's resolv.conf says (None: what the node's says), and the sentences to say about
    what had to be left out."""

    config: DnsConfig | None
    problems: tuple[str, ...] = ()


def parse_resolv_conf(text: str) -> DnsConfig:
    """A resolv.conf(5) as it is written; of several `search` or `domain` lines the last counts."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        keyword, *values = line.split() or [""]
        if keyword == "nameserver" and values:
            servers.append(values[0])
        elif keyword in ("search", "domain"):
            searches = values
        elif keyword == "options":
            options.extend(values)
    return DnsConfig(servers=tuple(servers), searches=tuple(searches), options=tuple(options))


def node_dns(resolv_conf: Path = RESOLV_CONF, resolved_conf: Path = RESOLVED_CONF) -> NodeDns:
    """Read what the node asks."""
    own = _read(resolv_conf)
    if own.servers and all(map(_is_loopback, own.servers)) and resolved_conf.exists():
        return NodeDns(_read(resolved_conf), is_own_file=False)
    return NodeDns(own)


def pod_dns(pod: Pod, node: NodeDns) -> DnsOutcome:
    """The Pod's resolv.conf on a node (pure)."""
    wanted = pod.spec.dns_config
    follows_node = pod.spec.dns_policy != "None" and wanted is None
    if follows_node and (node.is_own_file or pod.spec.host_network):
        return DnsOutcome(None)
    base = DnsConfig() if pod.spec.dns_policy == "None" else node.config
    if wanted is not None:
        given = {
            option.name: option.name if option.value is None else f"{option.name}:{option.value}"
            for option in wanted.options
        }
        kept = {option.partition(":")[0]: option for option in base.options}
        base = DnsConfig(
            servers=_unique((*base.servers, *wanted.nameservers)),
            searches=_unique((*base.searches, *wanted.searches)),
            options=tuple((kept | given).values()),
        )
    return _within_limits(base)


def _within_limits(config: DnsConfig) -> DnsOutcome:
    problems = []
    servers = config.servers[:NAMESERVERS_MAX]
    if servers != config.servers:
        problems.append(
            "Nameserver limits were exceeded, some nameservers have been omitted, the applied"
            f" nameserver line is: {' '.join(servers)}"
        )
    searches = _fitting(config.searches[:SEARCHES_MAX])
    if searches != config.searches:
        problems.append(
            "Search Line limits were exceeded, some search paths have been omitted, the applied"
            f" search line is: {' '.join(searches)}"
        )
    kept = DnsConfig(servers=servers, searches=searches, options=config.options)
    return DnsOutcome(kept, tuple(problems))


def _fitting(searches: tuple[str, ...]) -> tuple[str, ...]:
    while len(" ".join(searches)) > SEARCHES_LENGTH_MAX:
        searches = searches[:-1]
    return searches


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _read(path: Path) -> DnsConfig:
    try:
        return parse_resolv_conf(path.read_text(errors="replace"))
    except OSError:
        return DnsConfig()


def _is_loopback(server: str) -> bool:
    try:
        return ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False
