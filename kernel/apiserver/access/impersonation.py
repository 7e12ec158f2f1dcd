"""Requests in another's name: the Impersonate headers, and who may send them.

Source: Kubernetes' documentation, "User impersonation". Each part of the other's identity asks for
the verb `impersonate` on an object of its own: users, groups, serviceaccounts, uids, and
userextras/KEY.
"""

from collections.abc import Iterable, Iterator
from urllib.parse import unquote

import msgspec

from kernel.api.access.attributes import Attributes
from kernel.api.access.authorizer import AUTHENTICATED, UNAUTHENTICATED, Authorizer
from kernel.api.access.role_index import ACCOUNT_PREFIX
from kernel.api.errors import BadRequest
from kernel.objects.authentication import UserInfo

ANONYMOUS_NAME = "system:anonymous"

_PREFIX = b"impersonate-"
_INITIALS = (b"I", b"i")  # looked at first, for the sake of the requests that impersonate nobody
_EXTRA_PREFIX = "extra-"
_GROUP = "authentication.k8s.io"


class Asker(msgspec.Struct, frozen=True):
    """Whose rights a request has, and what the log calls them."""

    user: UserInfo
    logged_name: str


def asking_for(
    user: UserInfo, headers: Iterable[tuple[bytes, bytes]], authorizer: Authorizer
) -> Asker:
    """The user themselves, or whom they ask to be taken for. Raises `Forbidden`, `BadRequest`."""
    found = [
        (name[len(_PREFIX) :].decode("ascii", "replace").lower(), value)
        for name, value in headers
        if name[:1] in _INITIALS and name[: len(_PREFIX)].lower() == _PREFIX
    ]
    if not found:
        return Asker(user, user.username)
    other = _named(found)
    for asked in _required(other):
        authorizer.require(user, asked)
    other.groups = _all_groups(other)
    return Asker(other, f"{other.username} (impersonated by {user.username})")


def _named(headers: Iterable[tuple[str, bytes]]) -> UserInfo:
    """The identity as the headers name it, with no group that they don't."""
    other = UserInfo(groups=[], extra={})
    for name, raw in headers:
        value = raw.decode("utf-8", "replace")
        if name == "user":
            other.username = other.username or value
        elif name == "uid":
            other.uid = other.uid or value
        elif name == "group":
            other.groups.append(value)
        elif name.startswith(_EXTRA_PREFIX):
            key = unquote(name.removeprefix(_EXTRA_PREFIX))
            other.extra.setdefault(key, []).append(value)
    if not other.username:
        raise BadRequest("requested to impersonate groups, a uid or extras without a user")
    return other


def _required(other: UserInfo) -> Iterator[Attributes]:
    """All that one must be allowed to do to be taken for `other`."""
    account = _account(other.username)
    if account is not None:
        namespace, name = account
        yield Attributes("impersonate", "", "serviceaccounts", "", namespace, name)
    else:
        yield Attributes("impersonate", "", "users", name=other.username)
    for group in other.groups:
        yield Attributes("impersonate", "", "groups", name=group)
    for key, values in other.extra.items():
        for value in values:
            yield Attributes("impersonate", _GROUP, "userextras", key, name=value)
    if other.uid:
        yield Attributes("impersonate", _GROUP, "uids", name=other.uid)


def _all_groups(other: UserInfo) -> list[str]:
    """The groups that were named, and those that go without saying."""
    groups = list(other.groups)
    account = _account(other.username)
    if account is not None and not groups:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{account[0]}"]
    implied = UNAUTHENTICATED if other.username == ANONYMOUS_NAME else AUTHENTICATED
    if not {AUTHENTICATED, UNAUTHENTICATED} & set(groups):
        groups.append(implied)
    return groups


def _account(username: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that a user is."""
    if not username.startswith(ACCOUNT_PREFIX):
        return None
    namespace, colon, name = username.removeprefix(ACCOUNT_PREFIX).partition(":")
    return (namespace, name) if colon and namespace and name else None
