"""Objects that can't be read any more, as clients over HTTP meet them."""

import msgspec
import pytest

from kernel.store.log import Operation, Write

from .conftest import Served, config_map, pod

pytestmark = pytest.mark.anyio

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


async def store_as(
    served: Served, plural: str, name: str, api_version: str, **fields: object
) -> int:
    """What an older program has left under an object's key."""
    kind = {"pods": "Pod", "configmaps": "ConfigMap"}[plural]
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    document = {"apiVersion": api_version, "kind": kind, "metadata": metadata} | fields
    value = msgspec.json.encode(document)
    write = Write([Operation(f"/core/{plural}/default/{name}", value)])
    (entry,) = await served.store.commit(write)
    return entry.revision


async def test_of_another_version_it_is_left_out_of_lists_and_named_by_get(served: Served) -> None:
    await served.post(CONFIG_MAPS, config_map("good"))
    revision = await store_as(served, "configmaps", "bad", "v0")
    listed = (await served.get(CONFIG_MAPS)).json
    assert [item["metadata"]["name"] for item in listed["items"]] == ["good"]
    table = (await served.get(CONFIG_MAPS, Accept=TABLE)).json
    assert [row["cells"][0] for row in table["rows"]] == ["good"]
    answer = await served.get(f"{CONFIG_MAPS}/bad")
    assert answer.status == 500
    assert answer.json["reason"] == "StorageReadError"
    assert answer.json["message"].startswith(
        f"/core/configmaps/default/bad at revision {revision} can't be read: it is stored as v0 "
    )


async def test_of_this_version_but_another_form_it_is_named_by_get(served: Served) -> None:
    await served.post(PODS, pod("good"))
    await store_as(served, "pods", "bad", "v1", spec={"containers": "none"})
    table = (await served.get(PODS, Accept=TABLE)).json
    assert [row["cells"][0] for row in table["rows"]] == ["good"]
    listed = (await served.get(PODS)).json  # as it stands in the log, for who can read it
    assert [item["metadata"]["name"] for item in listed["items"]] == ["bad", "good"]
    answer = await served.get(f"{PODS}/bad")
    assert (answer.status, answer.json["reason"]) == (500, "StorageReadError")
    assert "spec.containers" in answer.json["message"]


async def test_a_watch_goes_on_past_it(served: Served) -> None:
    start = served.store.revision
    await store_as(served, "configmaps", "bad", "v0")
    await served.post(CONFIG_MAPS, config_map("good"))
    for since in ("", f"&resourceVersion={start}"):
        answer = await served.get(f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1{since}")
        events = [msgspec.json.decode(line) for line in answer.body.splitlines()]
        assert [(one["type"], one["object"]["metadata"]["name"]) for one in events] == [
            ("ADDED", "good")
        ]


async def test_a_watched_table_goes_on_past_it(served: Served) -> None:
    start = served.store.revision
    await store_as(served, "pods", "bad", "v1", spec={"containers": "none"})
    await served.post(PODS, pod("good"))
    answer = await served.get(
        f"{PODS}?watch=1&timeoutSeconds=1&resourceVersion={start}", Accept=TABLE
    )
    tables = [msgspec.json.decode(line)["object"] for line in answer.body.splitlines()]
    assert [row["cells"][0] for table in tables for row in table["rows"]] == ["good"]


@pytest.mark.parametrize("api_version", ["v0", "v1"])
async def test_it_can_be_deleted(served: Served, api_version: str) -> None:
    await store_as(served, "configmaps", "bad", api_version, data="none")
    path = f"{CONFIG_MAPS}/bad"
    answer = await served.ask("DELETE", path, {"preconditions": {"uid": "another"}})
    assert answer.status == 409
    answer = await served.ask("DELETE", path)
    assert answer.status == 200
    assert answer.json["details"]["uid"] == "uid-bad"
    assert (await served.get(path)).status == 404
    assert (await served.post(CONFIG_MAPS, config_map("bad"))).status == 201
