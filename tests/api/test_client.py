"""The client: create, read, write, wait, and the errors that a caller can tell apart."""

import anyio
import pytest

from kernel.api.client import PatchType
from kernel.api.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    InsufficientStorage,
    Invalid,
    NotFound,
)
from kernel.api.local import LocalClient
from kernel.clock import ManualClock
from kernel.objects.config import ConfigMap
from kernel.objects.container import Container
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Pod, PodSpec
from kernel.store.errors import StoreError, StoreFull
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name), data=data)


def pod(name: str) -> Pod:
    return Pod(
        metadata=ObjectMeta(name=name),
        spec=PodSpec(containers=[Container(name="main", image="busybox")]),
    )


async def test_a_created_object_is_read_back_as_it_was_answered(client: LocalClient) -> None:
    given = pod("web")
    created = await client.create(given)
    assert given == pod("web"), "the caller's object stays as it was"
    assert created.metadata.namespace == "default"
    assert created.spec.restart_policy == "Always", "defaults are filled in"
    assert created.status.phase == "Pending"
    found = await client.get(Pod, "web")
    assert found == created
    found.metadata.labels["changed"] = "here"
    assert (await client.get(Pod, "web")).metadata.labels == {}, "each read is the reader's own"


async def test_what_is_not_there_or_there_already(client: LocalClient) -> None:
    with pytest.raises(NotFound, match=r'^pods "web" not found$') as missing:
        await client.get(Pod, "web")
    status = missing.value.status()
    assert (status.code, status.reason, status.status) == (404, "NotFound", "Failure")
    assert status.details is not None
    assert (status.details.name, status.details.kind) == ("web", "pods")
    await client.create(config_map("a"))
    with pytest.raises(AlreadyExists, match=r'^configmaps "a" already exists$') as there:
        await client.create(config_map("a"))
    assert (there.value.status().code, there.value.status().reason) == (409, "AlreadyExists")
    for refused in (
        client.update(config_map("b")),
        client.patch(ConfigMap, "b", {}),
        client.delete(ConfigMap, "b"),
    ):
        with pytest.raises(NotFound, match='configmaps "b" not found'):
            await refused


async def test_a_namespace_must_be_there_and_alive(client: LocalClient) -> None:
    stranger = ConfigMap(metadata=ObjectMeta(name="a", namespace="nowhere"))
    with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
        await client.create(stranger)
    ending = Namespace(metadata=ObjectMeta(name="ending", finalizers=["example.dev/hold"]))
    await client.create(ending)
    deleted = await client.delete(Namespace, "ending")
    assert deleted.status.phase == "Terminating"
    with pytest.raises(Forbidden, match="because it is being terminated") as refused:
        await client.create(ConfigMap(metadata=ObjectMeta(name="a", namespace="ending")))
    assert refused.value.status().code == 403


async def test_an_invalid_object_is_refused_field_by_field(client: LocalClient) -> None:
    with pytest.raises(Invalid, match=r'^Pod "Web_1" is invalid: ') as refused:
        await client.create(pod("Web_1"))
    status = refused.value.status()
    assert (status.code, status.reason) == (422, "Invalid")
    assert status.details is not None
    assert [cause.field for cause in status.details.causes] == ["metadata.name"]
    wrong = config_map("a")
    wrong.metadata.labels = {"a": 1}  # type: ignore[dict-item]
    with pytest.raises(BadRequest, match="ConfigMap"):
        await client.create(wrong)
    assert list(await client.list(ConfigMap)) == []


async def test_an_update_from_an_old_state_is_a_conflict(client: LocalClient) -> None:
    first = await client.create(config_map("a", x="1"))
    first.data["x"] = "2"
    second = await client.update(first)
    assert int(second.metadata.resource_version) > int(first.metadata.resource_version)
    with pytest.raises(Conflict, match="the object has been modified; please apply your") as late:
        await client.update(first)
    assert (late.value.status().code, late.value.status().reason) == (409, "Conflict")
    first.metadata.resource_version = ""  # whatever it is now
    first.data["x"] = "3"
    assert (await client.update(first)).data == {"x": "3"}


async def test_an_update_without_a_change_writes_nothing(client: LocalClient, store: Store) -> None:
    created = await client.create(pod("web"))
    before = store.revision
    same = await client.update(created)
    assert same == created
    assert await client.patch(Pod, "web", {"metadata": {"labels": {}}}) == created
    assert await client.update_status(created) == created
    assert store.revision == before


async def test_spec_and_status_are_written_separately(client: LocalClient) -> None:
    created = await client.create(pod("web"))
    assert created.metadata.generation == 1
    changed = await client.get(Pod, "web")
    changed.status.phase = "Running"
    changed.metadata.labels["a"] = "1"
    updated = await client.update(changed)
    assert (updated.status.phase, updated.metadata.labels) == ("Pending", {"a": "1"})
    assert updated.metadata.generation == 1, "labels are not the spec"
    changed = await client.get(Pod, "web")
    changed.status.phase = "Running"
    changed.spec.containers[0].image = "other"
    updated = await client.update_status(changed)
    assert (updated.status.phase, updated.spec.containers[0].image) == ("Running", "busybox")
    assert updated.metadata.generation == 1
    updated.spec.containers[0].image = "other"
    assert (await client.update(updated)).metadata.generation == 2
    patched = await client.patch(
        Pod, "web", {"status": {"phase": "Failed"}, "spec": {}}, subresource="status"
    )
    assert (patched.status.phase, patched.metadata.generation) == ("Failed", 2)


@pytest.mark.parametrize(
    ("type", "patch"),
    [
        ("merge", {"data": {"x": "2", "y": None}}),
        ("strategic", {"data": {"x": "2", "y": None}}),
        (
            "json",
            [
                {"op": "replace", "path": "/data/x", "value": "2"},
                {"op": "remove", "path": "/data/y"},
            ],
        ),
    ],
)
async def test_a_patch_changes_a_part(client: LocalClient, type: PatchType, patch: object) -> None:
    created = await client.create(config_map("a", x="1", y="1", z="1"))
    patched = await client.patch(ConfigMap, "a", patch, type=type)
    assert patched.data == {"x": "2", "z": "1"}
    assert patched.metadata.uid == created.metadata.uid


async def test_a_patch_that_gives_nonsense_is_refused(client: LocalClient) -> None:
    await client.create(config_map("a"))
    with pytest.raises(ApiError) as refused:
        await client.patch(ConfigMap, "a", {"data": 7})
    assert refused.value.code in (400, 422)
    old = {"metadata": {"resourceVersion": "1"}, "data": {"x": "1"}}
    with pytest.raises(Conflict):
        await client.patch(ConfigMap, "a", old)


async def test_concurrent_patches_all_happen(client: LocalClient) -> None:
    await client.create(config_map("a"))
    async with anyio.create_task_group() as tasks:
        for number in range(10):

            async def patch(number: int = number) -> None:
                await client.patch(ConfigMap, "a", {"data": {f"k{number}": "1"}})

            tasks.start_soon(patch)
    assert len((await client.get(ConfigMap, "a")).data) == 10


async def test_a_dry_run_answers_and_writes_nothing(client: LocalClient, store: Store) -> None:
    before = store.revision
    answered = await client.create(config_map("a", x="1"), dry_run=True)
    assert answered.metadata.uid
    assert answered.metadata.resource_version == ""
    with pytest.raises(NotFound):
        await client.get(ConfigMap, "a")
    present = await client.create(config_map("b", x="1"))
    present.data["x"] = "2"
    assert (await client.update(present, dry_run=True)).data == {"x": "2"}
    assert (await client.patch(ConfigMap, "b", {"data": {"x": "3"}}, dry_run=True)).data["x"] == "3"
    await client.delete(ConfigMap, "b", dry_run=True)
    assert (await client.get(ConfigMap, "b")).data == {"x": "1"}
    assert store.revision == before + 1


async def test_cluster_scoped_objects_are_in_no_namespace(client: LocalClient) -> None:
    node = await client.create(Node(metadata=ObjectMeta(name="n")))
    assert node.metadata.namespace == ""
    assert (await client.get(Node, "n")).metadata.uid == node.metadata.uid
    assert [found.metadata.name for found in await client.list(Node)] == ["n"]


async def test_wait_returns_as_soon_as_the_condition_holds(client: LocalClient) -> None:
    answered: list[str] = []

    async def wait(label: str) -> None:
        found = await client.wait(
            ConfigMap, "a", lambda obj: obj is not None and obj.data.get("x") == label
        )
        assert found is not None
        answered.append(label)

    async def wait_gone() -> None:
        assert await client.wait(ConfigMap, "a", lambda obj: obj is None) is None
        answered.append("gone")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, "1")
            tasks.start_soon(wait, "2")
            await anyio.wait_all_tasks_blocked()
            await client.create(config_map("a-longer-name", x="1"))
            created = await client.create(config_map("a", x="1"))
            await anyio.wait_all_tasks_blocked()
            assert answered == ["1"]
            tasks.start_soon(wait, "1")
            tasks.start_soon(wait_gone)
            await anyio.wait_all_tasks_blocked()
            created.data["x"] = "2"
            await client.update(created)
            await anyio.wait_all_tasks_blocked()
            assert answered == ["1", "1", "2"]
            await client.delete(ConfigMap, "a")
        await wait_gone()
    assert answered == ["1", "1", "2", "gone", "gone"]
    with pytest.raises(TimeoutError):
        await client.wait(ConfigMap, "a", lambda obj: obj is not None, timeout_seconds=0.01)


async def test_errors_of_the_store_are_told_as_errors_of_the_api(
    client: LocalClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(write: object) -> None:
        raise StoreFull("no space left for the write")

    async def broken(write: object) -> None:
        raise StoreError("input/output error")

    monkeypatch.setattr(store, "commit", full)
    with pytest.raises(InsufficientStorage, match="no space left for the write") as refused:
        await client.create(config_map("a"))
    assert refused.value.status().code == 507
    monkeypatch.setattr(store, "commit", broken)
    with pytest.raises(ApiError, match="input/output error") as failed:
        await client.create(config_map("a"))
    assert failed.value.status().code == 500


async def test_binding_puts_a_pod_on_a_node_once(client: LocalClient, clock: ManualClock) -> None:
    await client.create(pod("web"))
    await client.bind("web", "n1")
    bound = await client.get(Pod, "web")
    assert bound.spec.node_name == "n1"
    scheduled = [found for found in bound.status.conditions if found.type == "PodScheduled"]
    assert [found.status for found in scheduled] == ["True"]
    with pytest.raises(Conflict, match='already assigned to node "n1"'):
        await client.bind("web", "n2")
    await client.delete(Pod, "web")
    with pytest.raises(Conflict, match="being deleted"):
        await client.bind("web", "n2")
