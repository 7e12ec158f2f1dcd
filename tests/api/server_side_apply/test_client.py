"""Server-side apply by programs: typed objects, plain values, hooks and transactions."""

import pytest

from kernel.api.context import acting
from kernel.api.errors import BadRequest, Conflict, Invalid
from kernel.api.local import LocalClient
from kernel.objects.config import ConfigMap
from kernel.objects.container import Container
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod, PodSpec

pytestmark = pytest.mark.anyio


def config_map(**data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name="one"), data=data)


def owners(obj: ConfigMap | Pod) -> set[tuple[str, str]]:
    return {(entry.manager, entry.operation) for entry in obj.metadata.managed_fields}


async def test_typed_objects_are_applied(client: LocalClient) -> None:
    created = await client.apply(config_map(a="1", b="1"), field_manager="robot")
    assert created == await client.get(ConfigMap, "one")
    changed = await client.apply(config_map(a="1"), field_manager="robot")
    assert changed.data == {"a": "1"}
    again = await client.apply(config_map(a="1"), field_manager="robot")
    assert again.metadata.resource_version == changed.metadata.resource_version
    with pytest.raises(Conflict, match=r'conflict with "robot": \.data\.a'):
        await client.apply(config_map(a="2"), field_manager="other")
    forced = await client.apply(config_map(a="2"), field_manager="other", force=True)
    assert forced.data == {"a": "2"}
    assert owners(forced) == {("other", "Apply")}
    kept = await client.apply(config_map(a="3"), field_manager="other", dry_run=True)
    assert kept.data == {"a": "3"}
    assert (await client.get(ConfigMap, "one")).data == {"a": "2"}


async def test_plain_values_say_no_more_than_they_hold(client: LocalClient) -> None:
    pod = Pod(
        metadata=ObjectMeta(name="web"),
        spec=PodSpec(containers=[Container(name="main", image="busybox")]),
    )
    await client.create(pod)
    labelled: Pod = await client.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "labels": {"colour": "blue"}},
        },
        field_manager="painter",
    )
    assert labelled.metadata.labels == {"colour": "blue"}
    assert labelled.spec.containers[0].image == "busybox"
    bare: Pod = await client.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}, field_manager="painter"
    )
    assert bare.metadata.labels == {}
    assert owners(bare) == {("program", "Update")}


async def test_what_was_read_can_be_applied_by_its_reader(client: LocalClient) -> None:
    await client.apply(config_map(a="1"), field_manager="robot")
    read = await client.get(ConfigMap, "one")
    read.data["b"] = "1"
    applied = await client.apply(read, field_manager="reader")
    assert applied.data == {"a": "1", "b": "1"}
    with pytest.raises(Conflict, match="modified"):
        await client.apply(read, field_manager="reader")


async def test_defaults_inside_of_an_atomic_list_are_no_conflict(client: LocalClient) -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    configuration = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "containers": [{"name": "main", "image": "busybox"}],
            "volumes": [{"name": "info", "downwardAPI": {"items": items}}],
        },
    }
    first: Pod = await client.apply(configuration, field_manager="robot")
    second: Pod = await client.apply(configuration, field_manager="other")
    assert second.spec == first.spec
    assert owners(second) == {("robot", "Apply"), ("other", "Apply")}


async def test_refusals(client: LocalClient) -> None:
    with pytest.raises(Invalid, match="is required for apply patch"):
        await client.apply(config_map(), field_manager="")
    with pytest.raises(BadRequest, match="there is no kind Nothing of v1"):
        await client.apply({"apiVersion": "v1", "kind": "Nothing"}, field_manager="robot")
    with pytest.raises(BadRequest, match="can't be written as JSON"):
        await client.apply({"apiVersion": "v1", "kind": object()}, field_manager="robot")


async def test_transactions_are_followed_too(client: LocalClient) -> None:
    applied = await client.apply(config_map(a="1"), field_manager="robot")
    with acting("writer"):
        async with client.transaction() as transaction:
            applied.data["a"] = "2"
            await transaction.update(applied)
    stored = await client.get(ConfigMap, "one")
    assert owners(stored) == {("writer", "Update")}


async def test_a_deleted_object_has_no_managers_left(client: LocalClient) -> None:
    with acting("first"):
        await client.create(config_map(a="1"))
        await client.delete(ConfigMap, "one")
    with acting("second"):
        await client.create(config_map(a="1"))
    applied = await client.apply(config_map(a="1"), field_manager="robot")
    assert owners(applied) == {("second", "Update"), ("robot", "Apply")}
