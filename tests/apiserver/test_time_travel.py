"""`resourceVersion` and `resourceVersionMatch`, as Kubernetes defines them."""

import pytest

from .conftest import Served, config_map

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def fill(served: Served, count: int = 3) -> list[int]:
    """ConfigMaps n0, n1…; the revisions at which they were made."""
    answers = [await served.post(MAPS, config_map(f"n{number}")) for number in range(count)]
    return [int(answer.json["metadata"]["resourceVersion"]) for answer in answers]


async def names(served: Served, query: str) -> list[str]:
    answer = await served.get(f"{MAPS}?{query}")
    assert answer.status == 200, answer.body
    return [item["metadata"]["name"] for item in answer.json["items"]]


async def test_a_list_is_exactly_as_of_a_revision(served: Served) -> None:
    revisions = await fill(served)
    await served.ask("DELETE", f"{MAPS}/n0")
    query = f"resourceVersion={revisions[1]}&resourceVersionMatch=Exact"
    answer = await served.get(f"{MAPS}?{query}")
    assert [item["metadata"]["name"] for item in answer.json["items"]] == ["n0", "n1"]
    assert answer.json["metadata"]["resourceVersion"] == str(revisions[1])
    table = (await served.get(f"{MAPS}?{query}", Accept=TABLE)).json
    assert [row["cells"][0] for row in table["rows"]] == ["n0", "n1"]


async def test_an_object_is_exactly_as_of_a_revision(served: Served) -> None:
    (revision,) = await fill(served, 1)
    body = config_map("n0", changed="yes")
    assert (await served.ask("PUT", f"{MAPS}/n0", body)).status == 200
    query = f"resourceVersion={revision}&resourceVersionMatch=Exact"
    then = (await served.get(f"{MAPS}/n0?{query}")).json
    assert (then.get("data"), then["metadata"]["resourceVersion"]) == (None, str(revision))
    assert (await served.get(f"{MAPS}/n0?resourceVersion={revision}")).json["data"]
    early = f"resourceVersion={revision - 1}&resourceVersionMatch=Exact"
    assert (await served.get(f"{MAPS}/n0?{early}")).status == 404


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", 3),
        ("resourceVersion=0", 3),
        ("resourceVersion=0&resourceVersionMatch=NotOlderThan", 3),
        ("resourceVersion={first}", 3),
        ("resourceVersion={first}&resourceVersionMatch=NotOlderThan", 3),
        ("resourceVersion={first}&resourceVersionMatch=NotOlderThan&limit=9", 3),
        ("resourceVersion={first}&resourceVersionMatch=Exact", 1),
        ("resourceVersion={first}&limit=9", 1),
    ],
)
async def test_which_moment_a_list_is_of(served: Served, query: str, seen: int) -> None:
    revisions = await fill(served)
    assert len(await names(served, query.format(first=revisions[0]))) == seen


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "resourceVersionMatch=Exact",
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            "resourceVersion=0&resourceVersionMatch=Exact",
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        (
            "resourceVersion=1&resourceVersionMatch=Newest",
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: '
            '"Newest": supported values: "Exact", "NotOlderThan"',
        ),
        (
            "sendInitialEvents=true",
            'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: '
            "sendInitialEvents is forbidden for list",
        ),
    ],
)
async def test_a_match_that_makes_no_sense_is_refused(
    served: Served, query: str, message: str
) -> None:
    await fill(served)
    for method in ("GET", "DELETE"):
        answer = await served.ask(method, f"{MAPS}?{query}")
        assert (answer.status, answer.json["reason"]) == (422, "Invalid")
        assert answer.json["message"] == message
    assert len(await names(served, "")) == 3


async def test_a_continued_list_takes_no_revision(served: Served) -> None:
    await fill(served)
    token = (await served.get(f"{MAPS}?limit=1")).json["metadata"]["continue"]
    answer = await served.get(f"{MAPS}?continue={token}&resourceVersion=1")
    assert (answer.status, answer.json["message"]) == (
        400,
        "specifying resource version is not allowed when using continue",
    )


@pytest.mark.parametrize("match", ["", "&resourceVersionMatch=Exact"])
async def test_a_revision_yet_to_come_is_refused(served: Served, match: str) -> None:
    for path in (MAPS, f"{MAPS}/n0"):
        answer = await served.get(f"{path}?resourceVersion=99999{match}")
        assert (answer.status, answer.json["reason"]) == (504, "Timeout")
        current = f"current: {served.api.revision}"
        message = f"Timeout: Too large resource version: 99999, {current}"
        assert answer.json["message"] == message
        assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_compacted_revision_is_refused_and_a_list_can_go_on(served: Served) -> None:
    revisions = await fill(served)
    token = (await served.get(f"{MAPS}?limit=1")).json["metadata"]["continue"]
    await served.ask("DELETE", f"{MAPS}/n2")
    await served.store.compact(served.store.revision)
    query = f"resourceVersion={revisions[0]}&resourceVersionMatch=Exact"
    for path in (MAPS, f"{MAPS}/n0"):
        answer = await served.get(f"{path}?{query}")
        assert (answer.status, answer.json["reason"]) == (410, "Expired")
        assert answer.json["message"].endswith(f"The oldest revision is {served.store.revision}.")
    answer = await served.get(f"{MAPS}?limit=1&continue={token}")
    assert (answer.status, answer.json["reason"]) == (410, "Expired")
    assert await names(served, f"continue={answer.json['metadata']['continue']}") == ["n1"]
