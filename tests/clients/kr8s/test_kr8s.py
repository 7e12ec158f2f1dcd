"""kr8s, as its documentation uses it: kinds by discovery, waits, watches, exec, port-forward."""

import io
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import kr8s
import pytest
from kr8s.asyncio.objects import APIObject, ConfigMap, Deployment, Node, Pod, Service

from ..conftest import PAGE, POD, PORT, Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

NAMESPACE = "of-kr8s"
SECONDS_MAX = 20


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> str:
    """Where this client's objects are."""
    return cluster.make_namespace(NAMESPACE)


@pytest.fixture
async def api(cluster: Cluster, namespace: str) -> AsyncIterator[kr8s.asyncio.Api]:
    """The client."""
    with anyio.fail_after(SECONDS_MAX):
        made = await kr8s.asyncio.api(kubeconfig=cluster.kubeconfig, namespace=namespace)
        yield made
        if made._session is not None:  # which it has no way to close
            await made._session.aclose()


async def config_map(api: kr8s.asyncio.Api, name: str, **data: str) -> ConfigMap:
    """A ConfigMap whose labels tell which test it belongs to; not there yet."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"of": name.partition("-")[0]}}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    made: ConfigMap = await ConfigMap(body, api=api)
    return made


async def test_an_object_from_its_creation_to_its_end(api: kr8s.asyncio.Api) -> None:
    made = await config_map(api, "life", a="1")
    await made.create()
    assert await made.exists()
    with pytest.raises(kr8s.ServerError, match="already exists"):
        await (await config_map(api, "life")).create()
    await made.patch({"data": {"b": "2"}})
    assert made.data == {"a": "1", "b": "2"}
    await made.patch([{"op": "remove", "path": "/data/a"}], type="json")
    assert made.data == {"b": "2"}
    await made.label(one="1")
    await made.annotate({"two": "2"})
    await made.remove_label("one")
    assert ("one" in made.labels, made.annotations) == (False, {"two": "2"})
    read = await ConfigMap.get("life", namespace=NAMESPACE, api=api)
    assert read.metadata == made.metadata
    await made.delete(propagation_policy="Background", grace_period=0)
    await made.wait("delete", timeout=SECONDS_MAX)
    with pytest.raises(kr8s.NotFoundError):
        await ConfigMap.get("life", namespace=NAMESPACE, api=api)


async def test_lists_by_kind_as_discovered(api: kr8s.asyncio.Api) -> None:
    for number in range(3):
        await (await config_map(api, f"listed-{number}")).create()
    for kind in ("configmaps", "ConfigMap", "cm", "configmap/v1"):
        found = [
            one.name
            async for one in api.get(kind, label_selector={"of": "listed"})
            if isinstance(one, APIObject)
        ]
        assert found == ["listed-0", "listed-1", "listed-2"]
    websites = [one async for one in api.get("websites.example.dev", namespace=kr8s.ALL)]
    assert websites == []
    assert [one async for one in api.get("deployments.apps", "nobody")] == []
    kinds = {resource["kind"] for resource in await api.api_resources()}
    assert {"Pod", "Deployment", "Website"} <= kinds
    assert (await api.version())["major"] == "1"
    assert (await api.lookup_kind("ingress"))[0] == "ingress.networking.k8s.io/v1"
    assert await api.whoami() == "admin"  # type: ignore[no-untyped-call]


async def test_scale(api: kr8s.asyncio.Api) -> None:
    labels = {"app": "scaled"}
    pod = {"containers": [{"name": "c", "image": "busybox"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    body: dict[str, Any] = {"metadata": {"name": "scaled", "namespace": NAMESPACE}, "spec": spec}
    deployment = await Deployment(body, api=api)
    await deployment.create()
    await deployment.scale(3)
    assert deployment.replicas == 3
    await deployment.patch({"status": {"replicas": 2}}, subresource="status")
    assert deployment.status.replicas == 2
    await deployment.delete()


async def test_a_watch(api: kr8s.asyncio.Api) -> None:
    first = await config_map(api, "watched-1")
    await first.create()
    seen: list[tuple[str, str]] = []
    async for event, obj in api.watch("configmaps", label_selector={"of": "watched"}):
        assert isinstance(obj, APIObject)
        seen.append((event, obj.name))
        if seen == [("ADDED", "watched-1")]:
            await (await config_map(api, "watched-2")).create()
            await first.delete()
        if len(seen) == 3:
            break
    assert seen[1:] == [("ADDED", "watched-2"), ("DELETED", "watched-1")]


async def test_logs(api: kr8s.asyncio.Api) -> None:
    pod = await Pod.get(POD, namespace="default", api=api)
    assert await pod.ready()
    await pod.wait(["condition=Ready", "jsonpath='{.status.phase}'=Running"], timeout=SECONDS_MAX)
    lines = [line async for line in pod.logs()]
    assert lines[:2] == ["one", "two"]
    followed = []
    async for line in pod.logs(follow=True):
        followed.append(line)
        if len(followed) == 2:
            break
    assert followed == ["one", "two"]


async def test_exec(api: kr8s.asyncio.Api) -> None:
    pod = await Pod.get(POD, namespace="default", api=api)
    done = await pod.exec(["sh", "-c", "echo out; echo err >&2"])
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 0)
    written = io.BytesIO()
    failed = await pod.exec(["sh", "-c", "echo out; exit 4"], stdout=written, check=False)
    assert (written.getvalue(), failed.returncode) == (b"out\n", 4)


async def test_a_port_is_forwarded(api: kr8s.asyncio.Api) -> None:
    pod = await Pod.get(POD, namespace="default", api=api)
    async with pod.portforward(PORT, "auto") as port, httpx.AsyncClient() as web:
        answers = [await web.get(f"http://127.0.0.1:{port}/page") for _ in range(2)]
    assert [answer.text for answer in answers] == [PAGE, PAGE]


async def test_a_service_is_asked_through_the_proxy(api: kr8s.asyncio.Api) -> None:
    spec = {"selector": {"app": POD}, "ports": [{"port": 80, "targetPort": PORT}]}
    body: dict[str, Any] = {"metadata": {"name": "front", "namespace": "default"}, "spec": spec}
    service = await Service(body, api=api)
    await service.create()
    answer = await service.proxy_http_get("page", port=80)
    assert answer.text == PAGE
    await service.delete()


async def test_a_node_is_cordoned(api: kr8s.asyncio.Api) -> None:
    node = await Node.get("node1", api=api)
    await node.cordon()
    assert node.unschedulable
    await node.uncordon()
    assert not node.unschedulable


async def test_owners(api: kr8s.asyncio.Api) -> None:
    owner, owned = await config_map(api, "owner"), await config_map(api, "owned")
    await owner.create()
    await owned.create()
    await owner.adopt(owned)
    (reference,) = owned.metadata.ownerReferences
    assert reference.uid == owner.metadata.uid
    await owner.delete()
    await owned.wait("delete", timeout=SECONDS_MAX)
