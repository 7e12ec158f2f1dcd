"""lightkube, as its documentation uses it: typed objects, apply, watches that reconnect, exec."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx2
import pytest
from lightkube import ApiError, AsyncClient, Client, KubeConfig
from lightkube.core.exceptions import NotReadyError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.apps_v1 import DeploymentSpec
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.operators import in_, not_exists
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import CascadeType, OnErrorAction, OnErrorResult, PatchType

from ..conftest import COMPACTED_REVISION, POD, Cluster

NAMESPACE = "of-lightkube"


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Client]:
    """A client whose namespace is its own."""
    cluster.make_namespace(NAMESPACE)
    config = KubeConfig.from_file(cluster.kubeconfig)
    with Client(config, namespace=NAMESPACE, field_manager="lightkube") as made:
        yield made


def config_map(name: str, **data: str) -> ConfigMap:
    """A ConfigMap whose labels tell which test it belongs to."""
    labels = {"of": name.partition("-")[0]}
    return ConfigMap(metadata=ObjectMeta(name=name, labels=labels), data=data)


def names(found: Iterator[ConfigMap]) -> list[str]:
    """The names of what a list yields."""
    return [str(obj.metadata and obj.metadata.name) for obj in found]


def test_an_object_from_its_creation_to_its_end(client: Client) -> None:
    created = client.create(config_map("life", a="1"))
    read = client.get(ConfigMap, "life")
    assert read.to_dict() == created.to_dict()
    read.data = {"a": "2"}
    assert client.replace(read).data == {"a": "2"}
    created.data = {"a": "3"}  # from the state before
    with pytest.raises(ApiError) as stale:
        client.replace(created)
    assert (stale.value.status.code, stale.value.status.reason) == (409, "Conflict")
    with pytest.raises(ApiError) as taken:
        client.create(config_map("life"))
    assert taken.value.status.reason == "AlreadyExists"
    client.delete(ConfigMap, "life", grace_period=0, cascade=CascadeType.BACKGROUND)
    with pytest.raises(ApiError) as gone:
        client.get(ConfigMap, "life")
    assert (gone.value.status.code, gone.value.status.reason) == (404, "NotFound")


def test_lists_come_in_chunks(client: Client) -> None:
    for number in range(5):
        client.create(config_map(f"chunked-{number}"))
    listed = client.list(ConfigMap, chunk_size=2, labels={"of": "chunked"})
    with pytest.raises(NotReadyError):
        _ = listed.resourceVersion
    assert names(iter(listed)) == [f"chunked-{number}" for number in range(5)]
    assert int(listed.resourceVersion) > 0
    selected = client.list(
        ConfigMap, namespace="*", labels={"of": in_(["chunked", "none"]), "other": not_exists()}
    )
    assert len(names(iter(selected))) == 5
    by_field = client.list(ConfigMap, fields={"metadata.name": "chunked-3"})
    assert names(iter(by_field)) == ["chunked-3"]


def test_a_collection_is_deleted(client: Client, cluster: Cluster) -> None:
    namespace = cluster.make_namespace("emptied-by-lightkube")
    client.create(config_map("heap"), namespace=namespace)
    client.deletecollection(ConfigMap, namespace=namespace, cascade=CascadeType.BACKGROUND)
    assert "heap" not in names(iter(client.list(ConfigMap, namespace=namespace)))


@pytest.mark.parametrize("patch_type", PatchType)
def test_a_patch_of_each_type(client: Client, patch_type: PatchType) -> None:
    name = f"patched-{patch_type.name.lower()}"
    client.create(config_map(name, a="1"))
    patch: dict[str, Any] | list[Any] = {"data": {"b": "2"}}
    if patch_type is PatchType.JSON:
        patch = [{"op": "add", "path": "/data/b", "value": "2"}]
    if patch_type is PatchType.APPLY:
        patch = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "2"}}
    patched = client.patch(ConfigMap, name, patch, patch_type=patch_type)
    assert patched.data == {"a": "1", "b": "2"}


def test_apply_and_its_conflicts(client: Client) -> None:
    def wanted(value: str) -> ConfigMap:
        metadata = ObjectMeta(name="applied")
        return ConfigMap("v1", kind="ConfigMap", metadata=metadata, data={"a": value})

    client.apply(wanted("1"))
    with pytest.raises(ApiError) as conflict:
        client.apply(wanted("2"), field_manager="other")
    assert conflict.value.status.code == 409
    assert client.apply(wanted("2"), field_manager="other", force=True).data == {"a": "2"}


def test_status_and_scale(client: Client) -> None:
    labels = {"app": "scaled"}
    pod = PodSpec(containers=[Container(name="c", image="busybox")])
    template = PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=pod)
    spec = DeploymentSpec(replicas=1, selector=LabelSelector(matchLabels=labels), template=template)
    client.create(Deployment(metadata=ObjectMeta(name="scaled"), spec=spec))
    scale = Deployment.Scale(metadata=ObjectMeta(name="scaled"), spec=ScaleSpec(replicas=3))
    replaced = client.replace(scale, "scaled")
    assert replaced.spec
    assert replaced.spec.replicas == 3
    status = client.patch(Deployment.Status, "scaled", {"status": {"replicas": 3}})
    assert status.status
    assert status.status.replicas == 3
    client.delete(Deployment, "scaled")


def test_a_watch_that_reconnects(client: Client) -> None:
    client.create(config_map("watched-1"))
    events = client.watch(ConfigMap, labels={"of": "watched"}, server_timeout=1)
    assert [(op, str(obj.metadata and obj.metadata.name)) for op, obj in islice(events, 1)] == [
        ("ADDED", "watched-1")
    ]
    # The server ends the watch after a second; this one comes by the next.
    client.create(config_map("watched-2"))
    client.patch(ConfigMap, "watched-1", {"data": {"a": "1"}})
    seen = [(op, str(obj.metadata and obj.metadata.name)) for op, obj in islice(events, 2)]
    assert seen == [("ADDED", "watched-2"), ("MODIFIED", "watched-1")]


def test_a_watch_from_a_revision_that_is_gone(client: Client) -> None:
    told: list[int] = []

    def once_more(error: Exception, count: int) -> OnErrorResult:
        assert isinstance(error, ApiError)
        told.append(error.status.code or 0)
        return OnErrorResult(OnErrorAction.RETRY)

    client.create(config_map("late"))
    revision = str(COMPACTED_REVISION - 1)
    events = client.watch(
        ConfigMap, labels={"of": "late"}, resource_version=revision, on_error=once_more
    )
    op, obj = next(events)
    assert (op, obj.metadata and obj.metadata.name) == ("ADDED", "late")
    assert told == [410]


def test_waiting_for_a_condition(client: Client) -> None:
    pod = client.wait(Pod, POD, for_conditions=["Ready"], namespace="default")
    assert pod.status
    assert pod.status.phase == "Running"


def test_logs(client: Client) -> None:
    lines = list(client.log(POD, namespace="default", newlines=False))
    assert lines[:2] == ["one", "two"]
    followed = client.log(POD, namespace="default", follow=True)
    assert list(islice(followed, 2)) == ["one\n", "two\n"]


def test_exec(client: Client) -> None:
    script = "cat; echo err >&2; exit 3"
    done = client.exec(
        POD,
        namespace="default",
        command=["sh", "-c", script],
        stdin="input",
        stdout=True,
        stderr=True,
        timeout=10,
    )
    assert (done.stdout, done.stderr, done.exit_code) == ("input", "err\n", 3)


def test_a_kind_that_the_client_does_not_know(client: Client) -> None:
    websites = create_namespaced_resource("example.dev", "v1", "Website", "websites")
    site = websites(metadata=ObjectMeta(name="site"), spec={"greeting": "hello"})
    created = client.create(site)
    assert created["spec"] == {"greeting": "hello"}
    patched = client.patch(
        websites, "site", {"spec": {"greeting": "bye"}}, patch_type=PatchType.MERGE
    )
    assert patched["spec"]["greeting"] == "bye"
    client.delete(websites, "site")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_asynchronous_client(cluster: Cluster, client: Client) -> None:
    config = KubeConfig.from_file(cluster.kubeconfig)
    timeout = httpx2.Timeout(10)
    async with AsyncClient(config, namespace=NAMESPACE, timeout=timeout) as of_async:
        await of_async.create(config_map("async-1"))
        events = aiter(of_async.watch(ConfigMap, labels={"of": "async"}))
        assert (await anext(events))[0] == "ADDED"
        await of_async.delete(ConfigMap, "async-1")
        assert (await anext(events))[0] == "DELETED"
        done = await of_async.exec(POD, namespace="default", command="true", raise_on_error=True)
        assert done.exit_code == 0
