"""What programs do with `kubernetes` beside the typed API: custom objects, the dynamic client,
YAML files, leader election, the configuration that a Pod has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, dynamic, utils
from kubernetes.client.exceptions import ApiException
from kubernetes.config import incluster_config
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, ResourceNotFoundError
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from ...command.harness import REPOSITORY
from ..conftest import Cluster

SITES = ("example.dev", "v1")
SECONDS_MAX = 10
MANIFESTS = REPOSITORY / "tests" / "notes" / "manifests"
# The client itself refuses the misspelt field of javaweb-2.
NOTES = sorted(path for path in MANIFESTS.glob("*.yaml") if path.stem != "javaweb-2")


def website(name: str) -> dict[str, Any]:
    """An object of the plugin's kind."""
    return {
        "apiVersion": "example.dev/v1",
        "kind": "Website",
        "metadata": {"name": name},
        "spec": {"greeting": "hello"},
    }


def test_custom_objects(api_client: client.ApiClient, namespace: str) -> None:
    custom = client.CustomObjectsApi(api_client)
    where = (*SITES, namespace, "websites")
    created = custom.create_namespaced_custom_object(*where, website("site"))
    assert created["spec"] == {"greeting": "hello"}
    assert custom.get_namespaced_custom_object(*where, "site")["metadata"]["uid"]
    patched = custom.patch_namespaced_custom_object(*where, "site", {"spec": {"greeting": "bye"}})
    assert (patched["spec"]["greeting"], patched["metadata"]["generation"]) == ("bye", 2)
    status = custom.patch_namespaced_custom_object_status(
        *where, "site", {"status": {"phase": "Tried"}, "spec": {"greeting": "ignored"}}
    )
    assert (status["status"]["phase"], status["spec"]["greeting"]) == ("Tried", "bye")
    stale = {**created, "spec": {"greeting": "late"}}
    with pytest.raises(ApiException) as error:
        custom.replace_namespaced_custom_object(*where, "site", stale)
    assert error.value.status == 409
    listed = custom.list_namespaced_custom_object(*where, limit=1)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["site"]
    custom.delete_namespaced_custom_object(*where, "site")
    with pytest.raises(ApiException) as unknown:
        custom.create_namespaced_custom_object(
            *where, {**website("other"), "spce": {}}, field_validation="Strict"
        )
    assert unknown.value.status == 400
    assert 'strict decoding error: unknown field \\"spce\\"' in unknown.value.body


@pytest.fixture(scope="module")
def found(api_client: client.ApiClient, tmp_path_factory: Any) -> dynamic.DynamicClient:
    """The dynamic client, which knows the server's kinds by discovery."""
    cache = tmp_path_factory.mktemp("discovery") / "cache.json"
    return dynamic.DynamicClient(api_client, cache_file=str(cache))


def test_discovery_of_the_dynamic_client(found: dynamic.DynamicClient) -> None:
    pods = found.resources.get(api_version="v1", kind="Pod")
    assert (pods.name, pods.namespaced) == ("pods", True)
    assert "exec" in pods.subresources
    deployments = found.resources.search(kind="Deployment")
    assert [one.group_version for one in deployments if one.preferred] == ["apps/v1"]
    assert found.resources.get(api_version="example.dev/v1", kind="Website").name == "websites"
    with pytest.raises(ResourceNotFoundError):
        found.resources.get(api_version="v1", kind="Nothing")
    assert found.version["kubernetes"]["major"] == "1"


def test_the_dynamic_client(found: dynamic.DynamicClient, namespace: str) -> None:
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "dynamic", "labels": {"of": "dynamic"}},
        "data": {"a": "1"},
    }
    created = maps.create(body=body, namespace=namespace)
    assert maps.get(name="dynamic", namespace=namespace).data.a == "1"
    merged = maps.patch(
        name="dynamic",
        namespace=namespace,
        body={"data": {"b": "2"}},
        content_type="application/merge-patch+json",
    )
    assert merged.data.to_dict() == {"a": "1", "b": "2"}
    with pytest.raises(ConflictError):
        maps.replace(body=created.to_dict(), namespace=namespace)
    applied = maps.server_side_apply(
        namespace=namespace, body={**body, "data": {"a": "1"}}, field_manager="dynamic"
    )
    assert applied.metadata.managedFields[0].manager == "dynamic"
    selected = {"namespace": namespace, "label_selector": "of=dynamic"}
    assert [item.metadata.name for item in maps.get(**selected).items] == ["dynamic"]
    (event,) = [
        event
        for event in maps.watch(**selected, timeout=1)
        if event["object"].metadata.name == "dynamic"
    ]
    assert event["type"] == "ADDED"
    maps.delete(namespace=namespace, label_selector="of=dynamic")
    with pytest.raises(NotFoundError):
        maps.get(name="dynamic", namespace=namespace)


@pytest.mark.parametrize("manifest", NOTES, ids=lambda path: path.stem)
def test_the_manifests_of_the_notes(
    api_client: client.ApiClient, namespace: str, manifest: Path
) -> None:
    # The client has no API for apps/v1beta2; what it applies goes by discovery.
    is_old = "apps/v1beta2" in manifest.read_text()
    made = utils.create_from_yaml(
        api_client, str(manifest), namespace=namespace, apply=is_old, dry_run="All"
    )
    assert made


def test_objects_are_created_from_yaml(
    api_client: client.ApiClient, core: client.CoreV1Api, namespace: str
) -> None:
    manifest = str(MANIFESTS / "configmap-test.yaml")
    utils.create_from_yaml(api_client, manifest, namespace=namespace)
    utils.create_from_yaml(api_client, manifest, namespace=namespace, apply=True)
    created = core.read_namespaced_config_map("test-configmap", namespace)
    assert created.data["key1"] == "abcdocker1"


def test_yaml_that_is_refused(api_client: client.ApiClient, namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers: []\n")
    with pytest.raises(utils.FailToCreateError, match="422"):
        utils.create_from_yaml(api_client, str(file), namespace=namespace)


@contextmanager
def elected(lock: ConfigMapLock | LeaseLock) -> Iterator[None]:
    """A candidate who leads, and resigns in the end."""
    leads, resigns, resigned = (threading.Event() for _ in range(3))

    def lead() -> None:
        leads.set()
        resigns.wait(SECONDS_MAX)
        raise RuntimeError("enough")  # which is how a leader of this library resigns

    configuration = electionconfig.Config(
        lock, 3, 2, 1, onstarted_leading=lead, onstopped_leading=resigned.set
    )
    candidate = leaderelection.LeaderElection(configuration)
    thread = threading.Thread(target=candidate.run)
    thread.start()
    try:
        assert leads.wait(SECONDS_MAX)
        yield
    finally:
        resigns.set()
        thread.join(SECONDS_MAX)
    assert resigned.is_set()


def test_leaders_are_elected(core: client.CoreV1Api, namespace: str) -> None:
    def holder(kind: type[ConfigMapLock | LeaseLock]) -> str:
        _, record = kind("leader", namespace, "observer").get("leader", namespace)
        held_by: str = record.holder_identity
        return held_by

    with (
        elected(ConfigMapLock("leader", namespace, "one")),
        elected(LeaseLock("leader", namespace, "two")),
    ):
        assert (holder(ConfigMapLock), holder(LeaseLock)) == ("one", "two")


def test_the_configuration_of_a_pod(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _, port = cluster.server.url.removeprefix("https://").rpartition(":")
    token_request = cluster.api.request(
        "POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {"spec": {}}
    )
    token = tmp_path / "token"
    token.write_text(token_request["status"]["token"])
    authority = str(cluster.place.data / "pki" / "ca.crt")
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    configuration = client.Configuration()
    incluster_config.InClusterConfigLoader(
        token_filename=str(token), cert_filename=authority, environ=environment
    ).load_and_set(configuration)
    with client.ApiClient(configuration) as api_client:
        review = client.V1SelfSubjectReview()
        user = client.AuthenticationV1Api(api_client).create_self_subject_review(review)
    assert user.status.user_info.username == "system:serviceaccount:default:default"
