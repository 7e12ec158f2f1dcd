"""kopf's handlers: what becomes of an object is told, in order, and remembered over restarts."""

from typing import Any

import kopf

from ...command.harness import eventually
from ..conftest import Cluster
from .conftest import PLURAL, Objects, Operator


def test_an_object_from_its_creation_to_its_end(
    cluster: Cluster, namespace: str, operator: Operator, examples: Objects
) -> None:
    notes, registry = operator.notes, operator.registry

    @kopf.on.create(PLURAL, id="created", registry=registry)
    def created(body: kopf.Body, patch: kopf.Patch, spec: kopf.Spec, **_: Any) -> Any:
        patch.metadata.labels["field"] = spec["field"]
        patch.status["phase"] = "made"
        kopf.info(body, reason="Made", message=f"made of {spec['field']}")
        return {"size": len(spec["field"])}

    @kopf.on.update(PLURAL, registry=registry)
    def updated(diff: kopf.Diff, **_: Any) -> None:
        notes.take("update", [tuple(change) for change in diff])

    @kopf.on.field(PLURAL, field="spec.field", registry=registry)
    async def changed(old: Any, new: Any, **_: Any) -> None:
        notes.take("field", old, new)

    @kopf.on.delete(PLURAL, registry=registry)
    def deleted(name: str | None, **_: Any) -> None:
        notes.take("delete", name)

    @kopf.on.event(PLURAL, registry=registry)
    def told(type: str | None, **_: Any) -> None:
        notes.take("event", type)

    with operator.running(namespace):
        examples.create("one", {"spec": {"field": "wood"}})
        notes.wait("field", None, "wood")
        examples.wait_handled("one")
        made = examples.get("one")
        assert made["metadata"]["labels"] == {"field": "wood"}
        assert made["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]
        assert made["status"]["created"] == {"size": 4}
        assert made["status"]["phase"] == "made"
        examples.patch("one", {"spec": {"field": "stone"}})
        notes.wait("update", [("change", ("spec", "field"), "wood", "stone")])
        notes.wait("field", "wood", "stone")
        examples.delete("one")
        notes.wait("delete", "one")
        notes.wait("event", "DELETED")
        assert examples.names() == []
    listed = cluster.api.request("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
    posted = {one["reason"]: one for one in listed}
    assert posted["Made"]["message"] == "made of wood"
    assert posted["Made"]["involvedObject"]["name"] == "one"
    assert posted["Made"]["source"]["component"] == "kopf"


def test_a_handler_that_fails_for_now_is_tried_again_and_its_progress_is_kept(
    namespace: str, operator: Operator, config_maps: Objects
) -> None:
    progress: list[str | None] = []

    mine = {"mine": "yes"}

    @kopf.on.create("configmaps", id="patient", labels=mine, registry=operator.registry)
    def fails_twice(retry: int, annotations: Any, **_: Any) -> None:
        progress.append(annotations.get("kopf.zalando.org/patient"))
        operator.notes.take(retry)
        if retry < 2:
            raise kopf.TemporaryError("not yet", delay=0.1)

    with operator.running(namespace):
        config_maps.create("one", labels=mine)
        operator.notes.wait(2)
        config_maps.wait_handled("one")
        assert "kopf.zalando.org/patient" not in config_maps.annotations("one")
    assert operator.notes.taken == [(0,), (1,), (2,)]
    assert progress[0] is None
    assert '"retries":1' in (progress[1] or "")


def test_an_operator_goes_on_where_the_last_one_ended(
    namespace: str, operator: Operator, another: Operator, config_maps: Objects
) -> None:
    for one in (operator, another):

        @kopf.on.resume("configmaps", registry=one.registry, labels={"kept": kopf.PRESENT})
        @kopf.on.create("configmaps", registry=one.registry, labels={"kept": kopf.PRESENT})
        @kopf.on.update("configmaps", registry=one.registry, labels={"kept": kopf.PRESENT})
        def seen(name: str, reason: Any, body: kopf.Body, one: Operator = one, **_: Any) -> None:
            one.notes.take(str(reason), name, body["data"]["k"])

    with operator.running(namespace):
        for name in ("same", "other"):
            config_maps.create(name, {"data": {"k": "1"}}, labels={"kept": "yes"})
            operator.notes.wait("create", name, "1")
            config_maps.wait_handled(name)
    config_maps.patch("other", {"data": {"k": "2"}})
    with another.running(namespace):
        another.notes.wait("resume", "same", "1")
        another.notes.wait("update", "other", "2")
    assert not [note for note in another.notes.taken if note[0] == "create"]


def test_what_an_object_owns_goes_with_it(
    cluster: Cluster, namespace: str, operator: Operator, examples: Objects, config_maps: Objects
) -> None:
    @kopf.on.create(PLURAL, registry=operator.registry)
    def create_child(**_: Any) -> None:
        child: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}}
        kopf.adopt(child)
        with cluster.server.connected() as api:
            api.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", child)

    with operator.running(namespace):
        examples.create("parent")
        eventually(lambda: len(config_maps.names()) == 2, "the child is there")
        (child,) = (name for name in config_maps.names() if name.startswith("parent-"))
        (owner,) = config_maps.get(child)["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("KopfExample", "parent")
    examples.delete("parent")
    eventually(lambda: child not in config_maps.names(), "the child goes")
