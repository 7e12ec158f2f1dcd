"""Tokens of the Pod's ServiceAccount in projected volumes (pure): which there are to be, whose the
files are, and when a new token is due.

The rules are the kubelet's (pkg/kubelet/token, pkg/volume/projected).
"""

import base64
import binascii
from collections.abc import Iterator

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.pod import Pod, PodSecurityContext, SecurityContext
from kernel.objects.volume import ServiceAccountTokenProjection

LIFETIME_SHARE = 0.8
LIFETIME_SECONDS_MAX = 24 * 3600
OWNER_ONLY = 0o600


class _BoundTo(msgspec.Struct):
    uid: str = ""


class _KubernetesClaims(msgspec.Struct):
    pod: _BoundTo = msgspec.field(default_factory=_BoundTo)


class _Claims(msgspec.Struct, rename={"kubernetes": "kubernetes.io"}):
    """What a token says of itself, as far as its replacement depends on that."""

    iat: int = 0
    exp: int = 0
    kubernetes: _KubernetesClaims = msgspec.field(default_factory=_KubernetesClaims)


def token_file(volume_name: str, path: str) -> str:
    """What a token is known by within its Pod: `kube-api-access-x7k2p/token`."""
    return f"{volume_name}/{path}"


def wanted_tokens(pod: Pod) -> Iterator[tuple[str, ServiceAccountTokenProjection]]:
    """The tokens that the Pod's volumes ask for, by `token_file`."""
    for volume in pod.spec.volumes:
        for projection in volume.projected.sources if volume.projected else ():
            token = projection.service_account_token
            if token is not None:
                yield token_file(volume.name, token.path), token


def token_mode(pod: Pod, default_mode: int) -> int:
    """A token's permission bits: closer than `default_mode` where it is known who reads it."""
    security = pod.spec.security_context or PodSecurityContext()
    known = token_owner(pod) is not None or security.fs_group is not None
    return OWNER_ONLY if known else default_mode


def token_owner(pod: Pod) -> int | None:
    """The user whom tokens belong to: the one that all containers run as, if it is one."""
    shared = pod.spec.security_context or PodSecurityContext()
    users = set[int | None]()
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        own = (container.security_context or SecurityContext()).run_as_user
        users.add(shared.run_as_user if own is None else own)
    return users.pop() if len(users) == 1 else None


def replacement_due(token: str, projection: ServiceAccountTokenProjection, pod_uid: str) -> int:
    """When `token` has to be replaced, in nanoseconds since the epoch: after four fifths of the
    lifetime that is asked for, or a day. 0 for what is no token of the Pod with this uid (pure)."""
    claims = _claims_of(token)
    if claims is None or claims.kubernetes.pod.uid != pod_uid:
        return 0
    lifetime_seconds = projection.expiration_seconds or claims.exp - claims.iat
    seconds = min(lifetime_seconds * LIFETIME_SHARE, LIFETIME_SECONDS_MAX)
    return int((claims.iat + seconds) * NANOSECONDS_PER_SECOND)


def _claims_of(token: str) -> _Claims | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=_Claims)
    except (binascii.Error, msgspec.DecodeError, UnicodeError):
        return None
