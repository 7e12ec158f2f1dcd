"""Informers: a kind in memory, with indexes, the same as a list at any moment."""

import anyio
import pytest

from kernel.api.client import WatchEvent
from kernel.api.local import LocalClient
from kernel.control.informer import Informers
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.meta import ObjectMeta

pytestmark = pytest.mark.anyio


def labelled(name: str, *teams: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name), data={"teams": " ".join(teams)})


async def test_an_informer_knows_what_a_list_shows(client: LocalClient) -> None:
    informers = Informers(client)
    informer = informers.of(ConfigMap)
    assert informers.of(ConfigMap) is informer
    informer.add_index("team", lambda obj: obj.data["teams"].split())
    await client.create(labelled("a", "red", "blue"))
    await informers.start()
    await client.create(labelled("b", "blue"))
    await client.create(Secret(metadata=ObjectMeta(name="other-kind")))

    def names(team: str) -> list[str]:
        return sorted(obj.metadata.name for obj in informer.by_index("team", team))

    assert (names("red"), names("blue"), names("none")) == (["a"], ["a", "b"], [])
    changed = await client.get(ConfigMap, "a")
    changed.data["teams"] = "green"
    changed = await client.update(changed)
    assert (names("red"), names("blue"), names("green")) == ([], ["b"], ["a"])
    assert informer.get("default", "a") == changed
    assert sorted(obj.metadata.name for obj in informer.all()) == ["a", "b"]
    informer.add_index("name", lambda obj: [obj.metadata.name])
    assert len(informer.by_index("name", "b")) == 1
    await client.delete(ConfigMap, "a")
    assert informer.get("default", "a") is None
    assert (names("green"), len(informer)) == ([], 1)
    informers.stop()
    await client.delete(ConfigMap, "b")
    assert len(informer) == 1, "a stopped informer takes nothing in"


async def test_handlers_see_each_change_after_the_informer_has_it(client: LocalClient) -> None:
    informers = Informers(client)
    informer = informers.of(ConfigMap)
    story: list[tuple[str, int, str]] = []

    def changed(event: WatchEvent[ConfigMap], revision: int) -> None:
        present = informer.get("default", "a")
        story.append((event.type.value, revision, present.data["teams"] if present else "gone"))

    informer.on_superseded(lambda old, revision: story.append(("was", revision, old.data["teams"])))
    informer.on_change(changed)
    await informers.start()
    created = await client.create(labelled("a", "red"))
    created.data["teams"] = "blue"
    first = int(created.metadata.resource_version)
    await client.update(created)
    await client.delete(ConfigMap, "a")
    assert story == [
        ("ADDED", first, "red"),
        ("was", first + 1, "red"),
        ("MODIFIED", first + 1, "blue"),
        ("was", first + 2, "blue"),
        ("DELETED", first + 2, "gone"),
    ]


async def test_an_informer_that_starts_amid_writes_misses_nothing(client: LocalClient) -> None:
    informers = Informers(client)
    informer = informers.of(ConfigMap)

    async def write(writer: int) -> None:
        for number in range(20):
            await client.create(labelled(f"{writer}-{number}"))
            if number % 3 == 0:
                await client.delete(ConfigMap, f"{writer}-{number}")

    async with anyio.create_task_group() as tasks:
        for writer in range(5):
            tasks.start_soon(write, writer)
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(informers.start)
    listed = await client.list(ConfigMap)
    assert sorted(obj.metadata.name for obj in informer.all()) == sorted(
        obj.metadata.name for obj in listed
    )
    informers.stop()
