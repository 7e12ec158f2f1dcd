"""Which network the Pods of a state directory have, and which address a new sandbox gets."""

import contextlib
import hashlib
from collections.abc import Collection
from ipaddress import IPv4Network
from pathlib import Path

import msgspec

from kernel.cri.process.layout import write_whole
from kernel.cri.process.nat import masquerade, stop_masquerading
from kernel.cri.process.network import (
    ensure_bridge,
    has_ports,
    remove_device,
    routed_networks,
)
from kernel.cri.process.state import NetworkPlan
from kernel.cri.runtime import RuntimeFailure

_FILE = "network.json"
_CANDIDATES = IPv4Network("10.88.0.0/16")
_PREFIX_LENGTH = 24
# An interface's name has at most 15 characters.
_DEVICE_ID_LENGTH = 13


class AddressPool:
    """A /24 that no route of the machine overlaps when its bridge is made; one bridge, `.1`."""

    def __init__(self, state_directory: Path) -> None:
        self._file = state_directory / _FILE
        digest = hashlib.sha256(str(state_directory.resolve()).encode()).hexdigest()
        self._bridge = f"pk-{digest[:8]}"
        # Two podkernels that start at once look at different networks first.
        self._first_candidate = int(digest[8:16], 16)
        self._last = 0
        self._has_way_out = False

    def plan(self, sandbox_id: str, used: Collection[str], *, way_out: bool) -> NetworkPlan:
        """The connection of a new sandbox; its bridge stands afterwards, with a way out of the
        machine where it is to have one.

        Addresses are taken round the network, so that a freed one isn't given out at once.
        Raises `RuntimeFailure` when none is free, `OSError` when the bridge can't be made.
        """
        network = self._network(keep=bool(used))
        gateway, *addresses = [str(address) for address in network.hosts()]
        is_new = ensure_bridge(self._bridge, gateway, network.prefixlen)
        if way_out and (is_new or not self._has_way_out):
            # Whoever ran here before us may have been killed between the two.
            masquerade(self._bridge, network)
            self._has_way_out = True
        for step in range(len(addresses)):
            index = (self._last + step) % len(addresses)
            if addresses[index] not in used:
                self._last = index + 1
                return NetworkPlan(
                    bridge=self._bridge,
                    device=f"pk{sandbox_id[:_DEVICE_ID_LENGTH]}",
                    address=addresses[index],
                    prefix_length=network.prefixlen,
                    gateway=gateway,
                )
        raise RuntimeFailure(f"no free address in {network}")

    def disconnect(self, plan: NetworkPlan, last: bool) -> None:
        """Remove a sandbox's connection where it is left, and after the `last` one the bridge."""
        remove_device(plan.device)
        if last and not has_ports(self._bridge):
            with contextlib.suppress(OSError):
                stop_masquerading(self._bridge)
            remove_device(self._bridge)

    def _network(self, *, keep: bool) -> IPv4Network:
        known = self._known()
        if known is not None and (keep or Path("/sys/class/net", self._bridge).exists()):
            return known
        routed = [IPv4Network(pair) for pair in routed_networks()]
        subnets = list(_CANDIDATES.subnets(new_prefix=_PREFIX_LENGTH))
        first = self._first_candidate % len(subnets)
        candidates = subnets[first:] + subnets[:first]
        if known is not None:
            candidates.insert(0, known)
        for candidate in candidates:
            if not any(candidate.overlaps(network) for network in routed):
                write_whole(str(self._file), msgspec.json.encode(str(candidate)))
                return candidate
        raise RuntimeFailure(f"no network for Pods: all of {_CANDIDATES} is routed elsewhere")

    def _known(self) -> IPv4Network | None:
        try:
            return IPv4Network(msgspec.json.decode(self._file.read_bytes(), type=str))
        except FileNotFoundError:
            return None
