"""Objects of CustomResourceDefinitions over HTTP: served at once, like all others."""

from typing import Any

import msgspec
import pytest

from ..cron_tabs import CRON_TABS, DEFINITIONS, cron_tab, definition, version, with_schema
from .conftest import Served

pytestmark = pytest.mark.anyio


async def define(served: Served, *versions: dict[str, Any], **names: Any) -> Any:
    answer = await served.post(DEFINITIONS, definition(*versions, **names))
    assert answer.status == 201, answer.json
    return answer.json


def conditions(obj: Any) -> dict[str, tuple[str, str]]:
    listed = obj["status"]["conditions"]
    return {one["type"]: (one["status"], one["reason"]) for one in listed}


async def test_a_definition_is_established_when_its_write_returns(served: Served) -> None:
    created = await define(served)
    assert conditions(created) == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert created["status"]["acceptedNames"]["listKind"] == "CronTabList"
    assert created["status"]["storedVersions"] == ["v1"]
    assert created["spec"]["conversion"] == {"strategy": "None"}


async def test_custom_objects_are_created_read_changed_and_deleted(served: Served) -> None:
    assert (await served.get(CRON_TABS)).status == 404
    await define(served)
    created = await served.post(CRON_TABS, cron_tab())
    assert created.status == 201
    assert created.json["spec"] == cron_tab()["spec"]
    assert created.json["metadata"]["generation"] == 1
    listed = (await served.get(CRON_TABS)).json
    assert (listed["kind"], len(listed["items"])) == ("CronTabList", 1)
    changed = created.json
    changed["spec"]["image"] = "other"
    assert (await served.ask("PUT", f"{CRON_TABS}/web", changed)).status == 200
    patched = await served.ask(
        "PATCH",
        f"{CRON_TABS}/web",
        {"spec": {"replicas": 3}},
        Content_Type="application/merge-patch+json",
    )
    assert patched.json["spec"]["replicas"] == 3
    assert patched.json["metadata"]["generation"] == 3
    assert (await served.ask("DELETE", f"{CRON_TABS}/web")).status == 200
    assert (await served.get(f"{CRON_TABS}/web")).status == 404


async def test_a_strategic_merge_patch_is_refused(served: Served) -> None:
    await define(served)
    await served.post(CRON_TABS, cron_tab())
    answer = await served.ask(
        "PATCH",
        f"{CRON_TABS}/web",
        {"spec": {"replicas": 3}},
        Content_Type="application/strategic-merge-patch+json",
    )
    assert answer.status == 415
    assert "application/merge-patch+json" in answer.json["message"]


async def test_unknown_fields_are_pruned_as_the_client_asks(served: Served) -> None:
    await define(served)
    sent = cron_tab()
    sent["spec"]["someRandomField"] = 42
    strict = await served.post(f"{CRON_TABS}?fieldValidation=Strict", sent)
    assert strict.status == 400
    assert 'strict decoding error: unknown field "spec.someRandomField"' in strict.json["message"]
    warned = await served.post(f"{CRON_TABS}?fieldValidation=Warn", sent)
    assert warned.status == 201
    assert 'unknown field \\"spec.someRandomField' in warned.headers["Warning"]
    assert "someRandomField" not in warned.json["spec"]


async def test_an_object_is_watched_from_its_creation_on(served: Served) -> None:
    await define(served)
    revision = (await served.get(CRON_TABS)).json["metadata"]["resourceVersion"]
    await served.post(CRON_TABS, cron_tab())
    watched = await served.get(f"{CRON_TABS}?watch=1&resourceVersion={revision}&timeoutSeconds=1")
    events = [msgspec.json.decode(line) for line in watched.body.splitlines()]
    assert [(one["type"], one["object"]["metadata"]["name"]) for one in events] == [
        ("ADDED", "web")
    ]


async def test_discovery_shows_the_kind(served: Served) -> None:
    await define(served, version(subresources={"status": {}}))
    resources = (await served.get("/apis/stable.example.com/v1")).json["resources"]
    assert [one["name"] for one in resources] == ["crontabs", "crontabs/status"]
    assert resources[0]["shortNames"] == ["ct"]


async def test_a_version_that_is_not_stored_shows_the_same_objects(served: Served) -> None:
    await define(served, version("v1beta1", storage=False), version("v1"))
    await served.post(CRON_TABS, cron_tab())
    old = CRON_TABS.replace("/v1/", "/v1beta1/")
    seen = (await served.get(f"{old}/web")).json
    assert seen["apiVersion"] == "stable.example.com/v1beta1"
    assert seen["spec"] == cron_tab()["spec"]
    group = (await served.get("/apis/stable.example.com")).json
    assert group["preferredVersion"]["version"] == "v1"


async def test_defaults_are_filled_in_on_writing_and_on_reading(served: Served) -> None:
    await define(served)
    await served.post(CRON_TABS, cron_tab())
    fields = {
        "image": {"type": "string", "default": "none"},
        "replicas": {"type": "integer", "default": 1},
    }
    spec = {"type": "object", "properties": fields}
    present = (await served.get(f"{DEFINITIONS}/crontabs.stable.example.com")).json
    present["spec"]["versions"] = [with_schema(spec=spec)]
    assert (
        await served.ask("PUT", f"{DEFINITIONS}/{present['metadata']['name']}", present)
    ).status == 200
    seen = (await served.get(f"{CRON_TABS}/web")).json
    assert seen["spec"] == {"image": "my-awesome-cron-image", "replicas": 1}
    created = await served.post(CRON_TABS, cron_tab("new", spec={}))
    assert created.json["spec"] == {"image": "none", "replicas": 1}


async def test_names_of_others_are_not_accepted(served: Served) -> None:
    await define(served)
    other = await define(served, plural="others", singular="crontab", kind="Other")
    assert conditions(other) == {
        "NamesAccepted": ("False", "ShortNamesConflict"),
        "Established": ("False", "NotAccepted"),
    }
    assert (await served.get("/apis/stable.example.com/v1/others")).status == 404


async def test_values_are_validated_in_kubernetes_words(served: Served) -> None:
    spec = {"type": "object", "properties": {"replicas": {"type": "integer", "maximum": 10}}}
    await define(served, with_schema(spec=spec))
    refused = await served.post(CRON_TABS, cron_tab(spec={"replicas": "three"}))
    assert (refused.status, refused.json["reason"]) == (422, "Invalid")
    assert refused.json["message"] == (
        'CronTab.stable.example.com "web" is invalid: spec.replicas: Invalid value: "string": '
        'spec.replicas in body must be of type integer: "string"'
    )
    (cause,) = refused.json["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldValueTypeInvalid", "spec.replicas")
    assert (await served.post(CRON_TABS, cron_tab(spec={"replicas": 11}))).status == 422


async def test_a_definition_that_is_refused(served: Served) -> None:
    refused = await served.post(DEFINITIONS, definition(with_schema(spec={})))
    assert refused.status == 422
    assert refused.json["message"].startswith(
        'CustomResourceDefinition.apiextensions.k8s.io "crontabs.stable.example.com" is invalid: '
        "spec.versions[0].schema.openAPIV3Schema.properties[spec].type: Required value"
    )


async def test_rules_are_asked_when_an_object_is_written(served: Served) -> None:
    rule = {"rule": "self.min <= self.replicas", "message": "too few"}
    fields = {"min": {"type": "integer"}, "replicas": {"type": "integer"}}
    spec = {"type": "object", "properties": fields, "x-kubernetes-validations": [rule]}
    await define(served, with_schema(spec=spec))
    assert (await served.post(CRON_TABS, cron_tab(spec={"min": 1, "replicas": 1}))).status == 201
    refused = await served.post(CRON_TABS, cron_tab("few", spec={"min": 2, "replicas": 1}))
    assert refused.json["message"] == (
        'CronTab.stable.example.com "few" is invalid: spec: Invalid value: "object": too few'
    )


async def test_users_of_a_deprecated_version_are_warned(served: Served) -> None:
    old = version("v1beta1", storage=False, deprecated=True)
    await define(served, old, version("v1"))
    answer = await served.get(CRON_TABS.replace("/v1/", "/v1beta1/"))
    said = "stable.example.com/v1beta1 CronTab is deprecated; use stable.example.com/v1 CronTab"
    assert answer.headers["Warning"] == f'299 - "{said}"'
    assert "Warning" not in (await served.get(CRON_TABS)).headers


async def test_objects_are_selected_by_the_fields_that_a_definition_names(served: Served) -> None:
    await define(served, version(selectableFields=[{"jsonPath": ".spec.image"}]))
    await served.post(CRON_TABS, cron_tab("a", spec={"image": "x"}))
    await served.post(CRON_TABS, cron_tab("b", spec={"image": "y"}))
    found = (await served.get(f"{CRON_TABS}?fieldSelector=spec.image%3Dx")).json
    assert [one["metadata"]["name"] for one in found["items"]] == ["a"]
    assert (await served.get(f"{CRON_TABS}?fieldSelector=spec.cronSpec%3Dx")).status == 400


async def test_the_status_is_written_by_itself(served: Served) -> None:
    await define(served, version(subresources={"status": {}}))
    created = await served.post(CRON_TABS, cron_tab(status={"ready": True}))
    assert "status" not in created.json
    merge = {"Content_Type": "application/merge-patch+json"}
    patch = {"status": {}, "spec": {"image": "other"}}
    path = f"{CRON_TABS}/web/status"
    patched = await served.ask("PATCH", path, patch, **merge)
    assert patched.json["spec"] == cron_tab()["spec"]
    assert patched.json["metadata"]["generation"] == 1
    assert (await served.ask("PATCH", f"{CRON_TABS}/web", patch, **merge)).json["metadata"][
        "generation"
    ] == 2


async def test_a_table_has_the_columns_of_the_definition(served: Served) -> None:
    columns = [
        {"name": "Image", "type": "string", "jsonPath": ".spec.image"},
        {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "priority": 1},
    ]
    await define(served, version(additionalPrinterColumns=columns))
    await served.post(CRON_TABS, cron_tab())
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = (await served.get(CRON_TABS, Accept=accept)).json
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Image", "Replicas"]
    assert table["rows"][0]["cells"] == ["web", "my-awesome-cron-image", None]


@pytest.mark.parametrize("depth", [100, 400, 900, 5000])
async def test_deep_objects_are_taken_or_refused(served: Served, depth: int) -> None:
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    await define(served, with_schema(spec=spec))
    head = b'{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":"web"}'
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    created = await served.post(CRON_TABS, head + b',"spec":' + deep + b"}")
    assert created.status in (201, 400)
    deeper = b'{"a":' * depth + b"2" + b"}" * depth
    changed = await served.ask("PUT", f"{CRON_TABS}/web", head + b',"spec":' + deeper + b"}")
    assert changed.status in (200, 400, 404)
    applied = await served.ask(
        "PATCH",
        f"{CRON_TABS}/web?fieldManager=me&force=true",
        head + b',"spec":' + deep + b"}",
        Content_Type="application/apply-patch+yaml",
    )
    assert applied.status in (200, 201, 400)


@pytest.mark.parametrize("depth", [50, 150, 300])
async def test_deep_schemas_are_taken_or_refused(served: Served, depth: int) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    answer = await served.post(DEFINITIONS, definition(with_schema(spec=schema)))
    assert answer.status in (201, 400)
    assert (await served.get("/openapi/v3")).status == 200
    assert (await served.get("/openapi/v2")).status == 200
