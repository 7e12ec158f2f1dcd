"""Watches and lists under versions that Kubernetes had before: told in the version asked for."""

from typing import Any

import anyio
import msgspec
import pytest

from .conftest import Served

pytestmark = pytest.mark.anyio

PRESENT = "/apis/apps/v1/namespaces/default/deployments"
OLD = "/apis/extensions/v1beta1/namespaces/default/deployments"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
WARNING = (
    '299 - "extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use '
    'apps/v1 Deployment"'
)


def deployment(name: str, api_version: str = "extensions/v1beta1") -> dict[str, Any]:
    """A Deployment as old manifests have it, without a selector."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "busybox"}]},
    }
    metadata = {"name": name, "annotations": {"note": '"apiVersion":"apps/v1"'}}
    return {
        "apiVersion": api_version,
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"template": template},
    }


async def watched(served: Served, path: str, count: int, **headers: str) -> tuple[Any, list[Any]]:
    """The head of a watch's answer, and its first events."""
    async with served.session.get(f"{served.server.url}{path}", headers=headers) as response:
        with anyio.fail_after(5):
            lines = [await response.content.readline() for _ in range(count)]
    return response, [msgspec.json.decode(line) for line in lines]


async def test_a_watch_is_told_in_the_version_that_it_names(served: Served) -> None:
    await served.post(OLD, deployment("web"))
    initial = "watch=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1"
    head, (added, bookmark) = await watched(served, f"{OLD}?{initial}", 2)
    assert head.headers["Warning"] == WARNING
    assert added == {"type": "ADDED", "object": (await served.get(f"{OLD}/web")).json}
    assert added["object"]["apiVersion"] == "extensions/v1beta1"
    assert added["object"]["metadata"]["annotations"] == {"note": '"apiVersion":"apps/v1"'}
    assert bookmark["object"]["apiVersion"] == "extensions/v1beta1"


async def test_each_watcher_has_its_version(served: Served) -> None:
    revision = (await served.get(PRESENT)).json["metadata"]["resourceVersion"]
    await served.post(OLD, deployment("web"))
    for path, api_version in (
        (PRESENT, "apps/v1"),
        (OLD, "extensions/v1beta1"),
        (PRESENT, "apps/v1"),
    ):
        head, (event,) = await watched(served, f"{path}?watch=1&resourceVersion={revision}", 1)
        assert event["object"]["apiVersion"] == api_version
        assert ("Warning" in head.headers) is (path == OLD)


async def test_tables_carry_objects_of_that_version(served: Served) -> None:
    await served.post(OLD, deployment("web"))
    query = "?watch=1&includeObject=Object"
    _, (event,) = await watched(served, OLD + query, 1, Accept=TABLE)
    (row,) = event["object"]["rows"]
    assert row["object"]["apiVersion"] == "extensions/v1beta1"


async def test_a_list_is_told_in_the_version_that_it_names(served: Served) -> None:
    await served.post(OLD, deployment("web"))
    answer = await served.get(OLD)
    assert answer.headers["Warning"] == WARNING
    listed = answer.json
    assert (listed["apiVersion"], listed["kind"]) == ("extensions/v1beta1", "DeploymentList")
    assert [item["apiVersion"] for item in listed["items"]] == ["extensions/v1beta1"]


async def test_a_watch_has_the_fields_of_its_version(served: Served) -> None:
    events = "/apis/events.k8s.io/v1/namespaces/default/events"
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "reason": "Tried",
        "message": "was tried",
        "type": "Normal",
    }
    await served.post("/api/v1/namespaces/default/events", body)
    head, (event,) = await watched(served, f"{events}?watch=1", 1)
    assert "Warning" not in head.headers
    assert (event["object"]["apiVersion"], event["object"]["note"]) == (
        "events.k8s.io/v1",
        "was tried",
    )


async def test_groups_that_are_left_are_told_to_kubectl_alone(served: Served) -> None:
    """kr8s takes a kind from the first group, by the alphabet: not from `extensions`."""
    for agent, is_told in (("kubectl/v1.20.2 (linux/amd64)", True), ("python-httpx/0.28", False)):
        listed = (await served.get("/apis", User_Agent=agent)).json["groups"]
        assert ("extensions" in {group["name"] for group in listed}) is is_told
        (apps,) = [group for group in listed if group["name"] == "apps"]
        versions = [version["version"] for version in apps["versions"]]
        assert (versions[0], "v1beta2" in versions) == ("v1", True)
    assert (await served.get("/apis/extensions/v1beta1")).status == 200
