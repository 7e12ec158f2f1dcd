"""Unknown, repeated and missing fields over HTTP, as strictly as the client asks for."""

from typing import Any

import msgspec
import pytest

from kernel.api.object_api import ObjectApi
from kernel.objects.kind import Kind
from kernel.objects.struct import Struct

from .conftest import Answered, Served, config_map, pod

pytestmark = pytest.mark.anyio

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
UNKNOWN = (
    (MERGE, {"spec": {"foo": 1}, "metadata": {"labels": {"a": "b"}}}),
    (STRATEGIC, {"spec": {"foo": 1}, "metadata": {"labels": {"a": "b"}}}),
    (
        JSON_PATCH,
        [
            {"op": "add", "path": "/spec/foo", "value": 1},
            {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
        ],
    ),
)


class SiteSpec(Struct):
    """What a site needs."""

    url: str
    pages: list[str]


class Site(Kind, group="example.dev", version="v1"):
    """A kind as a plugin makes it."""

    spec: SiteSpec


def _causes(answer: Answered) -> list[tuple[str, str, str]]:
    assert (answer.status, answer.json["reason"]) == (422, "Invalid"), answer.body
    causes = answer.json["details"]["causes"]
    return [(cause["reason"], cause["message"], cause["field"]) for cause in causes]


@pytest.mark.parametrize(("media_type", "patch"), UNKNOWN)
@pytest.mark.parametrize(
    ("query", "warnings"),
    [
        ("", ['299 - "unknown field \\"spec.foo\\""']),
        ("?fieldValidation=Warn", ['299 - "unknown field \\"spec.foo\\""']),
        ("?fieldValidation=Ignore", []),
    ],
)
async def test_a_patch_goes_through_without_the_unknown_fields(
    served: Served, media_type: str, patch: Any, query: str, warnings: list[str]
) -> None:
    await served.post(PODS, pod("web"))
    answer = await served.ask("PATCH", f"{PODS}/web{query}", patch, Content_Type=media_type)
    assert (answer.status, answer.json["metadata"]["labels"]) == (200, {"a": "b"})
    assert "foo" not in answer.json["spec"]
    assert answer.headers.getall("Warning", []) == warnings


@pytest.mark.parametrize(("media_type", "patch"), UNKNOWN)
async def test_a_strict_patch_is_refused(served: Served, media_type: str, patch: Any) -> None:
    await served.post(PODS, pod("web"))
    path = f"{PODS}/web?fieldValidation=Strict"
    answer = await served.ask("PATCH", path, patch, Content_Type=media_type)
    assert answer.status == 400
    assert 'strict decoding error: unknown field "spec.foo"' in answer.json["message"]
    assert "labels" not in (await served.get(f"{PODS}/web")).json["metadata"]


TWICE = (
    b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"x":"1","x":"2"}},'
    b'"data":{"k":"1"},"data":{"k":"2"}}'
)
TWICE_IN_YAML = b"""
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {k: "1"}
data: {k: "2"}
"""


async def test_a_field_that_is_said_twice_is_warned_of(served: Served) -> None:
    answer = await served.post(f"{MAPS}?fieldValidation=Ignore&dryRun=All", TWICE)
    assert (answer.status, answer.json["data"]) == (201, {"k": "2"})
    assert "Warning" not in answer.headers
    answer = await served.post(MAPS, TWICE)
    assert (answer.status, answer.json["data"]) == (201, {"k": "2"})
    assert answer.headers.getall("Warning") == [
        '299 - "duplicate field \\"metadata.labels.x\\""',
        '299 - "duplicate field \\"data\\""',
    ]
    answer = await served.ask(
        "PATCH", f"{MAPS}/a", b'{"data": {"k": "3", "k" : "4"}}', Content_Type=MERGE
    )
    assert (answer.status, answer.json["data"]) == (200, {"k": "4"})
    assert answer.headers.getall("Warning") == ['299 - "duplicate field \\"data.k\\""']


async def test_a_field_that_is_said_twice_is_refused_strictly(served: Served) -> None:
    answer = await served.post(f"{MAPS}?fieldValidation=Strict", TWICE)
    assert answer.status == 400
    assert answer.json["message"].endswith(
        'strict decoding error: duplicate field "metadata.labels.x", duplicate field "data"'
    )
    await served.post(MAPS, config_map("a", k="1"))
    path = f"{MAPS}/a?fieldValidation=Strict"
    answer = await served.ask("PATCH", path, b'{"data":{"k":"3","k":"4"}}', Content_Type=MERGE)
    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")


async def test_yaml_that_says_a_key_twice(served: Served) -> None:
    complaint = 'line 6: duplicate key "data", first set on line 5'
    yaml = {"Content_Type": "application/yaml"}
    strict = await served.post(f"{MAPS}?fieldValidation=Strict", TWICE_IN_YAML, **yaml)
    assert strict.status == 400
    assert f"strict decoding error: {complaint}" in strict.json["message"]
    answer = await served.post(MAPS, TWICE_IN_YAML, **yaml)
    assert (answer.status, answer.json["data"]) == (201, {"k": "2"})
    assert answer.headers["Warning"].replace("\\", "") == f'299 - "{complaint}"'


async def test_missing_fields_make_a_pod_invalid(served: Served) -> None:
    body = pod("web")
    body["spec"]["containers"] = [{"image": "busybox", "ports": [{}], "env": [{"value": "x"}]}]
    required = "FieldValueRequired", "Required value"
    answer = await served.post(PODS, body)
    assert sorted(_causes(answer)) == [
        (*required, "spec.containers[0].env[0].name"),
        (*required, "spec.containers[0].name"),
        (*required, "spec.containers[0].ports[0].containerPort"),
    ]
    assert answer.json["message"].startswith('Pod "web" is invalid: [spec.containers[0].')
    await served.post(PODS, pod("web"))
    patch = {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a"}]}}
    answer = await served.ask("PATCH", f"{PODS}/web", patch, Content_Type=MERGE)
    assert _causes(answer) == [(*required, "metadata.ownerReferences[0].uid")]
    spec = {"containers": [{"name": "x"}], "volumes": [{"name": "v", "nfs": {"path": "/"}}]}
    applied = {"apiVersion": "v1", "kind": "Pod", "spec": spec}
    path = f"{PODS}/other?fieldManager=me"
    answer = await served.ask("PATCH", path, applied, Content_Type="application/apply-patch+yaml")
    assert _causes(answer) == [(*required, "spec.volumes[0].nfs.server")]


async def test_missing_fields_make_an_object_of_a_plugin_invalid(served: Served) -> None:
    api: ObjectApi = served.api
    api.kinds.add(Site)
    sites = "/apis/example.dev/v1/namespaces/default/sites"
    body: dict[str, Any] = {"apiVersion": "example.dev/v1", "kind": "Site"}
    body |= {"metadata": {"generateName": "s-"}, "spec": {}, "odd": 1}
    required = "FieldValueRequired", "Required value"
    answer = await served.post(sites, body)
    assert _causes(answer) == [(*required, "spec.url"), (*required, "spec.pages")]
    assert answer.json["message"] == (
        'Site.example.dev "s-" is invalid: [spec.url: Required value, spec.pages: Required value]'
    )
    del body["spec"]
    assert _causes(await served.post(sites, body)) == [(*required, "spec")]
    strict = await served.post(f"{sites}?fieldValidation=Strict", body)
    assert strict.status == 400
    assert strict.json["message"].endswith('strict decoding error: unknown field "odd"')


async def test_values_that_may_be_empty_may_be_left_out(served: Served) -> None:
    body = pod("web")
    body["spec"]["securityContext"] = {"sysctls": [{"name": "kernel.shm_rmid_forced"}]}
    check = {"httpGet": {"port": 80, "httpHeaders": [{"name": "X-Probe"}]}}
    body["spec"]["containers"][0]["livenessProbe"] = check
    answer = await served.post(PODS, body)
    assert answer.status == 201, answer.body
    spec = answer.json["spec"]
    assert spec["securityContext"]["sysctls"][0]["value"] == ""
    headers = spec["containers"][0]["livenessProbe"]["httpGet"]["httpHeaders"]
    assert headers == [{"name": "X-Probe", "value": ""}]


async def test_a_wrong_type_beside_a_missing_field_is_a_bad_request(served: Served) -> None:
    body = pod("web")
    body["spec"]["containers"] = [{"image": 7}]
    answer = await served.post(PODS, msgspec.json.encode(body))
    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")


async def test_what_is_odd_and_accepted_is_warned_of(served: Served) -> None:
    odd = pod("odd")
    odd["spec"]["nodeSelector"] = {"beta.kubernetes.io/os": "linux"}
    answer = await served.post("/api/v1/namespaces/default/pods", odd)
    assert answer.status == 201
    assert answer.headers.getall("Warning") == [
        '299 - "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use'
        ' \\"kubernetes.io/os\\" instead"'
    ]
