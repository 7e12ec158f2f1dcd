"""From an object to the keys of those that own it."""

from kernel.control.reconciler import Request
from kernel.objects.kind import Kind


def owner_requests(owner_kind: type[Kind], obj: Kind) -> list[Request]:
    """The objects of `owner_kind` that `obj` names as its controllers."""
    info = owner_kind.info
    return [
        Request(owner.name, obj.metadata.namespace if info.namespaced else "")
        for owner in obj.metadata.owner_references
        if owner.controller
        and owner.kind == info.kind
        and owner.api_version.rpartition("/")[0] == info.group
    ]
