"""The base of every struct that stands for a piece of the Kubernetes API.

Python names are snake_case, wire names are Kubernetes' camelCase with its acronyms:
`host_ip` is `hostIP`, `pod_ips` is `podIPs`. Fields at their default are left out on the wire,
as Go's `omitempty` does.
"""

from typing import Any, dataclass_transform

import msgspec

_ACRONYMS = {
    word.lower(): word
    for word in (
        *("API", "CIDR", "CIDRs", "CPU", "CSI", "DNS", "FQDN", "GID", "HTTP", "ID", "IO"),
        *("IP", "IPs", "IPC", "OS", "PID", "TCP", "TLS", "UID", "URI", "URL", "UUID", "WWNs"),
    )
}

# Wire names in which Kubernetes writes an acronym as an ordinary word.
_EXCEPTIONS = {
    "os_image": "osImage",
    "session_affinity_config": "sessionAffinityConfig",
    "http_get": "httpGet",
    "tcp_socket": "tcpSocket",
    "http_headers": "httpHeaders",
}


def wire_name(python_name: str) -> str:
    """The name on the wire of a Python field: `pod_ips` → `podIPs`, `api_version` → `apiVersion`.

    A trailing underscore, which keeps a name clear of a Python keyword, is dropped.
    """
    name = python_name.rstrip("_")
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    first, *rest = name.split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in rest)


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class StructMeta(msgspec.StructMeta):
    """Gives each struct the wire rules above without every class having to ask for them."""

    def __new__(
        metaclass, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        options = {
            "kw_only": True,
            "rename": wire_name,
            "omit_defaults": True,
            "forbid_unknown_fields": True,
        } | options
        return super().__new__(metaclass, name, bases, namespace, **options)


class Struct(msgspec.Struct, metaclass=StructMeta):
    """A part of an object: subclass it for the spec and status of a kind of your own."""
