"""Pods' way out of the machine: what a bridge's network sends further gets the machine's address.

One nf_tables table for each bridge, with the bridge's name, so that nobody else's rules are touched
and all of ours go at once. As `nft` would show it:

    table ip pk-1a2b3c4d {
        chain out {
            type nat hook postrouting priority srcnat;
            ip saddr 10.88.3.0/24 ip daddr != 10.88.3.0/24 masquerade
        }
    }

Spoken over a plain socket, because many machines lack the tool. Message layouts: the kernel's
`linux/netfilter/nf_tables.h` and `nfnetlink.h`; numbers in network byte order.
"""

import os
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Network

_NETLINK_NETFILTER = 12
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_CREATE, _NLM_F_APPEND = 0x1, 0x4, 0x400, 0x800
_NLMSG_ERROR = 2
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_SUBSYSTEM = 10
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 2, 3, 6
_NESTED = 0x8000
_FAMILY_IPV4 = 2

_TABLE_NAME = 1
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_TYPE = 1, 3, 4, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_POSTROUTING, _SOURCE_NAT_PRIORITY = 4, 100
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 2, 4
_LIST_ELEMENT, _EXPRESSION_NAME, _EXPRESSION_DATA = 1, 1, 2
_PAYLOAD_REGISTER, _PAYLOAD_BASE, _PAYLOAD_OFFSET, _PAYLOAD_LENGTH = 1, 2, 3, 4
_NETWORK_HEADER, _SOURCE_OFFSET, _DESTINATION_OFFSET = 1, 12, 16
_COMPARE_REGISTER, _COMPARE_OPERATION, _COMPARE_DATA, _DATA_VALUE = 1, 2, 3, 1
_EQUAL, _NOT_EQUAL = 0, 1
_REGISTER = 1
_CHAIN = "out"


def masquerade(bridge: str, network: IPv4Network) -> None:
    """Give the bridge its table, or the same one anew. Raises `OSError`."""
    name = _text(_TABLE_NAME, bridge)
    hook = _number(_HOOK_NUMBER, _POSTROUTING) + _number(_HOOK_PRIORITY, _SOURCE_NAT_PRIORITY)
    chain = (
        _text(_CHAIN_TABLE, bridge)
        + _text(_CHAIN_NAME, _CHAIN)
        + _nested(_CHAIN_HOOK, hook)
        + _text(_CHAIN_TYPE, "nat")
    )
    rule = (
        _text(_RULE_TABLE, bridge)
        + _text(_RULE_CHAIN, _CHAIN)
        + _nested(_RULE_EXPRESSIONS, b"".join(_expressions(network)))
    )
    _send(
        [
            # Made first, so that there is one to delete in any case.
            _message(_NEW_TABLE, _NLM_F_CREATE, name),
            _message(_DELETE_TABLE, 0, name),
            _message(_NEW_TABLE, _NLM_F_CREATE, name),
            _message(_NEW_CHAIN, _NLM_F_CREATE, chain),
            _message(_NEW_RULE, _NLM_F_CREATE | _NLM_F_APPEND, rule),
        ]
    )


def stop_masquerading(bridge: str) -> None:
    """Remove the bridge's table. Raises `OSError`, as where there is none."""
    _send([_message(_DELETE_TABLE, 0, _text(_TABLE_NAME, bridge))])


def _expressions(network: IPv4Network) -> Iterable[bytes]:
    # Networks that end with a byte need no mask: their bytes are compared.
    prefix = network.network_address.packed[: network.prefixlen // 8]
    for offset, operation in ((_SOURCE_OFFSET, _EQUAL), (_DESTINATION_OFFSET, _NOT_EQUAL)):
        yield _expression(
            "payload",
            _number(_PAYLOAD_REGISTER, _REGISTER)
            + _number(_PAYLOAD_BASE, _NETWORK_HEADER)
            + _number(_PAYLOAD_OFFSET, offset)
            + _number(_PAYLOAD_LENGTH, len(prefix)),
        )
        yield _expression(
            "cmp",
            _number(_COMPARE_REGISTER, _REGISTER)
            + _number(_COMPARE_OPERATION, operation)
            + _nested(_COMPARE_DATA, _attribute(_DATA_VALUE, prefix)),
        )
    yield _expression("masq", b"")


def _expression(name: str, data: bytes) -> bytes:
    content = _text(_EXPRESSION_NAME, name) + _nested(_EXPRESSION_DATA, data)
    return _nested(_LIST_ELEMENT, content)


def _send(messages: list[bytes]) -> None:
    """All of them happen, or none."""
    batch = [_batch_limit(_BATCH_BEGIN), *messages, _batch_limit(_BATCH_END)]
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_NETFILTER) as channel:
        channel.send(b"".join(batch))
        answered = 0
        while answered < len(messages):
            answered += _read_answers(channel.recv(65536))


def _read_answers(data: bytes) -> int:
    """How many succeeded. Raises `OSError` for the first that did not."""
    count = 0
    while data:
        length, kind = struct.unpack_from("=IH", data)
        (error,) = struct.unpack_from("=i", data, 16)
        if kind == _NLMSG_ERROR and error:
            raise OSError(-error, os.strerror(-error), "nf_tables")
        count += 1
        data = data[length + -length % 4 :]
    return count


def _message(kind: int, flags: int, attributes: bytes) -> bytes:
    flags |= _NLM_F_REQUEST | _NLM_F_ACK
    return _header(_SUBSYSTEM << 8 | kind, flags, _FAMILY_IPV4, 0, attributes)


def _batch_limit(kind: int) -> bytes:
    return _header(kind, _NLM_F_REQUEST, socket.AF_UNSPEC, _SUBSYSTEM, b"")


def _header(kind: int, flags: int, family: int, resource: int, attributes: bytes) -> bytes:
    """struct nlmsghdr and struct nfgenmsg"""
    own = struct.pack("=IHHII", 20 + len(attributes), kind, flags, 1, 0)
    return own + struct.pack(">BBH", family, 0, resource) + attributes


def _attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + b"\0" * (-length % 4)


def _nested(kind: int, attributes: bytes) -> bytes:
    return _attribute(_NESTED | kind, attributes)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack(">I", value))
