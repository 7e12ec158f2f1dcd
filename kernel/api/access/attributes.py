"""What a request is about to do, as far as permission for it is asked."""

import json

import msgspec

from kernel.api.errors import Forbidden
from kernel.objects.authentication import UserInfo
from kernel.objects.meta import StatusDetails


class Attributes(msgspec.Struct, frozen=True):
    """A verb on objects: `resource` is their kind's plural, `namespace` is empty across namespaces
    and for kinds without one, `name` for all objects. Or, where `path` is not None, a verb at a
    path that stands for no objects."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str | None = None

    @property
    def qualified_resource(self) -> str:
        """`pods/log`, as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def refusal(user: UserInfo, attributes: Attributes, reason: str = "") -> Forbidden:
    """The refusal in Kubernetes' words (k8s.io/apiserver, handlers/responsewriters/errors.go)."""
    asked = attributes
    words = f"User {quoted(user.username)} cannot {asked.verb} "
    if asked.path is not None:
        message = f"forbidden: {words}path {quoted(asked.path)}"
        return Forbidden(_with_reason(message, reason), details=StatusDetails())
    kind = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f"{kind} {quoted(asked.name)}" if asked.name else kind
    place = (
        f"in the namespace {quoted(asked.namespace)}" if asked.namespace else "at the cluster scope"
    )
    message = (
        f"{named} is forbidden: {words}resource {quoted(asked.qualified_resource)} in API group "
        f"{quoted(asked.group)} {place}"
    )
    details = StatusDetails(name=asked.name, group=asked.group, kind=asked.resource)
    return Forbidden(_with_reason(message, reason), details=details)


def quoted(text: str) -> str:
    """A text as Go's `%q` shows it, near enough."""
    return json.dumps(text, ensure_ascii=False)


def _with_reason(message: str, reason: str) -> str:
    return f"{message}: {reason}" if reason else message
