"""Whether the machine's firewall drops, unless a rule says otherwise, what the machine forwards.

That is the policy of a chain at the kernel's forward hook: in nf_tables, where `nft` and newer
iptables keep theirs, or in the older tables of iptables. Layouts: the kernel's
`linux/netfilter/nf_tables.h` and `linux/netfilter_ipv4/ip_tables.h`. Standard library alone.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator

from kernel.cri.process import syscalls as system

_NETLINK_NETFILTER = 12
_REQUEST_DUMP = 0x1 | 0x300
_DONE = 3
_ERROR = 2
_GET_CHAIN = 10 << 8 | 4
_CHAIN_HOOK, _CHAIN_POLICY, _HOOK_NUMBER = 4, 5, 1
_FAMILIES = (1, 2)  # those that see IPv4: inet, ip
_FORWARD, _DROP = 2, 0
_KIND = 0x3FFF  # without the flags for nesting and byte order

_TABLES_FILE = "/proc/net/ip_tables_names"
_GET_INFO, _GET_ENTRIES = 64, 65
_NAME = b"filter".ljust(32, b"\0")
_INFO_BYTES, _UNDERFLOWS_AT, _SIZE_AT = 84, 56, 80
_ENTRIES_AT, _TARGET_AT, _VERDICT_AT = 40, 88, 32


def drops_forwarded() -> bool:
    """Whether it does; False too where this user may not look."""
    with contextlib.suppress(OSError):
        if _drops_in_nf_tables():
            return True
    with contextlib.suppress(OSError):
        return _drops_in_ip_tables()
    return False


def _drops_in_nf_tables() -> bool:
    request = struct.pack("=IHHIIBBH", 20, _GET_CHAIN, _REQUEST_DUMP, 1, 0, 0, 0, 0)
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_NETFILTER) as channel:
        channel.send(request)
        return any(_is_drop(family, chain) for family, chain in _chains(channel))


def _chains(channel: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The family and the attributes of each."""
    while True:
        data = channel.recv(65536)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind in (_DONE, _ERROR):
                return
            yield data[16], data[20:length]
            data = data[length + -length % 4 :]


def _is_drop(family: int, chain: bytes) -> bool:
    attributes = _attributes(chain)
    if family not in _FAMILIES or _CHAIN_HOOK not in attributes:
        return False
    hook = _attributes(attributes[_CHAIN_HOOK])
    is_forward = hook.get(_HOOK_NUMBER) == struct.pack(">I", _FORWARD)
    return is_forward and attributes.get(_CHAIN_POLICY) == struct.pack(">I", _DROP)


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & _KIND] = data[4:length]
        data = data[length + -length % 4 :]
    return found


def _drops_in_ip_tables() -> bool:
    """The policy is the last rule of a chain, to which the table names the way. A table that
    nobody has used is not asked for: that would make it."""
    with open(_TABLES_FILE) as file:
        if "filter" not in file.read().split():
            return False
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as channel:
        info = system.ask_option(channel.fileno(), _GET_INFO, _NAME.ljust(_INFO_BYTES, b"\0"))
        (policy_at,) = struct.unpack_from("=I", info, _UNDERFLOWS_AT + 4 * _FORWARD)
        (size,) = struct.unpack_from("=I", info, _SIZE_AT)
        head = _NAME + struct.pack("=II", size, 0)
        question = head.ljust(_ENTRIES_AT + size, b"\0")
        entries = system.ask_option(channel.fileno(), _GET_ENTRIES, question)
    rule = entries[_ENTRIES_AT + policy_at :]
    (target_at,) = struct.unpack_from("=H", rule, _TARGET_AT)
    (verdict,) = struct.unpack_from("=i", rule, target_at + _VERDICT_AT)
    return bool(verdict == -_DROP - 1)
