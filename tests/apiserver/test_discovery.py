"""Discovery and OpenAPI follow from the table of kinds, a plugin's kind among them."""

from typing import Any

import msgspec
import pytest

from kernel.apiserver import discovery
from kernel.apiserver.openapi.documents import OpenApi
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.struct import Struct


class WebsiteSpec(Struct):
    """What a site shows."""

    url: str
    replicas: int = 1
    parent: "WebsiteSpec | None" = None


class Website(Kind, group="example.dev", version="v1", short_names=("ws",), categories=("all",)):
    """A site."""

    spec: WebsiteSpec
    status: dict[str, Any] = {}


def _kinds() -> KindTable:
    kinds = KindTable.core()
    kinds.add(Website)
    return kinds


def _document(api: OpenApi, name: str) -> Any:
    document = api.document(name)
    assert document is not None
    return msgspec.json.decode(document)


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_aggregated_discovery_lists_core_kinds_with_subresources(version: str) -> None:
    found = discovery.aggregated(_kinds(), version, core=True)
    assert found["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    (group,) = found["items"]
    assert group["metadata"]["name"] == ""
    resources = {entry["resource"]: entry for entry in group["versions"][0]["resources"]}
    pods = resources["pods"]
    assert pods["shortNames"] == ["po"]
    assert pods["scope"] == "Namespaced"
    subresources = {entry["subresource"]: entry for entry in pods["subresources"]}
    assert set(subresources) >= {"attach", "binding", "exec", "log", "portforward", "status"}
    assert subresources["exec"]["verbs"] == ["create", "get"]
    assert subresources["exec"]["responseKind"]["kind"] == "PodExecOptions"
    assert resources["nodes"]["scope"] == "Cluster"
    assert "subresources" not in resources["configmaps"]


def test_aggregated_discovery_lists_the_other_groups() -> None:
    found = discovery.aggregated(_kinds(), "v2", core=False)
    names = [item["metadata"]["name"] for item in found["items"]]
    assert names == [group for group, _ in _kinds().groups() if group]
    assert {"apps", "batch", "networking.k8s.io", "example.dev"} <= set(names)


def test_legacy_lists_have_the_same_kinds() -> None:
    found = discovery.resource_list(_kinds(), "example.dev", "v1")
    assert found is not None
    assert [resource["name"] for resource in found["resources"]] == ["websites", "websites/status"]
    assert discovery.resource_list(_kinds(), "example.dev", "v9") is None
    groups = discovery.group_list(_kinds())["groups"]
    assert [entry["preferredVersion"]["groupVersion"] for entry in groups] == [
        f"{group}/{versions[0]}" for group, versions in _kinds().groups() if group
    ]
    assert discovery.group(_kinds(), "nobody.example") is None


def test_openapi_index_names_every_group_and_changes_with_the_kinds() -> None:
    kinds = KindTable.core()
    api = OpenApi(kinds)
    before = msgspec.json.decode(api.index())["paths"]
    kinds.add(Website)
    after = msgspec.json.decode(api.index())["paths"]
    assert set(after) - set(before) == {"apis/example.dev/v1"}
    assert after["api/v1"] == before["api/v1"]


def test_every_reference_of_a_document_leads_to_a_schema() -> None:
    api = OpenApi(_kinds())
    for name in ("api/v1", "apis/coordination.k8s.io/v1", "apis/example.dev/v1"):
        document = _document(api, name)
        schemas = document["components"]["schemas"]
        references = set(_references(document))
        assert references
        assert {reference.rsplit("/", 1)[1] for reference in references} <= set(schemas)


def _references(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_patch_operations_say_that_fields_are_validated() -> None:
    document = _document(OpenApi(_kinds()), "apis/example.dev/v1")
    patch = document["paths"]["/apis/example.dev/v1/namespaces/{namespace}/websites/{name}"][
        "patch"
    ]
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "example.dev",
        "version": "v1",
        "kind": "Website",
    }
    names = {parameter["name"] for parameter in patch["parameters"]}
    assert {"dryRun", "fieldValidation"} <= names
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_schemas_carry_types_requirements_and_merge_keys() -> None:
    api = OpenApi(_kinds())
    schemas = _document(api, "api/v1")["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-patch-strategy"] == "merge"
    port = schemas["io.k8s.api.core.v1.ServicePort"]["properties"]["targetPort"]
    (reference,) = port["allOf"]
    assert reference["$ref"].endswith("io.k8s.apimachinery.pkg.util.intstr.IntOrString")
    website = _document(api, "apis/example.dev/v1")["components"]["schemas"]
    assert website["dev.example.v1.WebsiteSpec"]["required"] == ["url"]
    assert website["dev.example.v1.WebsiteSpec"]["description"] == "What a site shows."


def test_version_2_is_self_contained() -> None:
    document = msgspec.json.decode(OpenApi(_kinds()).version_2())
    assert document["security"] == [{name: []} for name in document["securityDefinitions"]]
    references = set(_references(document))
    assert all(reference.startswith("#/definitions/") for reference in references)
    assert {reference.rsplit("/", 1)[1] for reference in references} <= set(document["definitions"])


def test_openapi_has_the_subresources_of_pods() -> None:
    paths = _document(OpenApi(_kinds()), "api/v1")["paths"]
    pod = "/api/v1/namespaces/{namespace}/pods/{name}"
    run = paths[f"{pod}/exec"]["post"]
    assert run["x-kubernetes-action"] == "connect"
    assert run["x-kubernetes-group-version-kind"]["kind"] == "PodExecOptions"
    assert {parameter["name"] for parameter in run["parameters"]} >= {"command", "stdin", "tty"}
    debug = paths[f"{pod}/ephemeralcontainers"]["patch"]
    assert debug["x-kubernetes-group-version-kind"]["kind"] == "Pod"
    eviction = paths[f"{pod}/eviction"]["post"]["x-kubernetes-group-version-kind"]
    assert eviction == {"group": "policy", "version": "v1", "kind": "Eviction"}
    assert set(paths[f"{pod}/status"]) == {"get", "put", "patch", "parameters"}


def test_operations_have_the_names_that_client_generators_know() -> None:
    api = OpenApi(_kinds())
    names = [
        operation["operationId"]
        for name in msgspec.json.decode(api.index())["paths"]
        for item in _document(api, name)["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(set(names)) == len(names)
    assert set(names) >= {
        *("listCoreV1NamespacedPod", "listCoreV1PodForAllNamespaces", "readCoreV1NamespacedPodLog"),
        *("deleteCoreV1CollectionNamespacedPod", "connectCoreV1GetNamespacedPodExec"),
        *("connectCoreV1PatchNamespacedPodProxyWithPath", "createCoreV1NamespacedPodBinding"),
        *("replaceAppsV1NamespacedDeploymentScale", "patchCoreV1NodeStatus", "readCoreV1Node"),
        *("createRbacAuthorizationV1ClusterRole", "listExampleDevV1NamespacedWebsite"),
    }


def test_legacy_lists_tell_how_objects_are_stored_as_kubernetes_does() -> None:
    hashes: dict[str, str | None] = {}
    for group in ("", "apps"):
        found = discovery.resource_list(KindTable.core(), group, "v1")
        assert found is not None
        hashes |= {entry["name"]: entry.get("storageVersionHash") for entry in found["resources"]}
    # Both are known from Kubernetes' own answers.
    assert hashes["pods"] == "xPOwRZ+Yhw8="
    assert hashes["deployments"] == "8aSe+NMegvE="
    assert hashes["pods/log"] is None
