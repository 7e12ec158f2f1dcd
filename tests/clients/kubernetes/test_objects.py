"""Objects by the typed API of `kubernetes`: every verb, and what a refusal looks like."""

import json

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ...command.harness import eventually


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    """A ConfigMap whose labels tell which test it belongs to."""
    metadata = client.V1ObjectMeta(name=name, labels={"of": name.partition("-")[0]})
    return client.V1ConfigMap(metadata=metadata, data=data)


def refusal(error: ApiException) -> tuple[int, str]:
    """The code and the reason of a Status."""
    status = json.loads(error.body)
    assert status["kind"] == "Status"
    assert status["code"] == error.status
    return error.status, status["reason"]


def test_an_object_from_its_creation_to_its_end(core: client.CoreV1Api, namespace: str) -> None:
    created = core.create_namespaced_config_map(namespace, config_map("life", a="1"))
    assert created.metadata.uid
    read = core.read_namespaced_config_map("life", namespace)
    assert read == created
    read.data = {"a": "2"}
    replaced = core.replace_namespaced_config_map("life", namespace, read)
    assert replaced.data == {"a": "2"}
    assert int(replaced.metadata.resource_version) > int(created.metadata.resource_version)
    with pytest.raises(ApiException) as stale:
        core.replace_namespaced_config_map("life", namespace, created)
    assert refusal(stale.value) == (409, "Conflict")
    with pytest.raises(ApiException) as taken:
        core.create_namespaced_config_map(namespace, config_map("life"))
    assert refusal(taken.value) == (409, "AlreadyExists")
    status = core.delete_namespaced_config_map("life", namespace)
    assert (status["status"], status["details"]["uid"]) == ("Success", created.metadata.uid)
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_config_map("life", namespace)
    assert refusal(gone.value) == (404, "NotFound")


def test_what_is_invalid_names_its_field(core: client.CoreV1Api, namespace: str) -> None:
    with pytest.raises(ApiException) as error:
        core.create_namespaced_config_map(namespace, config_map("Not_A_Name"))
    assert refusal(error.value) == (422, "Invalid")
    (cause,) = {cause["field"] for cause in json.loads(error.value.body)["details"]["causes"]}
    assert cause == "metadata.name"


def test_a_name_is_made_up(core: client.CoreV1Api, namespace: str) -> None:
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="made-"))
    names = [core.create_namespaced_config_map(namespace, body).metadata.name for _ in range(2)]
    assert all(name.startswith("made-") and len(name) == 10 for name in names)
    assert names[0] != names[1]


def test_a_dry_run_stores_nothing(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("dry"), dry_run="All")
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_config_map("dry", namespace)
    assert gone.value.status == 404


def test_lists_have_pages_and_selectors(core: client.CoreV1Api, namespace: str) -> None:
    names = [f"paged-{number}" for number in range(5)]
    for name in names:
        core.create_namespaced_config_map(namespace, config_map(name))
    seen, token, counts = [], None, []
    while token != "":
        page = core.list_namespaced_config_map(
            namespace, label_selector="of=paged", limit=2, _continue=token
        )
        seen += [item.metadata.name for item in page.items]
        counts.append(len(page.items))
        token = page.metadata._continue or ""
    assert (seen, counts) == (names, [2, 2, 1])
    first = core.list_namespaced_config_map(namespace, limit=1)
    whole = core.list_namespaced_config_map(namespace)
    assert first.metadata.remaining_item_count == len(whole.items) - 1
    by_field = core.list_namespaced_config_map(namespace, field_selector="metadata.name=paged-3")
    assert [item.metadata.name for item in by_field.items] == ["paged-3"]
    everywhere = core.list_config_map_for_all_namespaces(label_selector="of in (paged, nobody)")
    assert [item.metadata.name for item in everywhere.items] == names


def test_a_collection_is_deleted(core: client.CoreV1Api, namespace: str) -> None:
    for number in range(3):
        core.create_namespaced_config_map(namespace, config_map(f"heap-{number}"))
    core.delete_collection_namespaced_config_map(namespace, label_selector="of=heap")
    left = core.list_namespaced_config_map(namespace, label_selector="of=heap")
    assert left.items == []


PATCHES = {
    "application/json-patch+json": [{"op": "add", "path": "/data/b", "value": "2"}],
    "application/merge-patch+json": {"data": {"b": "2"}},
    "application/strategic-merge-patch+json": {"data": {"b": "2"}},
}


@pytest.mark.parametrize("content_type", PATCHES)
def test_a_patch_of_each_type(core: client.CoreV1Api, namespace: str, content_type: str) -> None:
    name = "patched-" + content_type.split("/")[1].split("-")[0]
    core.create_namespaced_config_map(namespace, config_map(name, a="1"))
    patched = core.patch_namespaced_config_map(
        name, namespace, PATCHES[content_type], _content_type=content_type
    )
    assert patched.data == {"a": "1", "b": "2"}


def test_the_client_chooses_the_type_of_a_patch(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("chosen", a="1"))
    by_list = [{"op": "replace", "path": "/data/a", "value": "2"}]
    assert core.patch_namespaced_config_map("chosen", namespace, by_list).data == {"a": "2"}
    by_object = {"data": {"a": None, "c": "3"}}
    assert core.patch_namespaced_config_map("chosen", namespace, by_object).data == {"c": "3"}


def test_server_side_apply_and_its_conflicts(core: client.CoreV1Api, namespace: str) -> None:
    def applied(manager: str, value: str, **options: bool) -> client.V1ConfigMap:
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "applied"},
            "data": {"key": value},
        }
        return core.patch_namespaced_config_map(
            *("applied", namespace, body),
            field_manager=manager,
            _content_type="application/apply-patch+yaml",
            **options,
        )

    assert applied("one", "1").data == {"key": "1"}
    with pytest.raises(ApiException) as error:
        applied("two", "2")
    assert refusal(error.value) == (409, "Conflict")
    (cause,) = json.loads(error.value.body)["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldManagerConflict", ".data.key")
    managers = applied("two", "2", force=True).metadata.managed_fields
    assert [(one.manager, one.operation) for one in managers] == [("two", "Apply")]


def test_status_and_scale_are_written_on_their_own(
    api_client: client.ApiClient, namespace: str
) -> None:
    apps = client.AppsV1Api(api_client)
    template = {
        "metadata": {"labels": {"app": "scaled"}},
        "spec": {"containers": [{"name": "c", "image": "busybox"}]},
    }
    selector = {"matchLabels": {"app": "scaled"}}
    body = {
        "metadata": {"name": "scaled"},
        "spec": {"replicas": 1, "selector": selector, "template": template},
    }
    apps.create_namespaced_deployment(namespace, body)
    scale = apps.read_namespaced_deployment_scale("scaled", namespace)
    assert (scale.spec.replicas, scale.status.selector) == (1, "app=scaled")
    scale.spec.replicas = 3
    assert apps.replace_namespaced_deployment_scale("scaled", namespace, scale).spec.replicas == 3
    patched = apps.patch_namespaced_deployment_scale("scaled", namespace, {"spec": {"replicas": 2}})
    assert patched.spec.replicas == 2
    status = {"status": {"replicas": 2, "readyReplicas": 1}, "spec": {"replicas": 9}}
    written = apps.patch_namespaced_deployment_status("scaled", namespace, status)
    assert (written.status.ready_replicas, written.spec.replicas) == (1, 2)
    assert written.metadata.generation == 3
    apps.delete_namespaced_deployment("scaled", namespace)


def test_deletion_with_grace_finalizers_and_preconditions(
    core: client.CoreV1Api, namespace: str
) -> None:
    body = config_map("held")
    body.metadata.finalizers = ["example.dev/held"]
    created = core.create_namespaced_config_map(namespace, body)
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    with pytest.raises(ApiException) as error:
        core.delete_namespaced_config_map("held", namespace, body=wrong)
    assert refusal(error.value) == (409, "Conflict")
    right = client.V1Preconditions(uid=created.metadata.uid)
    options = client.V1DeleteOptions(
        preconditions=right, propagation_policy="Background", grace_period_seconds=0
    )
    core.delete_namespaced_config_map("held", namespace, body=options)
    lingering = core.read_namespaced_config_map("held", namespace)
    assert lingering.metadata.deletion_timestamp is not None
    core.patch_namespaced_config_map("held", namespace, {"metadata": {"finalizers": None}})
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_config_map("held", namespace)
    assert gone.value.status == 404


@pytest.mark.parametrize("policy", ["Foreground", "Orphan"])
def test_what_becomes_of_dependents(core: client.CoreV1Api, namespace: str, policy: str) -> None:
    name = policy.lower()
    owner = core.create_namespaced_config_map(namespace, config_map(f"{name}-owner"))
    reference = client.V1OwnerReference(
        api_version="v1", kind="ConfigMap", name=owner.metadata.name, uid=owner.metadata.uid
    )
    body = config_map(f"{name}-dependent")
    body.metadata.owner_references = [reference]
    core.create_namespaced_config_map(namespace, body)
    core.delete_namespaced_config_map(f"{name}-owner", namespace, propagation_policy=policy)

    def left() -> list[str]:
        found = core.list_namespaced_config_map(namespace, label_selector=f"of={name}")
        return [item.metadata.name for item in found.items]

    expected = [] if policy == "Foreground" else [f"{name}-dependent"]
    eventually(lambda: left() == expected, f"what is left is {expected}")
