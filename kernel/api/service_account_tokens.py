"""Tokens of ServiceAccounts: issued as TokenRequest asks, and checked when they are shown.

A token is bound to the ServiceAccount, and to a Pod, Secret or Node where the request names one: it
is void once one of them has gone, or been made anew. Claims and rules are those of Kubernetes (KEP
1205; pkg/serviceaccount).
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kernel.api.causes import Causes
from kernel.api.errors import BadRequest, Conflict, Invalid, NotFound, Unauthorized
from kernel.api.object_api import ObjectApi
from kernel.clock import now_timestamp
from kernel.objects.authentication import BoundObjectReference, TokenRequest, UserInfo
from kernel.objects.config import Secret
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.service import ServiceAccount

if TYPE_CHECKING:
    from kernel.api.token_key import TokenKey

ISSUER = "https://kubernetes.default.svc.cluster.local"
EXPIRATION_SECONDS_DEFAULT = 3600
EXPIRATION_SECONDS_MIN = 600
EXPIRATION_SECONDS_MAX = 1 << 32

# What every Pod is given unasked is asked for with this lifetime. Programs that never read their
# token again go on working for a year; those that do have a new one long before.
EXTENDED_EXPIRATION_SECONDS = 3607
EXTENSION_SECONDS = 365 * 24 * 3600

# A token outlives the end of what it is bound to for so long.
DELETION_LEEWAY = timedelta(seconds=60)

SUBJECT_PREFIX = "system:serviceaccount:"
PRIVATE_CLAIMS = "kubernetes.io"

TOKENS_REMEMBERED_MAX = 1024

_BOUND_KINDS: dict[tuple[str, str], type[Kind]] = {
    ("v1", "Pod"): Pod,
    ("v1", "Secret"): Secret,
    ("v1", "Node"): Node,
}


class Identity(msgspec.Struct, frozen=True):
    """Whose token was shown, and for whom it is."""

    user: UserInfo
    audiences: tuple[str, ...]


class ServiceAccountTokens:
    """Issues and checks tokens over one `ObjectApi`, with the key in `key_file`, which is made
    where it is missing."""

    def __init__(self, api: ObjectApi, key_file: Path):
        self._api = api
        self._key_file = key_file
        # A signature takes ten times as long to check as all the rest.
        self._claims: dict[str, dict[str, Any]] = {}

    @cached_property
    def key(self) -> "TokenKey":
        """The key pair that signs."""
        # Cryptography takes long to load, and a program that serves nobody needs none.
        from kernel.api.token_key import TokenKey

        return TokenKey.load(self._key_file)

    def issue(self, namespace: str, name: str, request: TokenRequest) -> TokenRequest:
        """Answer the request with a token of the ServiceAccount in its status.

        Raises `NotFound`, `Invalid`, `BadRequest` for an object that no token is bound to, and
        `Conflict` where that is another one by now.
        """
        account = self._api.get(ServiceAccount, namespace, name).decode()
        spec = request.spec
        seconds = spec.expiration_seconds
        if seconds is None:
            seconds = EXPIRATION_SECONDS_DEFAULT
        _require_valid(name, seconds)
        audiences = list(spec.audiences) or [ISSUER]
        now = now_timestamp(self._api.clock)
        issued = int(now.timestamp())
        private: dict[str, Any] = {
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": account.metadata.uid},
        }
        pod = self._bind(private, namespace, name, spec.bound_object_ref)
        lifetime = seconds
        if pod and seconds == EXTENDED_EXPIRATION_SECONDS and audiences == [ISSUER]:
            private["warnafter"] = issued + seconds
            lifetime = EXTENSION_SECONDS
        claims = {
            "aud": audiences,
            "exp": issued + lifetime,
            "iat": issued,
            "iss": ISSUER,
            "jti": self._api.clock.uuid(),
            PRIVATE_CLAIMS: private,
            "nbf": issued,
            "sub": f"{SUBJECT_PREFIX}{namespace}:{name}",
        }
        answer = msgspec.json.decode(msgspec.json.encode(request), type=TokenRequest)
        answer.metadata = ObjectMeta(name=name, namespace=namespace, creation_timestamp=now)
        answer.spec.audiences = audiences
        answer.spec.expiration_seconds = seconds
        answer.status.token = self.key.sign(claims)
        answer.status.expiration_timestamp = now + timedelta(seconds=seconds)
        return answer

    def identify(self, token: str, audiences: Sequence[str] = (ISSUER,)) -> Identity:
        """Whose token it is, and for which of `audiences`. Raises `Unauthorized`, saying why."""
        claims = self._signed_claims(token)
        if claims.get("iss") != ISSUER:
            raise Unauthorized("the token was issued by somebody else")
        now = now_timestamp(self._api.clock)
        if now.timestamp() >= claims["exp"]:
            raise Unauthorized("service account token has expired")
        if now.timestamp() < claims["nbf"]:
            raise Unauthorized("service account token is not valid yet")
        meant = tuple(one for one in audiences if one in claims["aud"])
        if not meant:
            raise Unauthorized("the token is for other audiences")
        return Identity(self._user(claims, now), meant)

    def _bind(
        self,
        private: dict[str, Any],
        namespace: str,
        account_name: str,
        reference: BoundObjectReference | None,
    ) -> bool:
        """Put what the token is bound to into its claims; answers whether that is a Pod."""
        if reference is None:
            return False
        kind = _BOUND_KINDS.get((reference.api_version, reference.kind))
        if kind is None:
            shown = f"{reference.api_version}, Kind={reference.kind}"
            raise BadRequest(f"cannot bind token to object of type {shown}")
        namespace = namespace if kind.info.namespaced else ""
        bound = self._api.get(kind, namespace, reference.name).decode()
        uid = bound.metadata.uid
        if reference.uid not in ("", uid):
            raise Conflict(
                f'Operation cannot be fulfilled on {reference.kind} "{reference.name}": the UID in '
                f"the bound object reference ({reference.uid}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
        private[kind.info.singular] = {"name": reference.name, "uid": uid}
        if not isinstance(bound, Pod):
            return False
        if bound.spec.service_account_name != account_name:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{account_name}" to pod running with '
                "different serviceaccount name."
            )
        if bound.spec.node_name:
            private["node"] = self._node_claim(bound.spec.node_name)
        return True

    def _node_claim(self, name: str) -> dict[str, str]:
        claim = {"name": name}
        with suppress(NotFound):
            claim["uid"] = self._api.get(Node, "", name).decode().metadata.uid
        return claim

    def _signed_claims(self, token: str) -> dict[str, Any]:
        claims = self._claims.get(token)
        if claims is None:
            claims = self.key.claims_of(token)
            if len(self._claims) >= TOKENS_REMEMBERED_MAX:
                self._claims.clear()
            self._claims[token] = claims
        return claims

    def _user(self, claims: dict[str, Any], now: datetime) -> UserInfo:
        private = claims[PRIVATE_CLAIMS]
        namespace, account = private["namespace"], private["serviceaccount"]
        self._require_living(ServiceAccount, namespace, account, now)
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}
        for kind in _BOUND_KINDS.values():
            singular = kind.info.singular
            bound = private.get(singular)
            if bound is None:
                continue
            if kind is not Node or "pod" not in private:  # a Pod's node is told, not bound to
                place = namespace if kind.info.namespaced else ""
                self._require_living(kind, place, bound, now)
            if kind is not Secret:
                extra |= {
                    f"authentication.kubernetes.io/{singular}-{field}": [value]
                    for field, value in bound.items()
                }
        return UserInfo(
            username=f"{SUBJECT_PREFIX}{namespace}:{account['name']}",
            uid=account["uid"],
            groups=[
                "system:serviceaccounts",
                f"system:serviceaccounts:{namespace}",
                "system:authenticated",
            ],
            extra=extra,
        )

    def _require_living(
        self, kind: type[Kind], namespace: str, wanted: dict[str, str], now: datetime
    ) -> None:
        """Raise `Unauthorized` where an object has gone, or is another one by now."""
        name = wanted["name"]
        try:
            metadata = self._api.get(kind, namespace, name).metadata()
        except NotFound as error:
            raise Unauthorized(f"service account token has been invalidated: {error}") from error
        deletion = metadata.deletion_timestamp
        ended = deletion is not None and deletion + DELETION_LEEWAY < now
        if ended or metadata.uid != wanted["uid"]:
            raise Unauthorized(
                f"service account token has been invalidated: {kind.info.singular} {name} is gone"
            )


def _require_valid(name: str, seconds: int) -> None:
    causes = Causes()
    path = "spec.expirationSeconds"
    if seconds < EXPIRATION_SECONDS_MIN:
        causes.invalid(path, seconds, "may not specify a duration less than 10 minutes")
    if seconds > EXPIRATION_SECONDS_MAX:
        causes.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")
    if causes.found:
        raise Invalid.of("authentication.k8s.io", "TokenRequest", name, causes.found)
