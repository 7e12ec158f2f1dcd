"""kubernetes_asyncio: the typed API, watches, exec, the dynamic client, YAML, leader election."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from kubernetes_asyncio import client, config, dynamic, utils, watch
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader
from kubernetes_asyncio.stream import WsApiClient

from ..conftest import COMPACTED_REVISION, POD, Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

NAMESPACE = "of-kubernetes-asyncio"
SECONDS_MAX = 20


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> str:
    """Where this client's objects are."""
    return cluster.make_namespace(NAMESPACE)


@pytest.fixture
async def api_client(cluster: Cluster, namespace: str) -> AsyncIterator[client.ApiClient]:
    """What all its APIs are made of."""
    await config.load_kube_config(config_file=cluster.kubeconfig)
    with anyio.fail_after(SECONDS_MAX):
        async with client.ApiClient() as made:
            yield made


@pytest.fixture
def core(api_client: client.ApiClient) -> client.CoreV1Api:
    """The kinds of core/v1."""
    return client.CoreV1Api(api_client)


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    """A ConfigMap whose labels tell which test it belongs to."""
    metadata = client.V1ObjectMeta(name=name, labels={"of": name.partition("-")[0]})
    return client.V1ConfigMap(metadata=metadata, data=data)


async def test_an_object_from_its_creation_to_its_end(core: client.CoreV1Api) -> None:
    created = await core.create_namespaced_config_map(NAMESPACE, config_map("life", a="1"))
    read = await core.read_namespaced_config_map("life", NAMESPACE)
    assert read.to_dict() == created.to_dict()
    read.data = {"a": "2"}
    await core.replace_namespaced_config_map("life", NAMESPACE, read)
    with pytest.raises(ApiException) as stale:
        await core.replace_namespaced_config_map("life", NAMESPACE, created)
    assert (stale.value.status, json.loads(stale.value.body or "")["reason"]) == (409, "Conflict")
    status = await core.delete_namespaced_config_map(
        "life", NAMESPACE, propagation_policy="Background"
    )
    assert status.status == "Success"
    with pytest.raises(ApiException) as gone:
        await core.read_namespaced_config_map("life", NAMESPACE)
    assert gone.value.status == 404


async def test_lists_have_pages_and_collections_are_deleted(core: client.CoreV1Api) -> None:
    for number in range(3):
        await core.create_namespaced_config_map(NAMESPACE, config_map(f"paged-{number}"))
    first = await core.list_namespaced_config_map(NAMESPACE, label_selector="of=paged", limit=2)
    second = await core.list_namespaced_config_map(
        NAMESPACE, label_selector="of=paged", limit=2, _continue=first.metadata._continue
    )
    found = [item.metadata.name for page in (first, second) for item in page.items]
    assert found == ["paged-0", "paged-1", "paged-2"]
    await core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="of=paged")
    left = await core.list_namespaced_config_map(NAMESPACE, label_selector="of=paged")
    assert left.items == []


PATCHES: dict[str, Any] = {
    "application/json-patch+json": [{"op": "add", "path": "/data/b", "value": "2"}],
    "application/merge-patch+json": {"data": {"b": "2"}},
    "application/strategic-merge-patch+json": {"data": {"b": "2"}},
    "application/apply-patch+yaml": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"b": "2"},
    },
}


async def test_a_patch_of_each_type(core: client.CoreV1Api) -> None:
    for content_type, patch in PATCHES.items():
        name = "patched-" + content_type.split("/")[1].split("-")[0]
        await core.create_namespaced_config_map(NAMESPACE, config_map(name, a="1"))
        patched = await core.patch_namespaced_config_map(
            name, NAMESPACE, patch, field_manager="tests", _content_type=content_type
        )
        assert patched.data == {"a": "1", "b": "2"}


async def test_status_and_scale(api_client: client.ApiClient) -> None:
    apps = client.AppsV1Api(api_client)
    labels = {"app": "scaled"}
    pod = {"containers": [{"name": "c", "image": "busybox"}]}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    await apps.create_namespaced_deployment(
        NAMESPACE, {"metadata": {"name": "scaled"}, "spec": spec}
    )
    scale = await apps.patch_namespaced_deployment_scale(
        "scaled", NAMESPACE, {"spec": {"replicas": 3}}
    )
    assert scale.spec.replicas == 3
    written = await apps.patch_namespaced_deployment_status(
        "scaled", NAMESPACE, {"status": {"replicas": 3}}
    )
    assert written.status.replicas == 3
    await apps.delete_namespaced_deployment("scaled", NAMESPACE)


async def test_a_watch(core: client.CoreV1Api) -> None:
    await core.create_namespaced_config_map(NAMESPACE, config_map("watched-1"))
    seen = []
    async with watch.Watch() as watcher:
        async for event in watcher.stream(
            core.list_namespaced_config_map, NAMESPACE, label_selector="of=watched"
        ):
            seen.append((event["type"], event["object"].metadata.name))
            if len(seen) == 1:
                await core.create_namespaced_config_map(NAMESPACE, config_map("watched-2"))
                await core.delete_namespaced_config_map("watched-1", NAMESPACE)
            if len(seen) == 3:
                break
    assert seen == [("ADDED", "watched-1"), ("ADDED", "watched-2"), ("DELETED", "watched-1")]


async def test_watches_end_at_their_time_and_when_they_are_too_old(
    core: client.CoreV1Api,
) -> None:
    options = {"label_selector": "of=none", "timeout_seconds": 1}
    async with watch.Watch() as watcher:
        events = watcher.stream(core.list_config_map_for_all_namespaces, **options)
        assert [event async for event in events] == []
    async with watch.Watch() as watcher:
        old = watcher.stream(
            core.list_config_map_for_all_namespaces,
            resource_version=str(COMPACTED_REVISION - 1),
            timeout_seconds=5,
        )
        with pytest.raises(ApiException) as error:
            await anext(old)
    assert error.value.status == 410


async def test_logs(core: client.CoreV1Api) -> None:
    log = await core.read_namespaced_pod_log(POD, "default")
    assert log.splitlines()[:2] == ["one", "two"]
    followed = []
    async with watch.Watch() as watcher:
        async for line in watcher.stream(core.read_namespaced_pod_log, POD, "default"):
            followed.append(line.strip())
            if len(followed) == 2:
                break
    assert followed == ["one", "two"]


async def test_exec(api_client: client.ApiClient) -> None:
    async with WsApiClient() as sockets:
        core = client.CoreV1Api(sockets)
        options = {"stdin": False, "stdout": True, "stderr": True, "tty": False}
        output = await core.connect_get_namespaced_pod_exec(
            *(POD, "default"), command=["sh", "-c", "echo out; echo err >&2"], **options
        )
        assert sorted(output.splitlines()) == ["err", "out"]
        socket = await core.connect_get_namespaced_pod_exec(
            *(POD, "default"),
            command=["sh", "-c", "read line; echo got $line; exit 3"],
            _preload_content=False,
            **(options | {"stdin": True}),
        )
        async with socket as conversation:
            await conversation.send_bytes(b"\x00hello\n")
            messages = [message.data async for message in conversation]
        told = b"".join(message[1:] for message in messages if message[0] == 1)
        assert told == b"got hello\n"
        (status,) = [message[1:].decode() for message in messages if message[0] == 3]
        assert WsApiClient.parse_error_data(status) == 3


async def test_the_dynamic_client(api_client: client.ApiClient) -> None:
    found = await dynamic.DynamicClient(api_client)
    websites = await found.resources.get(api_version="example.dev/v1", kind="Website")
    body = {
        "apiVersion": "example.dev/v1",
        "kind": "Website",
        "metadata": {"name": "site"},
        "spec": {"greeting": "hello"},
    }
    await websites.create(body=body, namespace=NAMESPACE)
    patched = await websites.patch(
        name="site",
        namespace=NAMESPACE,
        body={"spec": {"greeting": "bye"}},
        content_type="application/merge-patch+json",
    )
    assert patched.spec.greeting == "bye"
    await websites.delete(name="site", namespace=NAMESPACE)
    custom = client.CustomObjectsApi(api_client)
    listed = await custom.list_namespaced_custom_object("example.dev", "v1", NAMESPACE, "websites")
    assert listed["items"] == []


async def test_objects_are_created_from_yaml(api_client: client.ApiClient) -> None:
    metadata = {"name": "made"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "b"}}
    await utils.create_from_dict(api_client, body, namespace=NAMESPACE)
    secret = await client.CoreV1Api(api_client).read_namespaced_secret("made", NAMESPACE)
    assert secret.data == {"a": "Yg=="}


async def test_the_configuration_of_a_pod(cluster: Cluster, tmp_path: Any) -> None:
    host, _, port = cluster.server.url.removeprefix("https://").rpartition(":")
    answer = cluster.api.request(
        "POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {"spec": {}}
    )
    token = tmp_path / "token"
    token.write_text(answer["status"]["token"])
    configuration = client.Configuration()
    loader = InClusterConfigLoader(
        token_filename=str(token),
        cert_filename=str(cluster.place.data / "pki" / "ca.crt"),
        environ={"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port},
    )
    loader.load_and_set(configuration)
    async with client.ApiClient(configuration) as api_client:
        authentication = client.AuthenticationV1Api(api_client)
        review = await authentication.create_self_subject_review(client.V1SelfSubjectReview())
    assert review.status.user_info.username == "system:serviceaccount:default:default"
