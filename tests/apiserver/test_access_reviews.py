"""SubjectAccessReview and its like over HTTP: whoever is authenticated may do everything."""

from typing import Any

import pytest

from .conftest import Answered, Served

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
    ("kind", "spec"),
    [
        ("SelfSubjectAccessReview", {"resourceAttributes": PODS}),
        ("SelfSubjectAccessReview", {"nonResourceAttributes": LOGS}),
        ("SubjectAccessReview", {"resourceAttributes": PODS, "user": "jane"}),
        ("LocalSubjectAccessReview", {"resourceAttributes": PODS, "groups": ["staff"]}),
    ],
)
async def test_every_user_may_do_everything(
    served: Served, kind: str, spec: dict[str, Any]
) -> None:
    answer = await _ask(served, kind, **spec)
    assert (answer.status, answer.json["kind"]) == (201, kind)
    assert answer.json["spec"] == spec
    assert answer.json["status"]["allowed"] is True


@pytest.mark.parametrize(
    "who", [{"user": "system:anonymous"}, {"groups": ["system:unauthenticated"]}]
)
async def test_nobody_may_do_nothing(served: Served, who: dict[str, Any]) -> None:
    answer = await _ask(served, "SubjectAccessReview", resourceAttributes=PODS, **who)
    assert (answer.status, answer.json["status"]["allowed"]) == (201, False)


async def test_all_that_is_allowed_can_be_listed(served: Served) -> None:
    answer = await _ask(served, "SelfSubjectRulesReview", namespace="default")
    assert answer.json["status"] == {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }
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
