"""Who somebody is, and how that is asked (authentication.k8s.io/v1). None of these is stored."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int64, Time


class BoundObjectReference(Struct):
    """The object that a token lives and dies with: a Pod, a Secret or a Node."""

    kind: str = ""
    """Kind of the object, Pod or Secret say."""
    api_version: str = ""
    """Group and version of that kind."""
    name: str = ""
    """Name of the object."""
    uid: str = ""
    """Its uid; the token ends with the object of that uid."""


class TokenRequestSpec(Struct):
    """For whom a token is, and how long it is good. Without audiences, it is for this API."""

    audiences: list[str] = msgspec.field(default_factory=list)
    """For whom the token is; who is not among them must refuse it. Empty: the API server."""
    expiration_seconds: Int64 | None = None
    """For how many seconds it is wanted; the answer may give it another time. Default: 3600. At
    least 600."""
    bound_object_ref: BoundObjectReference | None = None
    """An object with whose deletion the token ends."""


class TokenRequestStatus(Struct):
    """The token, and when a new one should have taken its place at the latest."""

    token: str = msgspec.field(default_factory=str)
    """The token, a signed JWT."""
    expiration_timestamp: Time | None = None
    """When it expires."""


class TokenRequest(Kind, group="authentication.k8s.io", version="v1"):
    """Asks for a token of the ServiceAccount under whose path it is sent."""

    spec: TokenRequestSpec = msgspec.field(default_factory=TokenRequestSpec)
    """The token that is asked for."""
    status: TokenRequestStatus = msgspec.field(default_factory=TokenRequestStatus)
    """The token that was issued."""


class UserInfo(Struct):
    """A user, as the authentication has found them out."""

    username: str = ""
    """Unique name of the user."""
    uid: str = ""
    """What tells users of the same name at different times apart."""
    groups: list[str] = []
    """Names of the groups that the user is in."""
    extra: dict[str, list[str]] = {}
    """What the authenticator knows beside, by key."""


class TokenReviewSpec(Struct):
    """A token, and whom it has to be for."""

    token: str = ""
    """The bearer token."""
    audiences: list[str] = []
    """For whom the token must be, one of them at least. Empty: the API server."""


class TokenReviewStatus(Struct):
    """Whose token it is, if anybody's."""

    authenticated: bool = False
    """Whether the token is good."""
    user: UserInfo = msgspec.field(default_factory=UserInfo)
    """Whose token it is."""
    audiences: list[str] = []
    """Which of the audiences that were asked for it is for."""
    error: str = ""
    """Why it could not be checked, or is not good."""


class TokenReview(Kind, group="authentication.k8s.io", version="v1", namespaced=False):
    """Asks whose token this is."""

    spec: TokenReviewSpec = msgspec.field(default_factory=TokenReviewSpec)
    """The token to check. Required."""
    status: TokenReviewStatus = msgspec.field(default_factory=TokenReviewStatus)
    """What was found."""


class SelfSubjectReviewStatus(Struct):
    """Who asks."""

    user_info: UserInfo = msgspec.field(default_factory=UserInfo)
    """The user that the server takes the client for."""


class SelfSubjectReview(Kind, group="authentication.k8s.io", version="v1", namespaced=False):
    """Asks who the asker is: `kubectl auth whoami`."""

    status: SelfSubjectReviewStatus = msgspec.field(default_factory=SelfSubjectReviewStatus)
    """Who is asking."""
