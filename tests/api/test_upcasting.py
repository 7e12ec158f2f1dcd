"""Objects that an older version of their kind has left in the store: read as what they are now,
or named clearly, left out where others are, and deletable."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from kernel.api.client import WatchEvent, WatchEventType
from kernel.api.errors import Conflict, NotFound, UnreadableObject
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.api.upcasting import Upcaster, Upcasters, upcaster
from kernel.clock import ManualClock
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.struct import Struct
from kernel.store.log import Operation, Write
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


class PageSpec(Struct):
    title: str
    words: int = 0


class Page(Kind, group="example.dev", version="v1"):
    spec: PageSpec


KEY = "/example.dev/pages/default/"


@upcaster("example.dev/v1alpha1", "Page")
def title_was_called_heading(document: dict[str, Any]) -> dict[str, Any]:
    document["apiVersion"] = "example.dev/v1beta1"
    document["spec"]["title"] = document["spec"].pop("heading")
    return document


@upcaster("example.dev/v1beta1", "Page")
def words_were_text(document: dict[str, Any]) -> dict[str, Any]:
    document["apiVersion"] = "example.dev/v1"
    document["spec"]["words"] = int(document["spec"].get("words", "0"))
    return document


BOTH = (title_was_called_heading, words_were_text)


class Place:
    """A store, and the API over it as a program with these upcasters has it."""

    def __init__(self, store: Store, api: ObjectApi):
        self.store = store
        self.api = api
        self.client = LocalClient(api)

    async def put(self, name: str, document: Any) -> int:
        """Store bytes as another version of the program has left them."""
        data = document if isinstance(document, bytes) else msgspec.json.encode(document)
        (entry,) = await self.store.commit(Write([Operation(KEY + name, data)]))
        return entry.revision


@asynccontextmanager
async def place(directory: Path, *upcasters: Upcaster) -> AsyncIterator[Place]:
    clock = ManualClock()
    async with Store.open_writer(directory, clock=clock, durability="process") as store:
        kinds = KindTable.core()
        kinds.add(Page)
        api = ObjectApi(store, kinds, clock, upcasters=Upcasters(upcasters))
        await api.create(Namespace(metadata=ObjectMeta(name="default")))
        yield Place(store, api)


def old(name: str, version: str = "v1alpha1", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    return {
        "apiVersion": f"example.dev/{version}",
        "kind": "Page",
        "metadata": metadata,
        "spec": spec,
    }


def new(name: str, title: str = "New") -> Page:
    return Page(metadata=ObjectMeta(name=name, namespace="default"), spec=PageSpec(title=title))


async def test_get_list_and_watch_lead_an_old_object_up(tmp_path: Path) -> None:
    async with place(tmp_path, *BOTH) as here:
        revision = await here.put("a", old("a", heading="Hello", words="7"))
        await here.put("b", old("b", "v1beta1", title="World"))
        a = await here.client.get(Page, "a")
        assert (a.api_version, a.spec) == ("example.dev/v1", PageSpec(title="Hello", words=7))
        assert a.metadata.resource_version == str(revision)
        assert [page.spec.title for page in await here.client.list(Page)] == ["Hello", "World"]
        async with here.client.watch(Page, from_revision=revision - 1) as events:
            assert (await anext(events)).object == a
        assert (await here.client.get(Page, "a", at=revision)) == a


async def test_the_wire_form_is_the_new_one(tmp_path: Path) -> None:
    async with place(tmp_path, *BOTH) as here:
        revision = await here.put("a", old("a", heading="Hello"))
        wire = msgspec.json.decode(here.api.get(Page, "default", "a").wire())
        assert wire["apiVersion"] == "example.dev/v1"
        assert wire["metadata"]["resourceVersion"] == str(revision)
        assert wire["spec"] == {"title": "Hello"}


async def test_a_write_stores_the_new_form(tmp_path: Path) -> None:
    async with place(tmp_path, *BOTH) as here:
        await here.put("a", old("a", heading="Hello"))
        page = await here.client.get(Page, "a")
        page.spec.words = 9
        await here.client.update(page)
        await here.client.patch(Page, "a", {"spec": {"words": 10}})
        item = here.store.get(KEY + "a")
        assert item is not None
        assert item.value.startswith(b'{"apiVersion":"example.dev/v1",')
        assert (await here.client.delete(Page, "a")).spec.words == 10


async def test_selectors_and_observers_see_the_new_form(tmp_path: Path) -> None:
    seen: list[str] = []

    def handler(event: WatchEvent[Page], revision: int) -> None:
        seen.append(event.object.spec.title)

    async with place(tmp_path, *BOTH) as here:
        here.client.observe(Page, handler)
        await here.put("a", old("a", heading="Hello"))
        found = await here.client.list(Page, field_selector="metadata.name=a")
        assert [page.spec.title for page in found] == seen == ["Hello"]


async def test_without_a_way_up_the_error_names_the_object(tmp_path: Path) -> None:
    async with place(tmp_path, title_was_called_heading) as here:
        revision = await here.put("a", old("a", heading="Hello"))
        with pytest.raises(UnreadableObject) as caught:
            await here.client.get(Page, "a")
        assert caught.value.message == (
            f"{KEY}a at revision {revision} can't be read: it is stored as example.dev/v1alpha1 "
            "Page, and no upcaster leads from example.dev/v1beta1 Page to example.dev/v1 Page"
        )
        assert caught.value.status().reason == "StorageReadError"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (old("x", heading="no title"), "no upcaster leads from example.dev/v1alpha1 Page"),
        (old("x", "v1", heading="no title"), "Object contains unknown field `heading`"),
        (old("x", "v1"), "Object missing required field `title`"),
        (b"\x00\x01", "stored as nothing known"),
        (
            msgspec.json.encode(old("bad", "v1", title="broken")).replace(b"broken", b"\xff"),
            "'utf-8' codec can't decode byte 0xff",
        ),
        ([1, 2], "stored as nothing known"),
        ({"apiVersion": 7, "kind": None}, "no upcaster leads from 7 None"),
    ],
)
async def test_what_can_not_be_read_takes_nobody_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, document: Any, problem: str
) -> None:
    async with place(tmp_path) as here:
        seen: list[str] = []
        here.client.observe(Page, lambda event, revision: seen.append(event.object.spec.title))
        start = here.store.revision
        await here.put("bad", document)
        await here.client.create(new("good"))
        with pytest.raises(UnreadableObject, match=problem.replace("`", ".")):
            await here.client.get(Page, "bad")
        for selector in ("", "metadata.namespace=default"):
            found = await here.client.list(Page, field_selector=selector)
            assert [page.metadata.name for page in found] == ["good"]
            for revision in (None, start):
                async with here.client.watch(
                    Page, field_selector=selector, from_revision=revision
                ) as events:
                    with anyio.fail_after(5):
                        event = await anext(events)
                assert event.object.metadata.name == "good"
        assert seen == ["New"]
        assert problem in caplog.text
        assert [one for one in caplog.records if one.levelno > logging.WARNING] == []


@pytest.mark.parametrize("version", ["v1", "v1alpha1"])
async def test_what_can_not_be_read_can_be_deleted_and_made_anew(
    tmp_path: Path, version: str
) -> None:
    async with place(tmp_path) as here:
        document = old("a", version, heading="Hello")
        document["metadata"]["finalizers"] = ["example.dev/nobody-can-read-this"]
        await here.put("a", document)
        with pytest.raises(Conflict, match="UID in object meta: uid-a"):
            await here.client.delete(Page, "a", uid="another")
        async with here.client.watch(Page) as events:
            last = await here.client.delete(Page, "a", uid="uid-a")
            assert (last.metadata.name, last.metadata.uid) == ("a", "uid-a")
            with pytest.raises(NotFound):
                await here.client.get(Page, "a")
            await here.client.create(new("a"))
            event = await anext(events)
        assert (event.type, event.object.spec.title) == (WatchEventType.ADDED, "New")


async def test_a_dry_delete_of_it_changes_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.put("a", old("a", heading="Hello"))
        await here.client.delete(Page, "a", dry_run=True)
        assert here.store.get(KEY + "a") is not None


async def test_an_object_is_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with place(tmp_path) as here:
        await here.put("a", old("a", heading="Hello"))
        for _ in range(3):
            await here.client.list(Page)
        assert caplog.text.count("left out") == 1
        await here.put("a", old("a", heading="Still old"))
        await here.client.list(Page)
        assert caplog.text.count("left out") == 2


async def test_upcasters_that_lead_round_are_found_out(tmp_path: Path) -> None:
    @upcaster("example.dev/v1alpha1", "Page")
    def forward(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"apiVersion": "example.dev/v1beta1"}

    @upcaster("example.dev/v1beta1", "Page")
    def back(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"apiVersion": "example.dev/v1alpha1"}

    async with place(tmp_path, forward, back) as here:
        await here.put("a", old("a", heading="Hello"))
        with pytest.raises(UnreadableObject, match="lead back to example"):
            await here.client.get(Page, "a")


async def test_an_upcaster_that_fails_is_the_objects_problem(tmp_path: Path) -> None:
    async with place(tmp_path, *BOTH) as here:
        await here.put("a", old("a"))  # without the heading that it counts on
        with pytest.raises(UnreadableObject, match="heading"):
            await here.client.get(Page, "a")


async def test_one_version_has_one_upcaster() -> None:
    with pytest.raises(ValueError, match="has an upcaster already"):
        Upcasters([title_was_called_heading, upcaster("example.dev/v1alpha1", "Page")(dict)])
