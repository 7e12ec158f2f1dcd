"""Pods' own addresses, for root: a bridge for each state directory, a veth pair for each sandbox.

Speaks rtnetlink over a plain socket, because the shim has the standard library alone and pyroute2
would double its memory. Message layouts: rtnetlink(7) and the kernel's `linux/if_link.h`.

    machine                                     network namespace of the sandbox
    pk-1a2b3c4d  10.88.3.1/24  ──┬── pk1a2b3c4d5e6f ═══ eth0  10.88.3.2/24, default via 10.88.3.1
                                 └── …
"""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator

from kernel.cri.process import syscalls as system

_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
_NEW = _NLM_F_CREATE | _NLM_F_EXCL
_NLMSG_ERROR = 2
_RTM_NEWLINK, _RTM_DELLINK, _RTM_NEWADDR, _RTM_NEWROUTE, _RTM_NEWNEIGH = 16, 17, 20, 24, 28
_IFF_UP = 0x1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 10, 18, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DESTINATION, _RTA_DEVICE, _RTA_GATEWAY, _RTA_SOURCE = 1, 4, 5, 7
_RT_TABLE_MAIN, _RTPROT_BOOT, _RTN_UNICAST, _RT_SCOPE_LINK = 254, 3, 1, 253

_NDA_ADDRESS, _NDA_HARDWARE, _NUD_PERMANENT = 1, 2, 0x80

LOOPBACK_INDEX = 1
_POD_DEVICE = "eth0"


class Netlink:
    """A socket into the network namespace that was current when it was made."""

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)

    def close(self) -> None:
        self._socket.close()

    def make_bridge(self, name: str) -> None:
        """Raises `FileExistsError` if it is there."""
        link = _attribute(_IFLA_LINKINFO, _attribute(_IFLA_INFO_KIND, b"bridge"))
        attributes = _attribute(_IFLA_IFNAME, _text(name)) + link
        self._ask(_RTM_NEWLINK, _NEW, _link_header(up=True) + attributes)

    def make_pair(
        self, name: str, *, namespace: int, bridge: str = "", peer_name: str = _POD_DEVICE
    ) -> None:
        """A veth pair: `name`, on a bridge where one is given, and its peer, down, in the
        descriptor's namespace."""
        peer = (
            # The kernel refuses to set the peer up before the pair is complete.
            _link_header(up=False)
            + _attribute(_IFLA_IFNAME, _text(peer_name))
            + _attribute(_IFLA_NET_NS_FD, struct.pack("=I", namespace))
        )
        kind = _attribute(_IFLA_INFO_KIND, b"veth")
        link = _attribute(
            _IFLA_LINKINFO, kind + _attribute(_IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, peer))
        )
        attributes = _attribute(_IFLA_IFNAME, _text(name)) + link
        if bridge:
            index = socket.if_nametoindex(bridge)
            attributes += _attribute(_IFLA_MASTER, struct.pack("=I", index))
        self._ask(_RTM_NEWLINK, _NEW, _link_header(up=True) + attributes)

    def set_up(self, index: int) -> None:
        self._ask(_RTM_NEWLINK, 0, _link_header(index=index, up=True))

    def set_hardware_address(self, index: int, address: bytes) -> None:
        """Six bytes, of which the first has its lowest bit clear."""
        attributes = _attribute(_IFLA_ADDRESS, address)
        self._ask(_RTM_NEWLINK, 0, _link_header(index=index, up=True) + attributes)

    def remove(self, name: str) -> None:
        """Returns, also with an `OSError` for a device that is not there, once one of that name
        that is about to vanish by itself has vanished from its bridge, too."""
        self._ask(_RTM_DELLINK, 0, _link_header(up=False) + _attribute(_IFLA_IFNAME, _text(name)))

    def add_address(self, index: int, address: str, prefix_length: int) -> None:
        """Raises `FileExistsError` if the device has it."""
        packed = socket.inet_aton(address)
        header = struct.pack("=BBBBI", socket.AF_INET, prefix_length, 0, 0, index)
        attributes = _attribute(_IFA_LOCAL, packed) + _attribute(_IFA_ADDRESS, packed)
        self._ask(_RTM_NEWADDR, _NEW, header + attributes)

    def add_default_route(self, gateway: str) -> None:
        header = struct.pack(
            "=BBBBBBBBI",
            *(socket.AF_INET, 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, 0, _RTN_UNICAST, 0),
        )
        attributes = _attribute(_RTA_GATEWAY, socket.inet_aton(gateway))
        self._ask(_RTM_NEWROUTE, _NEW, header + attributes)

    def add_neighbour(self, index: int, address: str, hardware_address: bytes) -> None:
        """Know who has an address at the other end of a device, without having to ask there."""
        header = struct.pack("=BxxxiHBB", socket.AF_INET, index, _NUD_PERMANENT, 0, _RTN_UNICAST)
        attributes = _attribute(_NDA_ADDRESS, socket.inet_aton(address))
        attributes += _attribute(_NDA_HARDWARE, hardware_address)
        self._ask(_RTM_NEWNEIGH, _NEW, header + attributes)

    def add_neighbour_route(self, index: int, address: str, *, source: str) -> None:
        """Reach one address, which is at the other end of a device, from `source`."""
        header = struct.pack(
            "=BBBBBBBBI",
            *(socket.AF_INET, 32, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_LINK),
            *(_RTN_UNICAST, 0),
        )
        attributes = (
            _attribute(_RTA_DESTINATION, socket.inet_aton(address))
            + _attribute(_RTA_SOURCE, socket.inet_aton(source))
            + _attribute(_RTA_DEVICE, struct.pack("=I", index))
        )
        self._ask(_RTM_NEWROUTE, _NEW, header + attributes)

    def _ask(self, kind: int, flags: int, body: bytes) -> None:
        flags |= _NLM_F_REQUEST | _NLM_F_ACK
        header = struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0)
        self._socket.send(header + body)
        answer = self._socket.recv(65536)
        (answer_kind,) = struct.unpack_from("=H", answer, 4)
        (error,) = struct.unpack_from("=i", answer, 16)
        if answer_kind == _NLMSG_ERROR and error:
            raise OSError(-error, os.strerror(-error))


def _attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + b"\0" * (-length % 4)


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _link_header(*, index: int = 0, up: bool) -> bytes:
    """struct ifinfomsg"""
    flags = _IFF_UP if up else 0
    return struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, index, flags, _IFF_UP)


def ensure_bridge(name: str, gateway: str, prefix_length: int) -> bool:
    """Make the bridge with its address, as far as it isn't there; answers whether it wasn't."""
    is_new = True
    with contextlib.closing(Netlink()) as netlink:
        try:
            netlink.make_bridge(name)
        except FileExistsError:
            is_new = False
        with contextlib.suppress(FileExistsError):
            netlink.add_address(socket.if_nametoindex(name), gateway, prefix_length)
    return is_new


def remove_device(name: str) -> None:
    """Remove a network device; one that is gone already is no error.

    A veth pair goes with its namespace too, but some time after its last process.
    """
    with contextlib.suppress(OSError), contextlib.closing(Netlink()) as netlink:
        netlink.remove(name)


def has_ports(bridge: str) -> bool:
    """Whether any device is connected to the bridge."""
    try:
        return bool(os.listdir(f"/sys/class/net/{bridge}/brif"))
    except FileNotFoundError:
        return False


def routed_networks() -> list[tuple[int, int]]:
    """Network and prefix length of every IPv4 route of this machine but the default one."""
    networks = []
    with open("/proc/net/route") as file:
        next(file, None)
        for line in file:
            fields = line.split()
            # The columns are numbers in the machine's byte order, as the address lies in memory.
            network, mask = (
                int.from_bytes(int(fields[column], 16).to_bytes(4, "little"), "big")
                for column in (1, 7)
            )
            if mask:
                networks.append((network, mask.bit_count()))
    return networks


def network_namespace_held(pid: int) -> str:
    """The path of the network namespace that a process holds open; empty where it holds none."""
    directory = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(directory):
            path = f"{directory}/{descriptor}"
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(path).startswith("net:["):
                    return path
    return ""


def make_pod_network(
    device: str, *, bridge: str, address: str, prefix_length: int, gateway: str
) -> int:
    """Make a network namespace with `address`, connected to the bridge by `device`.

    Answers a descriptor that holds the namespace: it and the veth pair vanish with the last
    process in it once the descriptor is closed.
    """
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        system.unshare(system.CLONE_NEWNET)
        pod = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        inside = Netlink()
        try:
            system.enter_namespace(home)
            with contextlib.closing(Netlink()) as outside:
                outside.make_pair(device, bridge=bridge, namespace=pod)
            with entered(pod, home=home):
                index = socket.if_nametoindex(_POD_DEVICE)
            inside.set_up(LOOPBACK_INDEX)
            inside.set_up(index)
            inside.add_address(index, address, prefix_length)
            inside.add_default_route(gateway)
        finally:
            inside.close()
    finally:
        os.close(home)
    return pod


@contextlib.contextmanager
def entered(namespace: int, *, home: int) -> Iterator[None]:
    """Be in another network namespace for a while; `home` is the one to come back to."""
    system.enter_namespace(namespace)
    try:
        yield
    finally:
        system.enter_namespace(home)
