"""Objects over HTTP: every verb, and how each refusal reads."""

import gzip
from typing import Any

import msgspec
import pytest

from kernel.objects.kind import Column, Kind
from kernel.objects.struct import Struct

from .conftest import Answered, Served, config_map, pod

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MERGE = {"Content_Type": "application/merge-patch+json"}
JSON_PATCH = {"Content_Type": "application/json-patch+json"}
STRATEGIC = {"Content_Type": "application/strategic-merge-patch+json"}


def refusal(answer: Answered) -> tuple[int, str, str]:
    """Code, reason and message of a failure, which must be a Status."""
    status = answer.json
    assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
    assert status["code"] == answer.status
    return answer.status, status["reason"], status["message"]


async def test_create_get_update_delete(served: Served) -> None:
    created = await served.post(MAPS, config_map("one", a="1"))
    assert created.status == 201
    metadata = created.json["metadata"]
    assert metadata["uid"]
    assert (await served.get(f"{MAPS}/one")).json == created.json

    changed = created.json | {"data": {"a": "2"}}
    updated = await served.ask("PUT", f"{MAPS}/one", changed)
    assert updated.status == 200
    assert updated.json["data"] == {"a": "2"}
    assert updated.json["metadata"]["resourceVersion"] != metadata["resourceVersion"]

    deleted = await served.ask("DELETE", f"{MAPS}/one", {"propagationPolicy": "Background"})
    assert deleted.status == 200
    assert deleted.json["status"] == "Success"
    assert deleted.json["details"]["uid"] == metadata["uid"]
    gone = await served.get(f"{MAPS}/one")
    assert refusal(gone) == (404, "NotFound", 'configmaps "one" not found')
    assert gone.json["details"] == {"name": "one", "kind": "configmaps"}


async def test_a_second_object_of_a_name_is_refused(served: Served) -> None:
    await served.post(MAPS, config_map("one"))
    again = await served.post(MAPS, config_map("one"))
    assert refusal(again) == (409, "AlreadyExists", 'configmaps "one" already exists')


async def test_an_update_from_an_old_state_is_refused(served: Served) -> None:
    first = (await served.post(MAPS, config_map("one", a="1"))).json
    await served.ask("PUT", f"{MAPS}/one", first | {"data": {"a": "2"}})
    late = await served.ask("PUT", f"{MAPS}/one", first | {"data": {"a": "3"}})
    assert refusal(late)[:2] == (409, "Conflict")


async def test_an_update_under_another_name_is_refused(served: Served) -> None:
    await served.post(MAPS, config_map("one"))
    answer = await served.ask("PUT", f"{MAPS}/one", config_map("two"))
    assert refusal(answer) == (
        400,
        "BadRequest",
        "the name of the object (two) does not match the name on the URL (one)",
    )


@pytest.mark.parametrize(
    ("headers", "patch"),
    [
        (MERGE, {"data": {"b": "2"}}),
        (STRATEGIC, {"data": {"b": "2"}}),
        (JSON_PATCH, [{"op": "add", "path": "/data/b", "value": "2"}]),
    ],
)
async def test_patches_change_parts(served: Served, headers: dict[str, str], patch: Any) -> None:
    await served.post(MAPS, config_map("one", a="1"))
    answer = await served.ask("PATCH", f"{MAPS}/one", patch, **headers)
    assert answer.status == 200
    assert answer.json["data"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize("media_type", ["application/apply-patch+cbor", "text/plain"])
async def test_a_patch_of_another_type_is_refused(served: Served, media_type: str) -> None:
    await served.post(MAPS, config_map("one"))
    answer = await served.ask("PATCH", f"{MAPS}/one", {"data": {}}, Content_Type=media_type)
    code, reason, message = refusal(answer)
    assert (code, reason) == (415, "UnsupportedMediaType")
    assert media_type in message


@pytest.mark.parametrize(("headers", "patch"), [(MERGE, b"[]"), (JSON_PATCH, b"{}"), (MERGE, b"{")])
async def test_a_patch_of_the_wrong_shape_is_refused(
    served: Served, headers: dict[str, str], patch: bytes
) -> None:
    await served.post(MAPS, config_map("one"))
    answer = await served.ask("PATCH", f"{MAPS}/one", patch, **headers)
    assert refusal(answer)[:2] == (400, "BadRequest")


async def test_status_is_written_on_its_own(served: Served) -> None:
    created = (await served.post(PODS, pod("web"))).json
    running = created | {"status": {"phase": "Running", "podIP": "10.0.0.7"}}
    answer = await served.ask("PUT", f"{PODS}/web/status", running)
    assert answer.json["status"]["phase"] == "Running"
    await served.ask("PUT", f"{PODS}/web", answer.json | {"status": {"phase": "Failed"}})
    assert (await served.get(f"{PODS}/web/status")).json["status"]["phase"] == "Running"
    patch = {"status": {"phase": "Succeeded"}}
    patched = await served.ask("PATCH", f"{PODS}/web/status", patch, **MERGE)
    assert patched.json["status"]["podIP"] == "10.0.0.7"
    assert patched.json["status"]["phase"] == "Succeeded"


async def test_a_binding_puts_a_pod_on_a_node(served: Served) -> None:
    await served.post(PODS, pod("web"))
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "web"},
        "target": {"kind": "Node", "name": "node1"},
    }
    answer = await served.post(f"{PODS}/web/binding", binding)
    assert (answer.status, answer.json["status"]) == (201, "Success")
    assert (await served.get(f"{PODS}/web")).json["spec"]["nodeName"] == "node1"
    assert refusal(await served.post(f"{PODS}/web/binding", binding))[:2] == (409, "Conflict")


async def test_a_yaml_body_is_read(served: Served) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {day: 2026-01-01}\n"
    answer = await served.post(MAPS, body, Content_Type="application/yaml")
    # A bare date is text here, as it is for Kubernetes, which reads YAML by way of JSON.
    assert answer.json["data"] == {"day": "2026-01-01"}


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[1]", "application/json"),
        (b"a: [", "application/yaml"),
        (b"- a", "application/yaml"),
        (b"\x00", "application/yaml"),
        (b"\xff", "application/yaml"),
        (b"a: 1\n---\na: 2\n", "application/yaml"),
        (b"- " * 100_000, "application/yaml"),
        (b"[" * 100_000, "application/json"),
    ],
)
async def test_a_broken_body_gets_one_clear_line(
    served: Served, body: bytes, media_type: str
) -> None:
    answer = await served.post(MAPS, body, Content_Type=media_type)
    code, reason, message = refusal(answer)
    assert (code, reason) == (400, "BadRequest")
    assert message
    assert "\n" not in message


async def test_a_body_over_three_mebibytes_is_refused(served: Served) -> None:
    answer = await served.post(MAPS, config_map("big", a="x" * (3 * 1024 * 1024)))
    assert refusal(answer) == (
        413,
        "RequestEntityTooLarge",
        "Request entity too large: limit is 3145728",
    )


async def test_patches_grow_an_object_up_to_its_limit(served: Served) -> None:
    """Each body is small enough; what they lead to is not."""
    role = {
        "metadata": {"name": "big"},
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}],
    }
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    assert (await served.post(path, role)).status == 201
    grown = [{"op": "add", "path": "/rules/0/resourceNames", "value": ["x" * 1_000_000]}]
    json_patch = {"Content_Type": "application/json-patch+json"}
    patched = await served.ask("PATCH", f"{path}/big", grown, **json_patch)
    assert patched.status == 200
    more = [{"op": "add", "path": "/rules/0/resourceNames/-", "value": "y" * 600_000}]
    for query in ("", "?dryRun=All"):
        refused = await served.ask("PATCH", f"{path}/big{query}", more, **json_patch)
        code, reason, message = refusal(refused)
        assert (code, reason) == (413, "RequestEntityTooLarge")
        assert 'roles.rbac.authorization.k8s.io "big" would be 1600' in message
        assert message.endswith("bytes as stored: limit is 1572864")
    found = await served.get(f"{path}/big")
    assert found.json["metadata"]["resourceVersion"] == patched.json["metadata"]["resourceVersion"]
    assert (await served.ask("DELETE", f"{path}/big")).status == 200


async def test_a_packed_body_is_unpacked_within_the_limit(served: Served) -> None:
    packed = gzip.compress(msgspec.json.encode(config_map("one", a="x" * 1000)))
    assert (await served.post(MAPS, packed, Content_Encoding="gzip")).status == 201
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    assert refusal(await served.post(MAPS, bomb, Content_Encoding="gzip"))[0] == 413


async def test_a_body_that_is_not_packed_as_it_says_is_refused(served: Served) -> None:
    answer = await served.post(MAPS, b"not gzip at all", Content_Encoding="gzip")
    assert refusal(answer)[:2] == (400, "BadRequest")


async def test_a_body_of_another_kind_is_refused(served: Served) -> None:
    answer = await served.post(MAPS, {"apiVersion": "v1", "kind": "Secret"})
    assert refusal(answer)[:2] == (400, "BadRequest")
    answer = await served.post(MAPS, {"apiVersion": "v2", "kind": "ConfigMap"})
    assert "does not match the expected API version" in refusal(answer)[2]


def _misspelt() -> dict[str, Any]:
    body = pod("web")
    body["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPost": 80}]
    return body


async def test_strict_validation_names_path_and_nearest_field(served: Served) -> None:
    answer = await served.post(f"{PODS}?fieldValidation=Strict", _misspelt())
    code, reason, message = refusal(answer)
    assert (code, reason) == (400, "BadRequest")
    assert "strict decoding error" in message
    assert 'unknown field "spec.containers[0].ports[0].hostPost"' in message
    assert 'did you mean "hostPort"' in message


@pytest.mark.parametrize("query", ["", "?fieldValidation=Warn"])
async def test_unknown_fields_are_warned_of(served: Served, query: str) -> None:
    answer = await served.post(f"{PODS}{query}", _misspelt())
    assert answer.status == 201
    warning = answer.headers["Warning"]
    assert warning.startswith('299 - "unknown field')
    assert "hostPost" in warning


async def test_warnings_stay_few_and_on_one_line(served: Served) -> None:
    body = pod("web") | {f"odd{number}\r\nX-Evil: 1\u2028": 1 for number in range(1000)}
    answer = await served.post(PODS, body)
    assert answer.status == 201
    assert 1 < len(answer.headers.getall("Warning")) < 100
    assert "X-Evil" not in answer.headers
    message = refusal(await served.post(f"{PODS}?fieldValidation=Strict", body))[2]
    assert message.endswith("more")


async def test_unknown_fields_can_be_ignored(served: Served) -> None:
    answer = await served.post(f"{PODS}?fieldValidation=Ignore", _misspelt())
    assert answer.status == 201
    assert "Warning" not in answer.headers


async def test_a_wrong_type_names_path_and_expectation(served: Served) -> None:
    body = pod("web")
    body["spec"]["containers"][0]["image"] = 7
    message = refusal(await served.post(PODS, body))[2]
    assert message.startswith('Pod in version "v1" cannot be handled as a Pod')
    assert "spec.containers[0].image: expected string, got integer" in message


async def test_dry_run_changes_nothing(served: Served) -> None:
    answer = await served.post(f"{MAPS}?dryRun=All", config_map("one"))
    assert answer.status == 201
    assert (await served.get(f"{MAPS}/one")).status == 404
    await served.post(MAPS, config_map("one"))
    await served.ask("DELETE", f"{MAPS}/one?dryRun=All")
    assert (await served.get(f"{MAPS}/one")).status == 200
    assert (await served.post(f"{MAPS}?dryRun=Some", config_map("two"))).status == 400


async def test_lists_have_pages_selectors_and_all_namespaces(served: Served) -> None:
    for number in range(5):
        body = config_map(f"m{number}")
        body["metadata"]["labels"] = {"odd": str(number % 2)}
        await served.post(MAPS, body)
    everything = (await served.get("/api/v1/configmaps")).json
    assert (everything["kind"], everything["apiVersion"]) == ("ConfigMapList", "v1")
    assert everything["metadata"]["resourceVersion"].isdigit()
    first = (await served.get(f"{MAPS}?limit=2")).json
    assert [item["metadata"]["name"] for item in first["items"]] == ["m0", "m1"]
    assert first["metadata"]["remainingItemCount"] == 3
    rest = (await served.get(f"{MAPS}?limit=9&continue={first['metadata']['continue']}")).json
    assert [item["metadata"]["name"] for item in rest["items"]] == ["m2", "m3", "m4"]
    odd = (await served.get(f"{MAPS}?labelSelector=odd%3D1")).json
    assert [item["metadata"]["name"] for item in odd["items"]] == ["m1", "m3"]
    one = (await served.get(f"{MAPS}?fieldSelector=metadata.name%3Dm3")).json
    assert [item["metadata"]["name"] for item in one["items"]] == ["m3"]


@pytest.mark.parametrize(
    "query",
    [
        "labelSelector=%3D%3D",
        "fieldSelector=spec.nothing%3D1",
        "limit=many",
        "continue=garbage",
        "resourceVersion=x",
        "watch=perhaps",
        "watch=1&timeoutSeconds=-1",
        "watch=1&resourceVersion=1&labelSelector=%3D%3D",
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(served: Served, query: str) -> None:
    assert refusal(await served.get(f"{MAPS}?{query}"))[:2] == (400, "BadRequest")


async def test_a_list_as_of_a_revision_not_reached_is_refused(served: Served) -> None:
    assert refusal(await served.get(f"{MAPS}?resourceVersion=99999"))[0] == 504
    answer = await served.get(f"{MAPS}?resourceVersion=0&resourceVersionMatch=NotOlderThan")
    assert answer.status == 200


async def test_a_collection_is_deleted_by_label(served: Served) -> None:
    for name, label in (("a", "x"), ("b", "y")):
        body = config_map(name)
        body["metadata"]["labels"] = {"l": label}
        await served.post(MAPS, body)
    answer = await served.ask("DELETE", f"{MAPS}?labelSelector=l%3Dx")
    assert [item["metadata"]["name"] for item in answer.json["items"]] == ["a"]
    assert [item["metadata"]["name"] for item in (await served.get(MAPS)).json["items"]] == ["b"]


async def test_a_table_has_columns_cells_and_metadata(served: Served) -> None:
    await served.post(MAPS, config_map("one", a="1", b="2"))
    table = (await served.get(MAPS, Accept=TABLE)).json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    (row,) = table["rows"]
    assert row["cells"][:2] == ["one", 2]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["resourceVersion"]
    assert "data" not in row["object"]


@pytest.mark.parametrize(("include", "kind"), [("Object", "ConfigMap"), ("None", None)])
async def test_a_table_carries_what_is_asked_for(
    served: Served, include: str, kind: str | None
) -> None:
    await served.post(MAPS, config_map("one"))
    table = (await served.get(f"{MAPS}/one?includeObject={include}", Accept=TABLE)).json
    assert table["rows"][0].get("object", {}).get("kind") == kind


async def test_metadata_alone_can_be_asked_for(served: Served) -> None:
    await served.post(MAPS, config_map("one", a="1"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    found = (await served.get(MAPS, Accept=accept)).json
    assert found["kind"] == "PartialObjectMetadataList"
    assert found["items"][0]["metadata"]["name"] == "one"
    assert "data" not in found["items"][0]


class GadgetSpec(Struct):
    """What a gadget is to do."""

    speed: int
    tags: list[str] = []


class Gadget(
    Kind, group="example.dev", version="v1", columns=[Column("Speed", "spec.speed", "integer")]
):
    """A kind that is added while the server runs."""

    spec: GadgetSpec
    status: dict[str, Any] = {}


class Plain(Kind, group="example.dev", version="v1", namespaced=False):
    """A kind that declares no columns."""

    spec: GadgetSpec


async def test_a_kind_added_at_run_time_is_served_like_any_other(served: Served) -> None:
    path = "/apis/example.dev/v1/namespaces/default/gadgets"
    body = {"apiVersion": "example.dev/v1", "kind": "Gadget", "metadata": {"name": "g"}}
    assert refusal(await served.post(path, body | {"spec": {"speed": 3}}))[0] == 404
    served.api.kinds.add(Gadget)
    created = await served.post(path, body | {"spec": {"speed": 3}})
    assert created.status == 201
    table = (await served.get(path, Accept=TABLE)).json
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Speed", "Age"]
    assert table["rows"][0]["cells"][:2] == ["g", 3]
    groups = (await served.get("/apis")).json["groups"]
    assert "example.dev" in [group["name"] for group in groups]


async def test_a_kind_without_columns_shows_its_plain_values(served: Served) -> None:
    served.api.kinds.add(Plain)
    body = {
        "apiVersion": "example.dev/v1",
        "kind": "Plain",
        "metadata": {"name": "p"},
        "spec": {"speed": 3, "tags": ["a"]},
    }
    assert (await served.post("/apis/example.dev/v1/plains", body)).status == 201
    table = (await served.get("/apis/example.dev/v1/plains/p", Accept=TABLE)).json
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Speed", "Age"]
    assert table["rows"][0]["cells"][:2] == ["p", 3]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v2/pods",
        "/api/v1/things",
        "/apis/example.dev/v1/things",
        "/api/v1/pods/web",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/pods/web/nothing",
        "/api/v1/namespaces/default/configmaps/one/log",
        "/api/v1/namespaces/default/configmaps/one/status",
        "/api/v1/namespaces//pods",
        "/openapi/v3/api/v9",
    ],
)
async def test_a_path_without_meaning_is_not_found(served: Served, path: str) -> None:
    assert refusal(await served.get(path)) == (
        404,
        "NotFound",
        "the server could not find the requested resource",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/pods"),
        ("DELETE", "/api/v1/pods"),
        ("PUT", MAPS),
        ("POST", f"{MAPS}/one"),
        ("POST", "/version"),
        ("DELETE", f"{PODS}/web/log"),
    ],
)
async def test_a_verb_that_a_path_lacks_is_refused(served: Served, method: str, path: str) -> None:
    assert refusal(await served.ask(method, path))[:2] == (405, "MethodNotAllowed")


async def test_the_log_names_user_and_client(served: Served) -> None:
    agent = {"User_Agent": "kubectl/v1.32 (linux)"}
    created = await served.post(MAPS, config_map("one"), **agent)
    await served.ask("PATCH", f"{MAPS}/one?fieldManager=me", {"data": {"a": "1"}}, **MERGE, **agent)
    assert created.status == 201
    entries, _ = served.store.entries(1)
    actors = [entry.actor for entry in entries if entry.key.endswith("/one")]
    assert actors == ["admin via kubectl", "admin via me"]


async def test_our_own_fault_is_an_answer_without_a_traceback(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(served.api, "get", broken)
    monkeypatch.setattr("kernel.apiserver.routes.logger.exception", lambda *_: None)
    code, reason, message = refusal(await served.get(f"{MAPS}/one"))
    assert (code, reason) == (500, "InternalError")
    assert "secret" not in message


async def test_requests_on_one_connection_follow_a_refusal(served: Served) -> None:
    for number in range(3):
        assert (await served.post(MAPS, b"{")).status == 400
        assert (await served.post(MAPS, config_map(f"m{number}"))).status == 201
    names = [item["metadata"]["name"] for item in (await served.get(MAPS)).json["items"]]
    assert names == ["m0", "m1", "m2"]
    assert msgspec.json.encode(names)


async def test_a_create_with_an_idempotency_key_happens_once(served: Served) -> None:
    body = config_map("", a="1")
    body["metadata"] = {"generateName": "made-"}
    first = await served.post(MAPS, body, Idempotency_Key="k")
    again = await served.post(MAPS, body, Idempotency_Key="k")
    assert (again.status, again.json) == (first.status, first.json) == (201, first.json)
    assert len((await served.get(MAPS)).json["items"]) == 1
    other = await served.post(MAPS, config_map("b"), Idempotency_Key="k")
    assert refusal(other)[:2] == (422, "Invalid")
    assert refusal(await served.post(MAPS, body, Idempotency_Key="é" * 300))[0] == 400
