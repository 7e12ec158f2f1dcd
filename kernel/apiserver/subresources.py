"""What hangs below an object: its status, what is done with Pods, tokens of ServiceAccounts."""

import msgspec

from kernel.apiserver.served_kinds import is_asked
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
SCALE = Subresource(
    "scale", ("get", "patch", "update"), kind="Scale", group="autoscaling", version="v1"
)
_PROXY_VERBS = ("create", "delete", "get", "patch", "update")
POD_SUBRESOURCES = (
    Subresource("attach", ("create", "get"), kind="PodAttachOptions"),
    Subresource("binding", ("create",), kind="Binding", version="v1"),
    Subresource("ephemeralcontainers", ("get", "patch", "update")),
    Subresource("eviction", ("create",), kind="Eviction", group="policy", version="v1"),
    Subresource("exec", ("create", "get"), kind="PodExecOptions"),
    Subresource("log", ("get",)),
    Subresource("portforward", ("create", "get"), kind="PodPortForwardOptions"),
    Subresource("proxy", _PROXY_VERBS, kind="PodProxyOptions"),
    Subresource("resize", ("get", "patch", "update")),
)

SERVICE_ACCOUNT_SUBRESOURCES = (
    Subresource(
        "token", ("create",), kind="TokenRequest", group="authentication.k8s.io", version="v1"
    ),
)

_OF_CORE_KINDS = {
    "nodes": (Subresource("proxy", _PROXY_VERBS, kind="NodeProxyOptions"),),
    "pods": POD_SUBRESOURCES,
    "serviceaccounts": SERVICE_ACCOUNT_SUBRESOURCES,
    "services": (Subresource("proxy", _PROXY_VERBS, kind="ServiceProxyOptions"),),
}


def is_pod(info: KindInfo) -> bool:
    """Whether the kind is core/v1's Pod."""
    return info.plural == "pods" and not info.group


def is_service_account(info: KindInfo) -> bool:
    """Whether the kind is core/v1's ServiceAccount."""
    return info.plural == "serviceaccounts" and not info.group


def subresources_of(info: KindInfo) -> tuple[Subresource, ...]:
    """The subresources of a kind, by name."""
    if is_asked(info):
        return ()
    found: tuple[Subresource, ...] = () if info.group else _OF_CORE_KINDS.get(info.plural, ())
    if info.has_scale:
        found = (SCALE,)
    return (*found, STATUS) if info.has_status else found
