"""Metadata rules: what the server sets, what nobody may change, and how deletion goes on."""

from datetime import timedelta

import pytest

from kernel.api.errors import BadRequest, Conflict, Invalid, NotFound
from kernel.api.local import LocalClient
from kernel.api.metadata import generate_name
from kernel.clock import ManualClock, now_timestamp
from kernel.objects.config import ConfigMap
from kernel.objects.container import Container
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod, PodSpec
from kernel.store.schema import Verb
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


def config_map(name: str = "", **fields: object) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, **fields))  # type: ignore[arg-type]


async def pod_on_a_node(client: LocalClient, name: str, **fields: object) -> Pod:
    await client.create(
        Pod(
            metadata=ObjectMeta(name=name, **fields),  # type: ignore[arg-type]
            spec=PodSpec(containers=[Container(name="main", image="busybox")]),
        )
    )
    await client.bind(name, "n1")
    return await client.get(Pod, name)


async def test_the_server_sets_what_only_it_can_know(
    client: LocalClient, clock: ManualClock, store: Store
) -> None:
    asked = config_map("a", uid="mine", generation=7, self_link="/x")
    asked.metadata.creation_timestamp = now_timestamp(clock) - timedelta(days=1)
    asked.metadata.deletion_timestamp = now_timestamp(clock)
    created = (await client.create(asked)).metadata
    assert len(created.uid) == 36
    assert created.creation_timestamp == now_timestamp(clock)
    assert created.deletion_timestamp is None
    assert (created.generation, created.self_link) == (0, "")
    assert created.resource_version == str(store.revision)
    again = await client.create(config_map("b"))
    assert again.metadata.uid != created.uid


async def test_a_new_object_may_not_name_a_revision_or_another_namespace(
    client: LocalClient,
) -> None:
    with pytest.raises(BadRequest, match="resourceVersion should not be set on objects to be"):
        await client.create(config_map("a", resource_version="5"))
    with pytest.raises(Invalid, match=r"metadata\.name: Required value"):
        await client.create(config_map())


async def test_generated_names_are_made_until_one_is_free(
    client: LocalClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await client.create(config_map(generate_name="web-")) for _ in range(20)]
    names = {obj.metadata.name for obj in made}
    assert len(names) == 20
    assert all(name.startswith("web-") and len(name) == 9 for name in names)
    suffixes = iter(("taken", "taken", "free1"))
    await client.create(config_map("web-taken"))
    monkeypatch.setattr(
        "kernel.api.metadata.generate_name", lambda prefix, clock: prefix + next(suffixes)
    )
    assert (await client.create(config_map(generate_name="web-"))).metadata.name == "web-free1"
    named = await client.create(config_map("given", generate_name="web-"))
    assert named.metadata.name == "given"


def test_a_generated_name_fits_into_63_characters() -> None:
    name = generate_name("x" * 80, ManualClock())
    assert len(name) == 63
    assert name.startswith("x" * 58)
    assert not set(name[58:]) & set("aeiou013")


async def test_an_update_carries_over_what_can_not_change(
    client: LocalClient, clock: ManualClock
) -> None:
    created = await client.create(config_map("a"))
    await clock.advance(60)
    changed = config_map("a", labels={"x": "1"})
    updated = await client.update(changed)
    assert updated.metadata.uid == created.metadata.uid
    assert updated.metadata.creation_timestamp == created.metadata.creation_timestamp
    assert updated.metadata.labels == {"x": "1"}
    with pytest.raises(Conflict, match="UID in precondition: other"):
        await client.update(config_map("a", uid="other"))
    with pytest.raises(BadRequest, match="name of the object"):
        await client.patch(ConfigMap, "a", {"metadata": {"name": "b"}})


async def test_an_object_without_finalizers_is_gone_at_once(
    client: LocalClient, store: Store
) -> None:
    created = await client.create(config_map("a"))
    deleted = await client.delete(ConfigMap, "a")
    assert deleted.metadata.uid == created.metadata.uid
    with pytest.raises(NotFound):
        await client.get(ConfigMap, "a")
    entry = store.entry(store.revision)
    assert entry is not None
    assert (entry.verb, b'"name":"a"' in entry.value) == (Verb.DELETE, True)


async def test_finalizers_hold_an_object_until_the_last_is_taken_away(
    client: LocalClient, clock: ManualClock, store: Store
) -> None:
    await client.create(config_map("a", finalizers=["example.dev/one", "example.dev/two"]))
    deleted = await client.delete(ConfigMap, "a")
    assert deleted.metadata.deletion_timestamp == now_timestamp(clock)
    before = store.revision
    await clock.advance(5)
    assert (await client.delete(ConfigMap, "a")).metadata == deleted.metadata
    assert store.revision == before, "asking again changes nothing"
    present = await client.get(ConfigMap, "a")
    present.metadata.deletion_timestamp = None  # can't be taken back
    present.metadata.finalizers = ["example.dev/two"]
    present = await client.update(present)
    assert present.metadata.deletion_timestamp == deleted.metadata.deletion_timestamp
    present.metadata.finalizers = []
    await client.update(present)
    with pytest.raises(NotFound):
        await client.get(ConfigMap, "a")
    recreated = await client.create(config_map("a"))
    assert recreated.metadata.deletion_timestamp is None


async def test_a_pod_on_a_node_gets_its_grace_which_only_shrinks(
    client: LocalClient, clock: ManualClock, store: Store
) -> None:
    pod = await pod_on_a_node(client, "web")
    started = now_timestamp(clock)
    deleted = (await client.delete(Pod, "web")).metadata
    assert deleted.deletion_grace_period_seconds == 30
    assert deleted.deletion_timestamp == started + timedelta(seconds=30)
    assert deleted.generation == pod.metadata.generation + 1
    await clock.advance(4)
    before = store.revision
    assert (await client.delete(Pod, "web", grace_period_seconds=60)).metadata == deleted
    assert store.revision == before
    shorter = (await client.delete(Pod, "web", grace_period_seconds=10)).metadata
    assert shorter.deletion_grace_period_seconds == 10
    assert shorter.deletion_timestamp == started + timedelta(seconds=10)
    await client.delete(Pod, "web", grace_period_seconds=0)
    with pytest.raises(NotFound):
        await client.get(Pod, "web")


async def test_a_finalizer_outlives_a_pods_grace(client: LocalClient) -> None:
    await pod_on_a_node(client, "web", finalizers=["example.dev/hold"])
    await client.delete(Pod, "web")
    await client.delete(Pod, "web", grace_period_seconds=0)
    present = await client.get(Pod, "web")
    present.metadata.finalizers = []
    await client.update(present)
    with pytest.raises(NotFound):
        await client.get(Pod, "web")


async def test_a_pod_in_its_grace_stays_without_finalizers(client: LocalClient) -> None:
    await pod_on_a_node(client, "web", finalizers=["example.dev/hold"])
    await client.delete(Pod, "web")
    present = await client.get(Pod, "web")
    present.metadata.finalizers = []
    await client.update(present)
    assert (await client.get(Pod, "web")).metadata.deletion_timestamp is not None


async def test_a_pod_without_a_node_or_that_is_done_has_no_grace(client: LocalClient) -> None:
    await client.create(
        Pod(
            metadata=ObjectMeta(name="waiting"),
            spec=PodSpec(containers=[Container(name="main", image="busybox")]),
        )
    )
    done = await pod_on_a_node(client, "done")
    done.status.phase = "Succeeded"
    await client.update_status(done)
    for name in ("waiting", "done"):
        await client.delete(Pod, name)
        with pytest.raises(NotFound):
            await client.get(Pod, name)


async def test_a_delete_with_preconditions_meets_the_right_object(client: LocalClient) -> None:
    created = await client.create(config_map("a"))
    with pytest.raises(Conflict, match="UID in precondition: other"):
        await client.delete(ConfigMap, "a", uid="other")
    with pytest.raises(Conflict, match="ResourceVersion in precondition: 1"):
        await client.delete(ConfigMap, "a", resource_version="1")
    revision = created.metadata.resource_version
    await client.delete(ConfigMap, "a", uid=created.metadata.uid, resource_version=revision)
    with pytest.raises(NotFound):
        await client.get(ConfigMap, "a")
