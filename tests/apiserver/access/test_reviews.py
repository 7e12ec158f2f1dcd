"""TokenRequest, TokenReview and SelfSubjectReview over HTTP, and requests with such a token."""

from typing import Any

import pytest

from ..conftest import Answered, Served, bind, config_map

pytestmark = pytest.mark.anyio

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
REVIEWS = "/apis/authentication.k8s.io/v1"
USER = "system:serviceaccount:default:robot"


def _review(kind: str, **spec: Any) -> dict[str, Any]:
    review: dict[str, Any] = {"apiVersion": "authentication.k8s.io/v1", "kind": kind}
    return review | ({"spec": spec} if spec else {})


async def _token(served: Served, **spec: Any) -> Answered:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
    await served.post(ACCOUNTS, account)
    return await served.post(f"{ACCOUNTS}/robot/token", _review("TokenRequest", **spec))


async def test_a_token_lets_its_service_account_in(served: Served) -> None:
    answer = await _token(served, expirationSeconds=1200)
    assert (answer.status, answer.json["kind"]) == (201, "TokenRequest")
    assert answer.json["spec"]["expirationSeconds"] == 1200
    bearer = f"Bearer {answer.json['status']['token']}"
    path = "/api/v1/namespaces/default/configmaps"
    asked = {"Authorization": bearer, "User_Agent": "robot/1"}
    refused = await served.post(path, config_map("mine"), **asked)
    assert (refused.status, refused.json["message"]) == (
        403,
        f'configmaps is forbidden: User "{USER}" cannot create resource "configmaps" in API group'
        ' "" in the namespace "default"',
    )
    await bind(served, "edit", {"kind": "ServiceAccount", "name": "robot", "namespace": "default"})
    created = await served.post(path, config_map("mine"), **asked)
    assert created.status == 201
    entries, _ = served.store.entries(1)
    assert entries[-1].actor == f"{USER} via robot"
    await served.ask("DELETE", f"{ACCOUNTS}/robot")
    refused = await served.get(path, Authorization=bearer)
    assert (refused.status, refused.json["message"]) == (401, "Unauthorized")


async def test_whose_token_it_is(served: Served) -> None:
    token = (await _token(served, audiences=["vault"])).json["status"]["token"]
    path = f"{REVIEWS}/tokenreviews"
    for audiences, authenticated in ((["vault", "bank"], True), ([], False)):
        review = _review("TokenReview", token=token, audiences=audiences)
        answer = await served.post(path, review)
        assert answer.status == 201
        status = answer.json["status"]
        assert status.get("authenticated", False) is authenticated
    assert status["error"] == "the token is for other audiences"


async def test_the_token_of_the_kubeconfig_is_reviewed(served: Served) -> None:
    for audiences, authenticated in (([], True), (["vault"], False)):
        review = _review("TokenReview", token=served.server.token, audiences=audiences)
        status = (await served.post(f"{REVIEWS}/tokenreviews", review)).json["status"]
        assert status.get("authenticated", False) is authenticated
        if authenticated:
            assert status["user"]["username"] == "admin"


async def test_who_i_am(served: Served) -> None:
    path = f"{REVIEWS}/selfsubjectreviews"
    mine = (await served.post(path, _review("SelfSubjectReview"))).json["status"]["userInfo"]
    assert mine == {"username": "admin", "groups": ["system:masters", "system:authenticated"]}
    bearer = f"Bearer {(await _token(served)).json['status']['token']}"
    robot = await served.post(path, _review("SelfSubjectReview"), Authorization=bearer)
    assert robot.json["status"]["userInfo"]["username"] == USER


async def test_reviews_are_discovered(served: Served) -> None:
    resources = (await served.get(REVIEWS)).json["resources"]
    found = [(one["name"], one["namespaced"], one["verbs"]) for one in resources]
    assert found == [
        ("selfsubjectreviews", False, ["create"]),
        ("tokenreviews", False, ["create"]),
    ]
    accounts = (await served.get("/api/v1")).json["resources"]
    (token,) = [one for one in accounts if one["name"] == "serviceaccounts/token"]
    assert (token["kind"], token["group"], token["version"], token["verbs"]) == (
        *("TokenRequest", "authentication.k8s.io", "v1"),
        ["create"],
    )


async def test_what_is_no_review_is_refused(served: Served) -> None:
    await _token(served)
    assert (await served.post(f"{REVIEWS}/nothings", {})).status == 404
    assert (await served.get(f"{REVIEWS}/tokenreviews")).status == 405
    assert (await served.get(f"{ACCOUNTS}/robot/token")).status == 405
    named = _review("TokenRequest") | {"metadata": {"name": "another"}}
    answer = await served.post(f"{ACCOUNTS}/robot/token", named)
    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")


async def test_the_keys_are_told_to_those_who_check_tokens(served: Served) -> None:
    document = (await served.get("/.well-known/openid-configuration")).json
    assert document["issuer"] == "https://kubernetes.default.svc.cluster.local"
    keys = (await served.get("/openid/v1/jwks")).json["keys"]
    assert [(key["kty"], key["alg"], key["use"]) for key in keys] == [("EC", "ES256", "sig")]
    assert (await served.get("/openid/v2")).status == 404
