"""SubjectAccessReview and its like over HTTP, answered by the roles that are bound."""

from typing import Any

import pytest

from ..conftest import Answered, Served, bind

pytestmark = pytest.mark.anyio

REVIEWS = "/apis/authorization.k8s.io/v1"
LOCAL = f"{REVIEWS}/namespaces/default/localsubjectaccessreviews"
PATHS = {
    "SelfSubjectAccessReview": f"{REVIEWS}/selfsubjectaccessreviews",
    "SelfSubjectRulesReview": f"{REVIEWS}/selfsubjectrulesreviews",
    "SubjectAccessReview": f"{REVIEWS}/subjectaccessreviews",
    "LocalSubjectAccessReview": LOCAL,
}
PODS = {"verb": "list", "resource": "pods", "namespace": "default"}
LOGS = {"verb": "get", "path": "/logs"}


async def _ask(served: Served, kind: str, **spec: Any) -> Answered:
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    return await served.post(PATHS[kind], review)


@pytest.mark.parametrize(
    ("kind", "spec", "allowed"),
    [
        ("SelfSubjectAccessReview", {"resourceAttributes": PODS}, True),
        ("SelfSubjectAccessReview", {"nonResourceAttributes": LOGS}, True),
        ("SubjectAccessReview", {"resourceAttributes": PODS, "user": "jane"}, True),
        ("SubjectAccessReview", {"resourceAttributes": PODS, "user": "joe"}, False),
        ("SubjectAccessReview", {"nonResourceAttributes": LOGS, "user": "jane"}, False),
        (
            "SubjectAccessReview",
            {"resourceAttributes": PODS | {"namespace": "other"}, "user": "jane"},
            False,
        ),
        ("SubjectAccessReview", {"resourceAttributes": PODS, "user": "system:anonymous"}, False),
        (
            "SubjectAccessReview",
            {"resourceAttributes": PODS, "user": "x", "groups": ["system:masters"]},
            True,
        ),
        ("LocalSubjectAccessReview", {"resourceAttributes": PODS, "groups": ["staff"]}, False),
    ],
)
async def test_who_may_do_what(
    served: Served, kind: str, spec: dict[str, Any], allowed: bool
) -> None:
    await bind(served, "view", {"kind": "User", "name": "jane"})
    answer = await _ask(served, kind, **spec)
    assert (answer.status, answer.json["kind"]) == (201, kind)
    assert answer.json["spec"] == spec
    assert answer.json["status"]["allowed"] is allowed


async def test_the_reason_is_told(served: Served) -> None:
    await bind(served, "view", {"kind": "User", "name": "jane"})
    answer = await _ask(served, "SubjectAccessReview", resourceAttributes=PODS, user="jane")
    assert answer.json["status"]["reason"] == (
        'RBAC: allowed by RoleBinding "given/default" of ClusterRole "view" to User "jane"'
    )


async def test_all_that_is_allowed_can_be_listed(served: Served) -> None:
    answer = await _ask(served, "SelfSubjectRulesReview", namespace="default")
    status = answer.json["status"]
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    assert everything in status["resourceRules"]
    assert {"verbs": ["*"], "nonResourceURLs": ["*"]} in status["nonResourceRules"]
    assert status["incomplete"] is False
    nowhere = await _ask(served, "SelfSubjectRulesReview")
    assert (nowhere.status, nowhere.json["message"]) == (400, "no namespace on request")


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("SelfSubjectAccessReview", {}, "spec.resourceAttributes"),
        (
            "SelfSubjectAccessReview",
            {"resourceAttributes": PODS, "nonResourceAttributes": LOGS},
            "spec.nonResourceAttributes",
        ),
        ("SubjectAccessReview", {"resourceAttributes": PODS}, "spec.user"),
        (
            "LocalSubjectAccessReview",
            {"resourceAttributes": PODS | {"namespace": "other"}, "user": "jane"},
            "spec.resourceAttributes.namespace",
        ),
        (
            "LocalSubjectAccessReview",
            {"nonResourceAttributes": LOGS, "user": "jane"},
            "spec.nonResourceAttributes",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(
    served: Served, kind: str, spec: dict[str, Any], field: str
) -> None:
    answer = await _ask(served, kind, **spec)
    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.json["details"]["causes"]] == [field]


async def test_access_reviews_are_discovered_and_only_asked_with(served: Served) -> None:
    resources = (await served.get(REVIEWS)).json["resources"]
    assert [(one["name"], one["namespaced"], one["verbs"]) for one in resources] == [
        ("localsubjectaccessreviews", True, ["create"]),
        ("selfsubjectaccessreviews", False, ["create"]),
        ("selfsubjectrulesreviews", False, ["create"]),
        ("subjectaccessreviews", False, ["create"]),
    ]
    assert (await served.get(LOCAL)).status == 405
    assert (await served.post(f"{REVIEWS}/localsubjectaccessreviews", {})).status == 405
    assert (await served.get(f"{LOCAL}/one")).status == 404
