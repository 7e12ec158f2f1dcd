"""What hangs below an object: its status, and for Pods also binding and log."""

import msgspec

from kernel.objects.kind import KindInfo


class Subresource(msgspec.Struct, frozen=True):
    """A path segment after an object's name. `kind` (with its group and version) is what it
    answers, where that is another kind than the object's."""

    name: str
    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


STATUS = Subresource("status", ("get", "patch", "update"))
POD_SUBRESOURCES = (
    Subresource("binding", ("create",), kind="Binding", version="v1"),
    Subresource("log", ("get",)),
)


def is_pod(info: KindInfo) -> bool:
    """Whether the kind is core/v1's Pod."""
    return info.plural == "pods" and not info.group


def subresources_of(info: KindInfo) -> tuple[Subresource, ...]:
    """The subresources of a kind, by name."""
    found = POD_SUBRESOURCES if is_pod(info) else ()
    return (*found, STATUS) if info.has_status else found
