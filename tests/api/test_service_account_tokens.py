"""Tokens of ServiceAccounts: what they say, how long they are good, and what voids them."""

import base64
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kernel.api.errors import BadRequest, Conflict, Invalid, NotFound, Unauthorized
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.api.service_account_tokens import ISSUER, ServiceAccountTokens
from kernel.clock import ManualClock
from kernel.objects.authentication import BoundObjectReference, TokenRequest, TokenRequestSpec
from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node
from kernel.objects.pod import Container, Pod, PodSpec
from kernel.objects.service import ServiceAccount

pytestmark = pytest.mark.anyio


@pytest.fixture
def tokens(api: ObjectApi, tmp_path: Path) -> ServiceAccountTokens:
    return ServiceAccountTokens(api, tmp_path / "pki" / "sa.key")


@pytest.fixture
async def client(api: ObjectApi, tokens: ServiceAccountTokens) -> LocalClient:
    """A client to a world with the ServiceAccount `robot` and the Pod `web` that uses it."""
    client = LocalClient(api, tokens=tokens)
    await client.create(ServiceAccount(metadata=ObjectMeta(name="robot")))
    await client.create(Node(metadata=ObjectMeta(name="one")))
    await client.create(_pod())
    return client


def _pod() -> Pod:
    return Pod(
        metadata=ObjectMeta(name="web"),
        spec=PodSpec(
            node_name="one",
            service_account_name="robot",
            containers=[Container(name="c", image="busybox")],
        ),
    )


def _bound_to_pod(**fields: Any) -> TokenRequest:
    reference = BoundObjectReference(
        kind="Pod", api_version="v1", name="web", uid=fields.pop("uid", "")
    )
    return TokenRequest(spec=TokenRequestSpec(bound_object_ref=reference, **fields))


def _claims(token: str) -> Any:
    payload = token.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def test_a_token_says_what_those_of_kubernetes_say(
    client: LocalClient, clock: ManualClock
) -> None:
    answered = await client.request_token("robot", _bound_to_pod(expiration_seconds=3607))
    pod = await client.get(Pod, "web")
    account = await client.get(ServiceAccount, "robot")
    node = await client.get(Node, "one")
    now = clock.now_nanoseconds() // 10**9
    claims = _claims(answered.status.token)
    assert claims.pop("jti")
    assert claims == {
        "aud": [ISSUER],
        "exp": now + 365 * 24 * 3600,
        "iat": now,
        "iss": ISSUER,
        "nbf": now,
        "sub": "system:serviceaccount:default:robot",
        "kubernetes.io": {
            "namespace": "default",
            "node": {"name": "one", "uid": node.metadata.uid},
            "pod": {"name": "web", "uid": pod.metadata.uid},
            "serviceaccount": {"name": "robot", "uid": account.metadata.uid},
            "warnafter": now + 3607,
        },
    }
    assert answered.status.expiration_timestamp is not None
    assert int(answered.status.expiration_timestamp.timestamp()) == now + 3607


async def test_a_token_names_its_user(client: LocalClient, tokens: ServiceAccountTokens) -> None:
    answered = await client.request_token("robot", _bound_to_pod())
    user = tokens.identify(answered.status.token).user
    pod = await client.get(Pod, "web")
    assert user.username == "system:serviceaccount:default:robot"
    assert user.uid == (await client.get(ServiceAccount, "robot")).metadata.uid
    assert user.groups == [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ]
    prefix = "authentication.kubernetes.io/"
    assert user.extra[f"{prefix}pod-name"] == ["web"]
    assert user.extra[f"{prefix}pod-uid"] == [pod.metadata.uid]
    assert user.extra[f"{prefix}node-name"] == ["one"]
    assert user.extra[f"{prefix}credential-id"][0].startswith("JTI=")


async def test_a_token_ends_with_its_time(
    client: LocalClient, tokens: ServiceAccountTokens, clock: ManualClock
) -> None:
    request = TokenRequest(spec=TokenRequestSpec(expiration_seconds=600))
    token = (await client.request_token("robot", request)).status.token
    await clock.advance(599)
    tokens.identify(token)
    await clock.advance(1)
    with pytest.raises(Unauthorized, match="has expired"):
        tokens.identify(token)


async def test_a_token_ends_with_its_service_account(
    client: LocalClient, tokens: ServiceAccountTokens
) -> None:
    token = (await client.request_token("robot")).status.token
    tokens.identify(token)
    await client.delete(ServiceAccount, "robot")
    with pytest.raises(Unauthorized, match="invalidated"):
        tokens.identify(token)
    await client.create(ServiceAccount(metadata=ObjectMeta(name="robot")))
    with pytest.raises(Unauthorized, match="invalidated"):
        tokens.identify(token)


async def test_a_token_ends_with_its_pod(
    client: LocalClient, tokens: ServiceAccountTokens, clock: ManualClock
) -> None:
    token = (await client.request_token("robot", _bound_to_pod())).status.token
    await client.delete(Pod, "web", grace_period_seconds=30)
    await clock.advance(89)
    tokens.identify(token)
    await clock.advance(2)
    with pytest.raises(Unauthorized, match="pod web is gone"):
        tokens.identify(token)
    fresh = (await client.request_token("robot")).status.token
    await client.delete(Pod, "web", grace_period_seconds=0)
    await client.create(_pod())
    tokens.identify(fresh)
    with pytest.raises(Unauthorized, match="invalidated"):
        tokens.identify(token)


async def test_a_token_is_for_its_audiences(
    client: LocalClient, tokens: ServiceAccountTokens
) -> None:
    request = TokenRequest(spec=TokenRequestSpec(audiences=["vault", "bank"]))
    token = (await client.request_token("robot", request)).status.token
    assert tokens.identify(token, ["bank", "shop"]).audiences == ("bank",)
    with pytest.raises(Unauthorized, match="other audiences"):
        tokens.identify(token)


async def test_what_was_signed_elsewhere_or_changed_is_refused(
    client: LocalClient, api: ObjectApi, tokens: ServiceAccountTokens, tmp_path: Path
) -> None:
    token = (await client.request_token("robot")).status.token
    other = ServiceAccountTokens(api, tmp_path / "other.key")
    header, payload, signature = token.split(".")
    forged = (
        base64.urlsafe_b64encode(msgspec.json.encode(_claims(token) | {"exp": 1 << 40}))
        .rstrip(b"=")
        .decode()
    )
    for bad in (f"{header}.{forged}.{signature}", f"{header}.{payload}.", "a.b.c"):
        with pytest.raises(Unauthorized, match="invalid bearer token"):
            tokens.identify(bad)
    with pytest.raises(Unauthorized, match="invalid bearer token"):
        other.identify(token)


async def test_the_key_is_private_and_kept(
    client: LocalClient, api: ObjectApi, tokens: ServiceAccountTokens, tmp_path: Path
) -> None:
    token = (await client.request_token("robot")).status.token
    key_file = tmp_path / "pki" / "sa.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    again = ServiceAccountTokens(api, key_file)
    assert again.identify(token).user.username == "system:serviceaccount:default:robot"


async def test_what_can_not_be_asked_for(client: LocalClient) -> None:
    with pytest.raises(NotFound, match='serviceaccounts "nobody" not found'):
        await client.request_token("nobody")
    for seconds in (0, 599):
        with pytest.raises(Invalid, match="may not specify a duration less than 10 minutes"):
            await client.request_token("robot", _bound_to_pod(expiration_seconds=seconds))
    with pytest.raises(Invalid, match=r"larger than 2\^32 seconds"):
        await client.request_token("robot", _bound_to_pod(expiration_seconds=2**32 + 1))
    with pytest.raises(Conflict, match="does not match the UID in record"):
        await client.request_token("robot", _bound_to_pod(uid="another"))
    map_reference = BoundObjectReference(kind="ConfigMap", api_version="v1", name="m")
    request = TokenRequest(spec=TokenRequestSpec(bound_object_ref=map_reference))
    with pytest.raises(BadRequest, match="cannot bind token to object of type v1, Kind=ConfigMap"):
        await client.request_token("robot", request)
    await client.create(ServiceAccount(metadata=ObjectMeta(name="other")))
    with pytest.raises(BadRequest, match="different serviceaccount name"):
        await client.request_token("other", _bound_to_pod())
