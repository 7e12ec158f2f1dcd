"""A network namespace of podkernel's own, with one address, to which sandboxes are connected.

    network namespace of a sandbox                     the gateway
    eth0       10.88.3.2/24                            lo    10.96.0.1/32
    podkernel  to 10.96.0.1 from 10.88.3.2  ══ veth ══ pod7  to 10.88.3.2 from 10.96.0.1

Programs in the sandbox reach the sockets that are made here under the gateway's address, whatever
ports they use themselves; nothing else reaches these sockets, and sandboxes do not reach one
another this way. Nothing of it outlives the process: with the last descriptor the kernel takes the
gateway away, and with that the devices and the routes.

Needs root. Everything here blocks, for some milliseconds at most.
"""

import contextlib
import itertools
import os
import socket

from kernel.cri.network_namespace import enter_network, in_own_thread
from kernel.cri.process import syscalls as system
from kernel.cri.process.network import LOOPBACK_INDEX, Netlink

DEVICE = "podkernel"
BACKLOG_CONNECTIONS = 1024

# Each pair of devices is a network of its own, so all can have these. Both ends know each other's:
# nobody has to answer for the addresses, which a machine's settings may forbid (arp_ignore).
_GATEWAY_HARDWARE = bytes.fromhex("02706b676174")
_SANDBOX_HARDWARE = bytes.fromhex("02706b706f64")

_OWN_NAMESPACE = "/proc/thread-self/ns/net"
_FORWARDING = "/proc/sys/net/ipv4/ip_forward"


class Gateway:
    """See above. All methods raise `OSError`."""

    def __init__(self, address: str):
        self._address = address
        self._numbers = itertools.count()
        self._namespace = in_own_thread(self._make)

    def connect(self, namespace: str, address: str) -> None:
        """Lead a sandbox here: `namespace` is the path of its network namespace, `address` its own
        IPv4 address. One that has been connected before is connected anew."""
        in_own_thread(lambda: self._connect(namespace, address))

    def listen(self, port: int) -> socket.socket:
        """A socket that takes the sandboxes' connections to `port`."""
        return in_own_thread(lambda: self._listen(port))

    def close(self) -> None:
        """Let the gateway go, once its sockets are closed too."""
        os.close(self._namespace)

    def _make(self) -> int:
        system.unshare(system.CLONE_NEWNET)
        # New namespaces take this over from the machine, which may forward.
        with open(_FORWARDING, "w") as file:
            file.write("0")
        with contextlib.closing(Netlink()) as netlink:
            netlink.set_up(LOOPBACK_INDEX)
            netlink.add_address(LOOPBACK_INDEX, self._address, 32)
        return os.open(_OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)

    def _connect(self, namespace: str, address: str) -> None:
        name = f"pod{next(self._numbers)}"
        enter_network(namespace)
        with contextlib.closing(Netlink()) as inside:
            with contextlib.suppress(OSError):  # of a process that was killed
                inside.remove(DEVICE)
            inside.make_pair(DEVICE, namespace=self._namespace, peer_name=name)
            index = socket.if_nametoindex(DEVICE)
            try:
                system.enter_namespace(self._namespace)
                with contextlib.closing(Netlink()) as here:
                    peer = socket.if_nametoindex(name)
                    here.set_hardware_address(peer, _GATEWAY_HARDWARE)
                    here.add_neighbour_route(peer, address, source=self._address)
                    here.add_neighbour(peer, address, _SANDBOX_HARDWARE)
                inside.set_hardware_address(index, _SANDBOX_HARDWARE)
                inside.add_neighbour_route(index, self._address, source=address)
                inside.add_neighbour(index, self._address, _GATEWAY_HARDWARE)
            except OSError:
                inside.remove(DEVICE)
                raise

    def _listen(self, port: int) -> socket.socket:
        system.enter_namespace(self._namespace)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)
            listener.bind((self._address, port))
            listener.listen(BACKLOG_CONNECTIONS)
        except OSError:
            listener.close()
            raise
        return listener
