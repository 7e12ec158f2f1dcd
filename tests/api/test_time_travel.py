"""Reads as of a revision or a time, and lists whose pages are of one moment."""

from datetime import UTC, datetime, timedelta

import pytest

from kernel.api.errors import BadRequest, Expired, NotFound, RevisionTooLarge
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.clock import ManualClock, now_datetime
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name), data=data)


async def test_an_object_is_answered_as_it_was(client: LocalClient) -> None:
    first = await client.create(config_map("a", x="1"))
    first.data["x"] = "2"
    second = await client.update(first)
    await client.delete(ConfigMap, "a")
    born = int(first.metadata.resource_version)
    with pytest.raises(NotFound):
        await client.get(ConfigMap, "a")
    with pytest.raises(NotFound):
        await client.get(ConfigMap, "a", at=born - 1)
    then = await client.get(ConfigMap, "a", at=born)
    assert (then.data, then.metadata.resource_version) == ({"x": "1"}, str(born))
    assert await client.get(ConfigMap, "a", at=born + 1) == second


async def test_a_list_is_answered_as_of_a_time(client: LocalClient, clock: ManualClock) -> None:
    start = now_datetime(clock)
    for name in ("a", "b", "c"):
        await clock.advance(60)
        await client.create(config_map(name))
    await client.delete(ConfigMap, "a")
    for minutes, names in ((0, []), (1.5, ["a"]), (2, ["a", "b"]), (9, ["b", "c"])):
        found = await client.list(ConfigMap, at=start + timedelta(minutes=minutes))
        assert [one.metadata.name for one in found] == names
    assert await client.list(ConfigMap, at=datetime(1999, 1, 1, tzinfo=UTC)) == []
    with pytest.raises(ValueError, match="has no zone"):
        await client.list(ConfigMap, at=datetime(2026, 1, 1))


async def test_a_list_as_of_a_revision_names_it_and_takes_selectors(client: LocalClient) -> None:
    await client.create(config_map("a"))
    b = config_map("b")
    b.metadata.labels["l"] = "x"
    revision = int((await client.create(b)).metadata.resource_version)
    b.metadata.labels["l"] = "y"
    await client.update(b)
    found = await client.list(ConfigMap, label_selector="l=x", at=revision)
    assert ([one.metadata.name for one in found], found.revision) == (["b"], revision)
    assert await client.list(ConfigMap, label_selector="l=x") == []


async def test_pages_of_the_past_are_of_one_moment(client: LocalClient) -> None:
    for number in range(5):
        await client.create(config_map(f"n{number}"))
    first = await client.list(ConfigMap, limit=2)
    for number in range(5):
        await client.delete(ConfigMap, f"n{number}")
    names, page = [one.metadata.name for one in first], first
    while page.continue_token:
        page = await client.list(ConfigMap, limit=2, continue_token=page.continue_token)
        assert page.revision == first.revision
        names += [one.metadata.name for one in page]
    assert names == ["n0", "n1", "n2", "n3", "n4"]
    assert first.remaining == 3
    with pytest.raises(BadRequest, match="not allowed when using continue"):
        await client.list(ConfigMap, continue_token=first.continue_token, at=first.revision)


async def test_what_is_compacted_or_yet_to_come_is_refused(
    client: LocalClient, store: Store
) -> None:
    for number in range(5):
        await client.create(config_map(f"n{number}"))
    newest = store.revision
    await store.compact(newest - 1)
    with pytest.raises(Expired, match=f"The oldest revision is {newest - 1}"):
        await client.list(ConfigMap, at=newest - 2)
    with pytest.raises(Expired, match=f"The oldest revision is {newest - 1}"):
        await client.get(ConfigMap, "n0", at=newest - 2)
    assert len(await client.list(ConfigMap, at=newest - 1)) == 4
    with pytest.raises(RevisionTooLarge, match=f"{newest + 1}, current: {newest}"):
        await client.get(ConfigMap, "n0", at=newest + 1)


async def test_a_list_whose_first_page_is_compacted_can_go_on_as_of_now(
    client: LocalClient, store: Store, api: ObjectApi
) -> None:
    for number in range(4):
        await client.create(config_map(f"n{number}"))
    first = await client.list(ConfigMap, limit=2)
    await client.delete(ConfigMap, "n3")
    await client.create(config_map("n9"))
    await store.compact(store.revision)
    with pytest.raises(Expired, match="to display a consistent list result") as refused:
        await client.list(ConfigMap, limit=2, continue_token=first.continue_token)
    token = refused.value.status().metadata.continue_
    rest = await client.list(ConfigMap, limit=2, continue_token=token)
    assert [one.metadata.name for one in rest] == ["n2", "n9"]
    assert rest.revision == api.revision
