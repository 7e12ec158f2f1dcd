"""Who somebody is, and how that is asked (authentication.k8s.io/v1). None of these is stored."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int64, Time


class BoundObjectReference(Struct):
    """The object that a token lives and dies with: a Pod, a Secret or a Node."""

    kind: str = ""
    api_version: str = ""
    name: str = ""
    uid: str = ""


class TokenRequestSpec(Struct):
    """For whom a token is, and how long it is good. Without audiences, it is for this API."""

    audiences: list[str] = msgspec.field(default_factory=list)
    expiration_seconds: Int64 | None = None
    bound_object_ref: BoundObjectReference | None = None


class TokenRequestStatus(Struct):
    """The token, and when a new one should have taken its place at the latest."""

    token: str = msgspec.field(default_factory=str)
    expiration_timestamp: Time | None = None


class TokenRequest(Kind, group="authentication.k8s.io", version="v1"):
    """Asks for a token of the ServiceAccount under whose path it is sent."""

    spec: TokenRequestSpec = msgspec.field(default_factory=TokenRequestSpec)
    status: TokenRequestStatus = msgspec.field(default_factory=TokenRequestStatus)


class UserInfo(Struct):
    """A user, as the authentication has found them out."""

    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class TokenReviewSpec(Struct):
    """A token, and whom it has to be for."""

    token: str = ""
    audiences: list[str] = []


class TokenReviewStatus(Struct):
    """Whose token it is, if anybody's."""

    authenticated: bool = False
    user: UserInfo = msgspec.field(default_factory=UserInfo)
    audiences: list[str] = []
    error: str = ""


class TokenReview(Kind, group="authentication.k8s.io", version="v1", namespaced=False):
    """Asks whose token this is."""

    spec: TokenReviewSpec = msgspec.field(default_factory=TokenReviewSpec)
    status: TokenReviewStatus = msgspec.field(default_factory=TokenReviewStatus)


class SelfSubjectReviewStatus(Struct):
    """Who asks."""

    user_info: UserInfo = msgspec.field(default_factory=UserInfo)


class SelfSubjectReview(Kind, group="authentication.k8s.io", version="v1", namespaced=False):
    """Asks who the asker is: `kubectl auth whoami`."""

    status: SelfSubjectReviewStatus = msgspec.field(default_factory=SelfSubjectReviewStatus)
