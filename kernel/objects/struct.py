"""The base of every struct that stands for a piece of the Kubernetes API.

Python names are snake_case, wire names are Kubernetes' camelCase with its acronyms:
`host_ip` is `hostIP`, `pod_ips` is `podIPs`. Fields at their default are left out on the wire,
as Go's `omitempty` does. What clients always expect there has a `default_factory` (`bool`, `str`,
a struct): msgspec leaves out equal constants and empty lists and dicts, but never those.
"""

from dataclasses import dataclass
from typing import Any, dataclass_transform

import msgspec

_ACRONYMS = {
    word.lower(): word
    for word in (
        *("API", "CIDR", "CIDRs", "CPU", "CSI", "DNS", "FQDN", "GID", "HTTP", "ID", "IDs", "IO"),
        *("IP", "IPs", "IPC", "OS", "PID", "TCP", "TLS", "UID", "UIDs", "URI", "URL", "URLs"),
        *("UUID", "WWNs"),
    )
}


def wire_name(python_name: str) -> str:
    """The name on the wire of a Python field: `pod_ips` → `podIPs`, `api_version` → `apiVersion`.

    A trailing underscore, which keeps a name clear of a Python keyword, is dropped.
    """
    name = python_name.rstrip("_")
    first, *rest = name.split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in rest)


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class StructMeta(msgspec.StructMeta):
    """Gives each struct the wire rules above without every class having to ask for them.

    With the class keyword `atomic`, server-side apply takes a struct as one value, with one owner.
    """

    is_atomic: bool

    def __new__(
        metaclass,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        atomic: bool = False,
        **options: Any,
    ) -> Any:
        rules: dict[str, Any] = {
            "kw_only": True,
            "rename": wire_name,
            "omit_defaults": True,
            "forbid_unknown_fields": True,
        }
        cls = super().__new__(metaclass, name, bases, namespace, **(rules | options))
        cls.is_atomic = atomic
        return cls


@dataclass(frozen=True, slots=True)
class MergeKey:
    """How a strategic merge patch treats a list; stands in the field's `Annotated` type.

    ```python
    containers: Annotated[list[Container], MergeKey("name")] = []
    ```

    `key` is the wire name of the field that tells elements apart; empty for a list of plain
    values, which is merged as a set. With `retain_keys` a patch may name, in `$retainKeys`, the
    only keys that an element is to keep. A list without a MergeKey is replaced as a whole.

    Server-side apply tells elements apart by `key` and by the fields `also`, each with the value
    that it has where it is left out (empty: it must be there).
    """

    key: str = ""
    retain_keys: bool = False
    also: tuple[tuple[str, str], ...] = ()


class RetainKeys:
    """Stands in the `Annotated` type of a struct of which a strategic merge patch names, in
    `$retainKeys`, the only keys that it is to keep: a union, whose kinds have different fields."""


class Atomic:
    """Stands in the `Annotated` type of a map, or of a list that patches merge, which server-side
    apply takes as one value."""


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Struct(msgspec.Struct, metaclass=StructMeta):
    """A part of an object: subclass it for the spec and status of a kind of your own."""
