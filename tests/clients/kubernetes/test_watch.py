"""Watches of `kubernetes`: Watch, its timeouts and how it resumes, and the SharedInformer."""

import queue
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer

from ..conftest import COMPACTED_REVISION

SECONDS_MAX = 10


def config_map(name: str, of: str, **data: str) -> client.V1ConfigMap:
    """A ConfigMap with a label to select it by."""
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"of": of}), data=data)


def seen(events: Iterator[Any], count: int) -> list[tuple[str, str]]:
    """Type and name of the next events."""
    return [(event["type"], event["object"].metadata.name) for event in islice(events, count)]


def test_a_watch_goes_on_from_a_list(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("w1", "watched"))
    listed = core.list_namespaced_config_map(namespace)
    core.create_namespaced_config_map(namespace, config_map("w2", "watched"))
    core.patch_namespaced_config_map("w1", namespace, {"data": {"a": "1"}})
    core.delete_namespaced_config_map("w2", namespace)
    watcher = watch.Watch()
    events = watcher.stream(
        core.list_namespaced_config_map,
        namespace,
        resource_version=listed.metadata.resource_version,
        label_selector="of=watched",
        timeout_seconds=SECONDS_MAX,
    )
    expected = [("ADDED", "w2"), ("MODIFIED", "w1"), ("DELETED", "w2")]
    assert seen(events, 3) == expected
    watcher.stop()


def test_a_watch_without_a_revision_begins_with_what_is_there(
    core: client.CoreV1Api, namespace: str
) -> None:
    for name in ("i1", "i2"):
        core.create_namespaced_config_map(namespace, config_map(name, "initial"))
    watcher = watch.Watch()
    events = watcher.stream(
        core.list_namespaced_config_map, namespace, label_selector="of=initial", timeout_seconds=9
    )
    assert seen(events, 2) == [("ADDED", "i1"), ("ADDED", "i2")]
    unselected = {"metadata": {"labels": {"of": "nobody"}}}
    core.patch_namespaced_config_map("i1", namespace, unselected)
    assert seen(events, 1) == [("DELETED", "i1")]
    watcher.stop()


def test_a_watch_ends_at_its_time(core: client.CoreV1Api, namespace: str) -> None:
    events = watch.Watch().stream(
        core.list_namespaced_config_map, namespace, label_selector="of=none", timeout_seconds=1
    )
    assert list(events) == []


def test_a_bookmark_ends_the_initial_events(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("b1", "marked"))
    watcher = watch.Watch()
    events = watcher.stream(
        core.list_namespaced_config_map,
        namespace,
        label_selector="of=marked",
        send_initial_events=True,
        resource_version_match="NotOlderThan",
        allow_watch_bookmarks=True,
        timeout_seconds=SECONDS_MAX,
    )
    assert seen(events, 1) == [("ADDED", "b1")]
    bookmark = next(events)
    assert bookmark["type"] == "BOOKMARK"
    metadata = bookmark["raw_object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert watcher.resource_version == metadata["resourceVersion"]
    watcher.stop()


def test_a_watch_from_a_revision_that_is_gone(core: client.CoreV1Api, namespace: str) -> None:
    events = watch.Watch().stream(
        core.list_namespaced_config_map,
        namespace,
        resource_version=str(COMPACTED_REVISION - 1),
        timeout_seconds=SECONDS_MAX,
    )
    with pytest.raises(ApiException) as error:
        next(events)
    assert (error.value.status, error.value.reason.partition(":")[0]) == (410, "Expired")


def test_an_informer_keeps_a_cache(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("n1", "informed"))
    told: queue.Queue[tuple[str, str]] = queue.Queue()
    informer = SharedInformer(
        core.list_namespaced_config_map, namespace=namespace, label_selector="of=informed"
    )
    for event_type in (ADDED, MODIFIED, DELETED):
        informer.add_event_handler(
            event_type, lambda obj, type_=event_type: told.put((type_, obj.metadata.name))
        )
    informer.start()
    try:
        assert told.get(timeout=SECONDS_MAX) == (ADDED, "n1")
        core.create_namespaced_config_map(namespace, config_map("n2", "informed"))
        assert told.get(timeout=SECONDS_MAX) == (ADDED, "n2")
        core.patch_namespaced_config_map("n1", namespace, {"data": {"a": "1"}})
        assert told.get(timeout=SECONDS_MAX) == (MODIFIED, "n1")
        core.delete_namespaced_config_map("n2", namespace)
        assert told.get(timeout=SECONDS_MAX) == (DELETED, "n2")
        assert informer.cache.list_keys() == [f"{namespace}/n1"]
        assert informer.cache.get_by_key(f"{namespace}/n1").data == {"a": "1"}
    finally:
        informer.stop()
