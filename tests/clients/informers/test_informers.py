"""What informers of client-go do: list and watch, WatchList, relist; objects, metadata, Tables."""

from typing import Any

import pytest

from ..conftest import COMPACTED_REVISION, Cluster
from .reflector import (
    INITIAL_EVENTS_END,
    METADATA,
    METADATA_LIST,
    TABLE,
    WATCH_LIST,
    Reflector,
    Wire,
)

NAMESPACE = "of-informers"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


@pytest.fixture(scope="module")
def wire(cluster: Cluster) -> Wire:
    """The way to the server, where there is a namespace of the informers'."""
    cluster.make_namespace(NAMESPACE)
    return Wire(cluster)


def put(cluster: Cluster, name: str, of: str, **data: str) -> Any:
    """Create a ConfigMap, or replace it."""
    metadata = {"name": name, "labels": {"of": of}}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    return cluster.api.request(
        "PATCH",
        f"{MAPS}/{name}?fieldManager=tests&force=true",
        body,
        **{"Content-Type": "application/apply-patch+yaml"},
    )


def delete(cluster: Cluster, name: str) -> None:
    """Delete a ConfigMap."""
    cluster.api.request("DELETE", f"{MAPS}/{name}")


@pytest.mark.parametrize("how", ["list", "watch-list"])
def test_a_copy_is_kept(cluster: Cluster, wire: Wire, how: str) -> None:
    for name in ("a", "b"):
        put(cluster, f"{how}-{name}", how)
    reflector = Reflector(wire, MAPS, f"of={how}")
    reflector.read_list() if how == "list" else reflector.read_watch_list()
    assert sorted(reflector.objects) == [f"{how}-a", f"{how}-b"]
    changed = put(cluster, f"{how}-a", how, x="1")
    put(cluster, f"{how}-b", "elsewhere")
    put(cluster, f"{how}-c", how)
    expected = [("MODIFIED", "a"), ("DELETED", "b"), ("ADDED", "c")]
    assert reflector.follow(3) == [(type_, f"{how}-{name}") for type_, name in expected]
    assert sorted(reflector.objects) == [f"{how}-a", f"{how}-c"]
    assert reflector.objects[f"{how}-a"] == changed
    delete(cluster, f"{how}-c")
    assert reflector.follow(1) == [("DELETED", f"{how}-c")]


def test_a_list_comes_in_pages(cluster: Cluster, wire: Wire) -> None:
    for number in range(5):
        put(cluster, f"paged-{number}", "pages")
    reflector = Reflector(wire, MAPS, "of=pages", limit=2)
    reflector.read_list()
    assert sorted(reflector.objects) == [f"paged-{number}" for number in range(5)]


def test_nothing_there_is_known_at_once(wire: Wire) -> None:
    reflector = Reflector(wire, MAPS, "of=nothing")
    reflector.read_watch_list()
    assert reflector.objects == {}
    assert int(reflector.revision) > 0


def test_a_revision_that_is_gone_begins_anew(cluster: Cluster, wire: Wire) -> None:
    put(cluster, "gone-a", "gone")
    reflector = Reflector(wire, MAPS, "of=gone")
    reflector.read_list()
    reflector.revision = str(COMPACTED_REVISION - 1)
    put(cluster, "gone-b", "gone")
    assert reflector.follow(1) == []
    assert reflector.lists == 2
    assert sorted(reflector.objects) == ["gone-a", "gone-b"]


def test_what_leaves_a_selection_is_told_at_the_revision_of_that(
    cluster: Cluster, wire: Wire
) -> None:
    put(cluster, "leaver", "left", a="1")
    reflector = Reflector(wire, MAPS, "of=left")
    reflector.read_list()
    now = put(cluster, "leaver", "elsewhere", a="2")
    query = f"labelSelector=of%3Dleft&watch=true&resourceVersion={reflector.revision}"
    with wire.get(f"{MAPS}?{query}") as answer:
        event = next(answer.events())
    assert event["type"] == "DELETED"
    assert event["object"]["data"] == {"a": "1"}  # as it was last within
    assert event["object"]["metadata"]["resourceVersion"] == now["metadata"]["resourceVersion"]


def test_metadata_alone(cluster: Cluster, wire: Wire) -> None:
    put(cluster, "partial", "metadata", a="1")
    with wire.get(f"{MAPS}?labelSelector=of%3Dmetadata&limit=500", METADATA_LIST) as answer:
        listed = answer.json()
    assert (listed["kind"], len(listed["items"])) == ("PartialObjectMetadataList", 1)
    assert "data" not in listed["items"][0]
    query = WATCH_LIST.format(revision=listed["metadata"]["resourceVersion"])
    with wire.get(f"{MAPS}?labelSelector=of%3Dmetadata&{query}", METADATA) as answer:
        events = answer.events()
        added, bookmark = next(events), next(events)
    assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
    for event in (added, bookmark):
        assert event["object"]["kind"] == "PartialObjectMetadata"
        assert event["object"]["apiVersion"] == "meta.k8s.io/v1"
    assert bookmark["object"]["metadata"]["annotations"] == {INITIAL_EVENTS_END: "true"}


def test_tables(cluster: Cluster, wire: Wire) -> None:
    put(cluster, "row", "tables")
    selected = f"{MAPS}?labelSelector=of%3Dtables"
    with wire.get(f"{selected}&{WATCH_LIST.format(revision='')}", TABLE) as answer:
        events = answer.events()
        added, bookmark = next(events), next(events)
    assert added["object"]["columnDefinitions"][0]["name"] == "Name"
    assert (bookmark["type"], bookmark["object"]["kind"]) == ("BOOKMARK", "Table")
    metadata = bookmark["object"]["metadata"]
    assert metadata["annotations"] == {INITIAL_EVENTS_END: "true"}
    assert int(metadata["resourceVersion"]) >= int(added["object"]["metadata"]["resourceVersion"])
    old = f"{selected}&watch=true&resourceVersion={COMPACTED_REVISION - 1}"
    with wire.get(old, TABLE) as answer:
        gone = next(answer.events())
    assert (gone["type"], gone["object"]["kind"]) == ("ERROR", "Status")
    assert (gone["object"]["code"], gone["object"]["reason"]) == (410, "Expired")


def test_a_revision_yet_to_come(wire: Wire) -> None:
    query = "resourceVersion=99999999&resourceVersionMatch=NotOlderThan"
    with wire.get(f"{MAPS}?{query}") as answer:
        status = answer.json()
    assert (answer.status, status["reason"]) == (504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert status["details"]["retryAfterSeconds"] == 1


@pytest.mark.parametrize("query", ["timeoutSeconds=1&", "timeoutSeconds=1&resourceVersion=0&"])
def test_a_watch_ends_in_order_at_its_time(wire: Wire, query: str) -> None:
    with wire.get(f"{MAPS}?labelSelector=of%3Dnone&{query}watch=true") as answer:
        assert list(answer.events()) == []
