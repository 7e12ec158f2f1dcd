"""Watches over objects: with selectors, from revisions, complete whatever happens in between."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings, strategies as st

from kernel.api.client import WatchEvent
from kernel.api.errors import BadRequest, Expired
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.clock import ManualClock
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.selectors import parse_label_selector
from kernel.store.errors import StoreClosed
from kernel.store.store import Store

pytestmark = pytest.mark.anyio
Events = AsyncIterator[WatchEvent[ConfigMap]]


def config_map(name: str, namespace: str = "default", **labels: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace, labels=labels))


async def take(events: Events, count: int) -> list[tuple[str, str, dict[str, str]]]:
    """Type, name and labels of the next events, and no more may be there."""
    found = []
    with anyio.fail_after(5):
        for _ in range(count):
            event = await anext(events)
            metadata = event.object.metadata
            found.append((event.type.value, metadata.name, metadata.labels))
    with anyio.move_on_after(0.005) as scope:
        await anext(events)
    assert scope.cancelled_caught, "one event too many"
    return found


async def test_a_watch_shows_what_is_there_then_what_changes(client: LocalClient) -> None:
    await client.create(config_map("a"))
    await client.create(Secret(metadata=ObjectMeta(name="other-kind")))
    async with client.watch(ConfigMap) as events:
        assert await take(events, 1) == [("ADDED", "a", {})]
        created = await client.create(config_map("b"))
        created.metadata.labels = {"x": "1"}
        updated = await client.update(created)
        deleted_at = int(updated.metadata.resource_version) + 1
        await client.delete(ConfigMap, "b")
        with anyio.fail_after(5):
            found = [await anext(events) for _ in range(3)]
        assert [event.type.value for event in found] == ["ADDED", "MODIFIED", "DELETED"]
        assert found[1].object == updated
        assert found[2].object.metadata.labels == {"x": "1"}
        assert found[2].object.metadata.resource_version == str(deleted_at)
        found[0].object.metadata.labels["mine"] = "1"  # the reader's own


async def test_a_watch_from_a_revision_shows_what_came_after_it(client: LocalClient) -> None:
    await client.create(config_map("a"))
    listed = await client.list(ConfigMap)
    await client.delete(ConfigMap, "a")
    await client.create(config_map("b"))
    async with client.watch(ConfigMap, from_revision=listed.revision) as events:
        assert await take(events, 2) == [("DELETED", "a", {}), ("ADDED", "b", {})]


async def test_a_watch_of_one_name_shows_no_other(client: LocalClient) -> None:
    await client.create(Namespace(metadata=ObjectMeta(name="second")))
    await client.create(config_map("a-longer"))
    async with client.watch(ConfigMap, name="a") as events:
        for namespace in ("second", "default"):
            await client.create(config_map("a", namespace))
        await client.create(config_map("ab"))
        assert await take(events, 1) == [("ADDED", "a", {})]
    async with client.watch(ConfigMap, name="a") as events:
        assert await take(events, 1) == [("ADDED", "a", {})]
    async with client.watch(ConfigMap, namespace="second") as events:
        assert await take(events, 1) == [("ADDED", "a", {})]


async def test_entering_and_leaving_a_selection_is_added_and_deleted(client: LocalClient) -> None:
    async with client.watch(ConfigMap, label_selector="team=red") as events:
        present = await client.create(config_map("a", team="blue"))
        for team in ("red", "red", "blue", "red"):
            present.metadata.labels = {"team": team}
            present.metadata.annotations["n"] = present.metadata.resource_version
            present = await client.update(present)
        await client.delete(ConfigMap, "a")
        await client.create(config_map("b", team="blue"))
        await client.delete(ConfigMap, "b")
        red = {"team": "red"}
        assert await take(events, 5) == [
            ("ADDED", "a", red),
            ("MODIFIED", "a", red),
            ("DELETED", "a", red),  # as it last was in the selection
            ("ADDED", "a", red),
            ("DELETED", "a", red),
        ]


async def test_what_leaves_a_selection_has_the_revision_at_which_it_left(
    client: LocalClient,
) -> None:
    present = await client.create(config_map("a", team="red"))
    start = int(present.metadata.resource_version)
    present.metadata.labels = {}
    left = await client.update(present)
    async with client.watch(ConfigMap, label_selector="team", from_revision=start) as events:
        event = await anext(events)
        assert event.object.metadata.resource_version == left.metadata.resource_version


async def test_field_selectors_select(client: LocalClient) -> None:
    await client.create(config_map("a"))
    await client.create(config_map("b"))
    async with client.watch(ConfigMap, field_selector="metadata.name!=a") as events:
        assert await take(events, 1) == [("ADDED", "b", {})]
    for bad in ({"field_selector": "data.x=1"}, {"label_selector": "a in (b"}):
        with pytest.raises(BadRequest, match="unable to parse"):
            async with client.watch(ConfigMap, **bad):  # type: ignore[arg-type]
                pass


async def test_a_cancelled_read_does_not_end_a_watch(client: LocalClient) -> None:
    async with client.watch(ConfigMap) as events:
        for number in range(3):
            with anyio.move_on_after(0.005) as scope:
                await anext(events)
            assert scope.cancelled_caught
            await client.create(config_map(f"n-{number}"))
            assert await take(events, 1) == [("ADDED", f"n-{number}", {})]


async def test_a_watch_can_be_left_in_the_middle(client: LocalClient) -> None:
    for number in range(5):
        await client.create(config_map(f"n-{number}"))
    async with client.watch(ConfigMap) as events:
        async for event in events:
            assert event.object.metadata.name == "n-0"
            break


async def test_a_watch_behind_the_log_is_expired(client: LocalClient, store: Store) -> None:
    for number in range(8):
        await client.create(config_map(f"n-{number}"))
    await store.compact(8)
    with pytest.raises(Expired, match="too old resource version: 7") as refused:
        async with client.watch(ConfigMap, from_revision=7):
            pass
    assert (refused.value.status().code, refused.value.status().reason) == (410, "Expired")


async def test_a_watch_ends_when_the_store_closes(tmp_path: Path, clock: ManualClock) -> None:
    ended = anyio.Event()

    async def read(client: LocalClient) -> None:
        async with client.watch(ConfigMap) as events:
            with pytest.raises(StoreClosed):
                await anext(events)
        ended.set()

    opening = Store.open_writer(tmp_path / "other", clock=clock, durability="disk")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks, opening as store:
            tasks.start_soon(read, LocalClient(ObjectApi(store, KindTable.core(), clock)))
            await anyio.wait_all_tasks_blocked()
    assert ended.is_set()


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("a", "b")),
        st.sampled_from(("delete", "", "red", "blue")),
        st.booleans(),
    ),
    max_size=25,
)


@given(CHANGES, st.sampled_from(("", "team=red", "team!=red", "team in (red,blue)", "!team")))
@settings(max_examples=60, deadline=None)
def test_a_watcher_who_applies_events_has_what_a_list_shows(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, bool]], selector: str
) -> None:
    async def play() -> None:
        place = tmp_path_factory.mktemp("watch")
        async with Store.open_writer(place, clock=ManualClock(), durability="process") as store:
            client = LocalClient(ObjectApi(store, KindTable.core(), ManualClock()))
            await client.create(Namespace(metadata=ObjectMeta(name="default")))
            known: dict[str, ConfigMap] = {}
            async with client.watch(ConfigMap, label_selector=selector) as events:
                for name, what, read_now in changes:
                    await change(client, name, what)
                    if read_now:
                        await apply_events(events, known, selector)
                await apply_events(events, known, selector)
            listed = await client.list(ConfigMap, label_selector=selector)
            assert known == {obj.metadata.name: obj for obj in listed}

    anyio.run(play)


async def change(client: LocalClient, name: str, what: str) -> None:
    """Delete an object, or have it with a label of team `what`."""
    present = {obj.metadata.name: obj for obj in await client.list(ConfigMap)}.get(name)
    labels = {"team": what} if what else {}
    if what == "delete":
        if present is not None:
            await client.delete(ConfigMap, name)
    elif present is None:
        await client.create(config_map(name, **labels))
    else:
        present.metadata.labels = labels
        present.metadata.annotations["n"] = present.metadata.resource_version
        await client.update(present)


async def apply_events(events: Events, known: dict[str, ConfigMap], selector: str) -> None:
    """Take in what there is, as any watcher does; each event must fit what is known."""
    wanted = parse_label_selector(selector)
    with anyio.move_on_after(0.002):
        while True:
            event = await anext(events)
            name = event.object.metadata.name
            assert wanted.matches(event.object.metadata.labels)
            if event.type.value == "DELETED":
                del known[name]
                continue
            assert (event.type.value == "ADDED") == (name not in known)
            known[name] = event.object
