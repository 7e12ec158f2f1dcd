"""DELETE over HTTP: preconditions, propagation, dry runs, of one object and of a collection."""

from typing import Any

import pytest

from .conftest import Answered, Served, config_map

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"


async def _delete(served: Served, path: str, **options: Any) -> Answered:
    body = {"apiVersion": "v1", "kind": "DeleteOptions"} | options
    return await served.ask("DELETE", path, body)


async def _names(served: Served) -> list[str]:
    items = (await served.get(MAPS)).json["items"]
    return [item["metadata"]["name"] for item in items]


async def test_preconditions_of_a_delete(served: Served) -> None:
    metadata = (await served.post(MAPS, config_map("a"))).json["metadata"]
    uid, revision = metadata["uid"], metadata["resourceVersion"]
    start = 'Operation cannot be fulfilled on configmaps "a": Precondition failed'
    for preconditions, problem in (
        ({"uid": "other"}, f"UID in precondition: other, UID in object meta: {uid}"),
        (
            {"uid": uid, "resourceVersion": "1"},
            f"ResourceVersion in precondition: 1, ResourceVersion in object meta: {revision}",
        ),
    ):
        for path in (f"{MAPS}/a", MAPS):
            answer = await _delete(served, path, preconditions=preconditions)
            assert (answer.status, answer.json["reason"]) == (409, "Conflict")
            assert answer.json["message"] == f"{start}: {problem}"
    right = {"uid": uid, "resourceVersion": revision}
    answer = await _delete(served, f"{MAPS}/a", preconditions=right)
    assert (answer.status, answer.json["details"]["uid"]) == (200, uid)
    assert await _names(served) == []


async def test_a_collection_is_deleted_with_options(served: Served) -> None:
    for name in ("a", "b"):
        await served.post(MAPS, config_map(name))
    for path, options in ((MAPS, {"dryRun": ["All"]}), (f"{MAPS}?dryRun=All", {})):
        answer = await _delete(served, path, **options)
        assert (answer.status, len(answer.json["items"])) == (200, 2)
        assert await _names(served) == ["a", "b"]
    answer = await _delete(served, MAPS, propagationPolicy="Foreground")
    for item in answer.json["items"]:
        assert item["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert item["metadata"]["deletionTimestamp"]
    assert await _names(served) == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "finalizers"),
    [
        ({"propagationPolicy": "Foreground"}, ["example.dev/own", "foregroundDeletion"]),
        ({"propagationPolicy": "Orphan"}, ["example.dev/own", "orphan"]),
        ({"orphanDependents": True}, ["example.dev/own", "orphan"]),
        ({"orphanDependents": False}, ["example.dev/own"]),
        ({"propagationPolicy": "Background"}, ["example.dev/own"]),
        ({}, ["example.dev/own"]),
    ],
)
async def test_propagation_is_kept_as_a_finalizer(
    served: Served, options: dict[str, Any], finalizers: list[str]
) -> None:
    body = config_map("a")
    body["metadata"]["finalizers"] = ["example.dev/own"]
    await served.post(MAPS, body)
    answer = await _delete(served, f"{MAPS}/a", **options)
    assert answer.json["metadata"]["finalizers"] == finalizers
    again = await _delete(served, f"{MAPS}/a")
    assert again.json["metadata"]["finalizers"] == finalizers  # until another policy is asked for
    background = await _delete(served, f"{MAPS}/a", propagationPolicy="Background")
    assert background.json["metadata"]["finalizers"] == ["example.dev/own"]


async def test_another_policy_can_let_an_object_go(served: Served) -> None:
    await served.post(MAPS, config_map("a"))
    held = await served.ask("DELETE", f"{MAPS}/a?propagationPolicy=Foreground")
    assert held.json["metadata"]["finalizers"] == ["foregroundDeletion"]
    held = await served.ask("DELETE", f"{MAPS}/a?orphanDependents=true")
    assert held.json["metadata"]["finalizers"] == ["orphan"]
    gone = await served.ask("DELETE", f"{MAPS}/a?propagationPolicy=Background")
    assert gone.json["kind"] == "Status"
    assert await _names(served) == []


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        (
            {"propagationPolicy": "Sideways"},
            "propagationPolicy",
            'Unsupported value: "Sideways": supported values: "Foreground", "Background", '
            '"Orphan", "nil"',
        ),
        (
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            "propagationPolicy",
            'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        ),
        (
            {"dryRun": ["Some"]},
            "dryRun",
            'Unsupported value: ["Some"]: supported values: "All"',
        ),
    ],
)
async def test_options_that_make_no_sense_are_refused(
    served: Served, options: dict[str, Any], field: str, message: str
) -> None:
    await served.post(MAPS, config_map("a"))
    for path in (f"{MAPS}/a", MAPS):
        answer = await _delete(served, path, **options)
        assert (answer.status, answer.json["reason"]) == (422, "Invalid")
        (cause,) = answer.json["details"]["causes"]
        assert (cause["field"], cause["message"]) == (field, message)
    assert await _names(served) == ["a"]
