"""Server-side apply over HTTP: what is answered, what is refused, and who owns what then."""

from typing import Any

import anyio
import msgspec
import pytest

from kernel.api.context import acting
from kernel.objects.config import ConfigMap
from kernel.objects.pod import Pod

from .conftest import Answered, Served, config_map, pod

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
APPLY = {"Content_Type": "application/apply-patch+yaml"}
MERGE = {"Content_Type": "application/merge-patch+json"}
YAML = b"""
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data:
  colour: blue  # of the sky
"""


async def apply(
    served: Served, path: str, body: Any, manager: str = "robot", query: str = ""
) -> Answered:
    """A server-side apply."""
    return await served.ask("PATCH", f"{path}?fieldManager={manager}{query}", body, **APPLY)


def managers(answer: Answered) -> dict[tuple[str, str, str], Any]:
    """The fields of each manager, by name, operation and subresource."""
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in answer.json["metadata"].get("managedFields", [])
    }


async def test_apply_in_yaml_creates_and_changes(served: Served) -> None:
    created = await apply(served, f"{MAPS}/one", YAML)
    assert created.status == 201
    assert created.json["data"] == {"colour": "blue"}
    (entry,) = created.json["metadata"]["managedFields"]
    assert entry.pop("time")
    assert entry == {
        "manager": "robot",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:colour": {}}},
    }
    changed = await apply(served, f"{MAPS}/one", YAML.replace(b"blue", b"red"))
    assert changed.status == 200
    assert changed.json["data"] == {"colour": "red"}
    assert (await served.get(f"{MAPS}/one")).json == changed.json
    again = await apply(served, f"{MAPS}/one", YAML.replace(b"blue", b"red"))
    assert again.json == changed.json


async def test_dry_run_writes_nothing(served: Served) -> None:
    answer = await apply(served, f"{MAPS}/one", YAML, query="&dryRun=All")
    assert (answer.status, answer.json["data"]) == (201, {"colour": "blue"})
    assert (await served.get(f"{MAPS}/one")).status == 404


async def test_a_conflict_names_the_fields_and_their_managers(served: Served) -> None:
    await apply(served, f"{MAPS}/one", config_map("one", a="1", b="1"))
    refused = await apply(served, f"{MAPS}/one", config_map("one", a="2", b="2"), "other")
    assert refused.status == 409
    status = refused.json
    assert status["reason"] == "Conflict"
    assert status["message"] == (
        'Apply failed with 2 conflicts: conflicts with "robot":\n- .data.a\n- .data.b'
    )
    assert status["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "robot"',
            "field": f".data.{name}",
        }
        for name in "ab"
    ]
    forced = await apply(
        served, f"{MAPS}/one", config_map("one", a="2", b="1"), "other", "&force=true"
    )
    assert managers(forced) == {
        ("robot", "Apply", ""): {"f:data": {"f:b": {}}},
        ("other", "Apply", ""): {"f:data": {"f:a": {}, "f:b": {}}},
    }


async def test_other_writers_are_followed_from_the_first_apply_on(served: Served) -> None:
    await apply(served, f"{MAPS}/one", config_map("one", a="1", b="1"))
    patch = {"data": {"a": "2", "c": "2"}}
    patched = await served.ask("PATCH", f"{MAPS}/one?fieldManager=editor", patch, **MERGE)
    assert managers(patched) == {
        ("robot", "Apply", ""): {"f:data": {"f:b": {}}},
        ("editor", "Update", ""): {"f:data": {"f:a": {}, "f:c": {}}},
    }
    whole = patched.json
    del whole["metadata"]["managedFields"], whole["data"]["c"]
    put = await served.ask("PUT", f"{MAPS}/one", whole, User_Agent="curl/8 (unix)")
    assert managers(put)["editor", "Update", ""] == {"f:data": {"f:a": {}}}
    same = await served.ask("PUT", f"{MAPS}/one", put.json, User_Agent="curl/8")
    assert same.json == put.json, "what changes nothing is no write"
    reset = put.json
    reset["metadata"]["managedFields"] = [{}]
    assert managers(await served.ask("PUT", f"{MAPS}/one", reset)) == {}


async def test_managers_before_the_first_apply_are_told_from_the_log(served: Served) -> None:
    await served.ask("POST", f"{MAPS}?fieldManager=maker", config_map("one", a="1", b="1"))
    patch = {"data": {"b": "2"}}
    await served.ask("PATCH", f"{MAPS}/one?fieldManager=editor", patch, **MERGE)
    applied = await apply(served, f"{MAPS}/one", config_map("one", a="1"))
    assert managers(applied) == {
        ("robot", "Apply", ""): {"f:data": {"f:a": {}}},
        ("maker", "Update", ""): {"f:data": {".": {}, "f:a": {}}},
        ("editor", "Update", ""): {"f:data": {"f:b": {}}},
    }


async def test_what_the_log_has_forgotten_was_before_the_first_apply(served: Served) -> None:
    await served.post(MAPS, config_map("one", a="1"))
    changed = await served.ask("PATCH", f"{MAPS}/one", {"data": {"a": "2"}}, **MERGE)
    await served.store.compact(int(changed.json["metadata"]["resourceVersion"]))
    refused = await apply(served, f"{MAPS}/one", config_map("one", a="3"))
    assert refused.json["message"] == (
        'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a'
    )


async def test_the_status_is_applied_on_its_own(served: Served) -> None:
    await apply(served, f"{PODS}/web", pod("web") | {"status": {"message": "ignored"}})
    status = {"apiVersion": "v1", "kind": "Pod", "status": {"podIPs": [{"ip": "10.0.0.7"}]}}
    answer = await apply(served, f"{PODS}/web/status", status, "agent")
    assert answer.status == 200
    assert answer.json["status"]["podIPs"] == [{"ip": "10.0.0.7"}]
    assert managers(answer)["agent", "Apply", "status"] == {
        "f:status": {"f:podIPs": {'k:{"ip":"10.0.0.7"}': {".": {}, "f:ip": {}}}}
    }
    assert "f:status" not in managers(answer)["robot", "Apply", ""]
    nothing = {"apiVersion": "v1", "kind": "Pod"}
    answer = await apply(served, f"{PODS}/web/status", nothing, "agent")
    assert "podIPs" not in answer.json["status"]
    missing = await apply(served, f"{PODS}/none/status", status, "agent")
    assert missing.status == 404


async def test_a_binding_and_a_status_of_an_applied_pod_are_followed(served: Served) -> None:
    await apply(served, f"{PODS}/web", pod("web"))
    binding = {"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "node1"}}
    await served.post(f"{PODS}/web/binding?fieldManager=scheduler", binding)
    with acting("node-agent"):
        running = served.api.get(Pod, "default", "web").decode()
        running.status.phase = "Running"
        await served.api.update(running, namespace="default", subresource="status")
    found = managers(await served.get(f"{PODS}/web"))
    assert found["scheduler", "Update", ""] == {"f:spec": {"f:nodeName": {}}}
    assert found["node-agent", "Update", "status"] == {"f:status": {"f:phase": {}}}


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            "",
            422,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required '
            "for apply patch",
        ),
        (f"?fieldManager={'x' * 129}", 422, "may not be more than 128 bytes"),
        ("?fieldManager=a%07", 422, "should only contain printable characters"),
        ("?fieldManager=a&force=perhaps", 400, "force"),
    ],
)
async def test_a_manager_must_be_named(served: Served, query: str, code: int, message: str) -> None:
    answer = await served.ask("PATCH", f"{MAPS}/one{query}", YAML, **APPLY)
    assert answer.status == code
    assert message in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "one YAML document"),
        (b"[]", "an object"),
        (b"{", "can't be read"),
        (b"a: [", "can't be read"),
        ({}, "the apiVersion of the configuration must be v1"),
        (config_map("two"), "does not match the name on the URL"),
        (config_map("one") | {"colour": 1}, ".colour: field not declared in schema"),
        (config_map("one") | {"data": []}, ".data: expected map, got []"),
        (config_map("one") | {"metadata": 1}, ".metadata: expected map"),
        (config_map("one") | {"metadata": {"managedFields": [{}]}}, "managedFields must be nil"),
        (config_map("one") | {"data": {"a": {"b": 1}}}, "data"),
        (config_map("one") | {"data": {"a": 1}}, "data"),
        (config_map("one") | {"metadata": {"name": "one", "namespace": "x"}}, "namespace"),
    ],
)
async def test_what_can_not_be_applied(served: Served, body: Any, message: str) -> None:
    answer = await apply(served, f"{MAPS}/one", body)
    assert answer.status == 400, answer.json
    assert message in answer.json["message"]
    assert (await served.get(f"{MAPS}/one")).status == 404


async def test_bodies_and_managers_without_bounds(served: Served) -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"f:a": deep}
    entry = {"manager": "m", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": deep}
    created = await served.post(
        MAPS, config_map("one") | {"metadata": {"name": "one", "managedFields": [entry]}}
    )
    assert created.status in (201, 400)
    text = b'{"apiVersion":"v1","kind":"ConfigMap","data":' + b'{"a":' * 5000 + b"1" + b"}" * 5001
    assert (await apply(served, f"{MAPS}/two", text)).status == 400
    wrong = {"manager": "m", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"x": {}}}
    made = await served.post(
        MAPS, config_map("three") | {"metadata": {"name": "three", "managedFields": [wrong]}}
    )
    assert made.status == 201
    assert ("m", "Update", "") not in managers(made)


async def test_the_version_and_the_identity_of_what_is_applied(served: Served) -> None:
    made = (await apply(served, f"{MAPS}/one", config_map("one", a="1"))).json["metadata"]
    old = config_map("one", a="2") | {"metadata": {"name": "one", "resourceVersion": "1"}}
    assert (await apply(served, f"{MAPS}/one", old)).json["reason"] == "Conflict"
    right = {"name": "one", "resourceVersion": made["resourceVersion"], "uid": made["uid"]}
    now = config_map("one", a="2") | {"metadata": right}
    assert (await apply(served, f"{MAPS}/one", now)).status == 200
    other = config_map("two", a="2") | {"metadata": {"name": "two", "uid": made["uid"]}}
    answer = await apply(served, f"{MAPS}/two", other)
    assert (answer.status, answer.json["reason"]) == (409, "Conflict")


async def test_force_is_for_applies_alone(served: Served) -> None:
    await served.post(MAPS, config_map("one"))
    answer = await served.ask("PATCH", f"{MAPS}/one?force=true", {"data": {}}, **MERGE)
    assert answer.status == 422
    assert "force: Forbidden: may not be specified for non-apply patch" in answer.json["message"]


async def test_applies_at_the_same_time_both_happen(served: Served) -> None:
    async with anyio.create_task_group() as group:
        for name in "abcdef":
            body = config_map("one", **{name: "1"})
            group.start_soon(apply, served, f"{MAPS}/one", body, name)
    stored = served.api.get(ConfigMap, "default", "one").decode()
    assert stored.data == dict.fromkeys("abcdef", "1")
    assert len(stored.metadata.managed_fields) == 6


async def test_the_stored_form_keeps_its_prefix(served: Served) -> None:
    await apply(served, f"{MAPS}/one", YAML)
    stored = served.api.get(ConfigMap, "default", "one")
    assert stored.data.startswith(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"')
    listed = await served.get(MAPS)
    assert listed.json["items"][0]["metadata"]["managedFields"]
    assert msgspec.json.decode(stored.wire()) == (await served.get(f"{MAPS}/one")).json


async def test_openapi_says_so(served: Served) -> None:
    document = (await served.get("/openapi/v3/api/v1")).json
    patch = document["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"]
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]
    assert "force" in [parameter["name"] for parameter in patch["parameters"]]
    schemas = document["components"]["schemas"]
    ports = schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"]
    assert ports["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]
    assert spec["nodeSelector"]["x-kubernetes-map-type"] == "atomic"
