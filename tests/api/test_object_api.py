"""ObjectApi's reads, page by page and in stored form, and deletions of many."""

from typing import Any

import msgspec
import pytest

from kernel.api.errors import BadRequest
from kernel.api.object_api import ObjectApi
from kernel.api.stored import Stored
from kernel.objects.config import ConfigMap
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.store.store import Store

pytestmark = pytest.mark.anyio


def config_map(name: str, **labels: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, labels=labels))


async def fill(api: ObjectApi, count: int, namespace: str = "default") -> None:
    """ConfigMaps n-00, n-01, …; every third has the label third."""
    for number in range(count):
        labels = {"third": "yes"} if number % 3 == 0 else {}
        await api.create(config_map(f"n-{number:02}", **labels), namespace=namespace)


def pages(api: ObjectApi, limit: int, **options: Any) -> list[tuple[list[str], int | None]]:
    """Names and what remains, page by page to the end."""
    found = []
    token = ""
    while True:
        page = api.list(ConfigMap, limit=limit, continue_token=token, **options)
        found.append(([stored.name for stored in page.items], page.remaining))
        token = page.continue_token
        if not token:
            return found


async def test_a_list_comes_in_order_and_in_pages(api: ObjectApi) -> None:
    assert pages(api, 3) == [([], None)]
    await fill(api, 7)
    names = [f"n-{number:02}" for number in range(7)]
    assert pages(api, 3) == [(names[:3], 4), (names[3:6], 1), (names[6:], None)]
    assert pages(api, 7) == [(names, None)]
    assert pages(api, 0) == [(names, None)]
    assert pages(api, 2, label_selector="third") == [
        (["n-00", "n-03"], None),
        (["n-06"], None),
    ]
    assert pages(api, 1, field_selector="metadata.name=n-05") == [(["n-05"], None)]


async def test_a_long_list_with_a_selector_is_scanned_to_its_end(api: ObjectApi) -> None:
    for number in range(1100):
        labels = {"rare": "yes"} if number in (0, 600, 1099) else {}
        await api.create(config_map(f"n-{number:04}", **labels), namespace="default")
    rare = ["n-0000", "n-0600", "n-1099"]
    assert pages(api, 2, label_selector="rare") == [(rare[:2], None), (rare[2:], None)]


async def test_pages_of_a_changing_set_and_a_watch_miss_nothing(api: ObjectApi) -> None:
    await fill(api, 6)
    first = api.list(ConfigMap, limit=3)
    assert first.revision == api.revision
    await api.delete(ConfigMap, "default", "n-01")
    await api.delete(ConfigMap, "default", "n-04")
    await api.create(config_map("n-03a"), namespace="default")
    second = api.list(ConfigMap, limit=3, continue_token=first.continue_token)
    assert [stored.name for stored in second.items] == ["n-03", "n-04", "n-05"]
    assert second.revision == first.revision, "all pages are of one moment"
    known = {stored.name for stored in (*first.items, *second.items)}
    with api.watch(ConfigMap, from_revision=second.revision) as watch:
        for event in await anext(watch):
            name = event.stored.name
            known.discard(name) if event.type.value == "DELETED" else known.add(name)
    assert known == {stored.name for stored in api.list(ConfigMap).items}


@pytest.mark.parametrize("token", ["nonsense", "e30", "!!!", "é", "eyJhZnRlciI6MX0"])
async def test_a_continue_token_that_is_none_is_refused(api: ObjectApi, token: str) -> None:
    with pytest.raises(BadRequest, match="continue key is not valid"):
        api.list(ConfigMap, continue_token=token)


async def test_a_continue_token_of_another_list_is_refused(api: ObjectApi) -> None:
    await fill(api, 3)
    token = api.list(ConfigMap, limit=1).continue_token
    with pytest.raises(BadRequest, match="of another list"):
        api.list(Namespace, continue_token=token)


async def test_namespaces_keep_apart_what_has_one_name(api: ObjectApi) -> None:
    await api.create(Namespace(metadata=ObjectMeta(name="def")))
    await fill(api, 2)
    await fill(api, 1, namespace="def")
    assert [(one.namespace, one.name) for one in api.list(ConfigMap).items] == [
        *(("def", "n-00"), ("default", "n-00"), ("default", "n-01"))
    ]
    assert len(api.list(ConfigMap, namespace="def").items) == 1
    assert len(api.list(ConfigMap, namespace="default").items) == 2
    assert api.list(ConfigMap, namespace="nowhere").items == []


async def test_a_collection_is_deleted_by_its_selector(api: ObjectApi, store: Store) -> None:
    await fill(api, 7)
    deleted = await api.delete_collection(ConfigMap, namespace="default", label_selector="third")
    assert [stored.name for stored in deleted.items] == ["n-00", "n-03", "n-06"]
    assert [stored.name for stored in api.list(ConfigMap).items] == [
        *("n-01", "n-02", "n-04", "n-05")
    ]
    before = store.revision
    await api.delete_collection(ConfigMap, namespace="default", dry_run=True)
    assert store.revision == before


async def test_a_delete_says_whether_the_object_is_gone(api: ObjectApi) -> None:
    await api.create(config_map("a"), namespace="default")
    held = ConfigMap(metadata=ObjectMeta(name="b", finalizers=["example.dev/hold"]))
    await api.create(held, namespace="default")
    assert (await api.delete(ConfigMap, "default", "a"))[1] is True
    assert (await api.delete(ConfigMap, "default", "b"))[1] is False


async def test_an_object_can_not_be_created_in_a_namespace_other_than_its_own(
    api: ObjectApi,
) -> None:
    other = ConfigMap(metadata=ObjectMeta(name="a", namespace="other"))
    with pytest.raises(BadRequest, match="does not match the namespace sent on the request"):
        await api.create(other, namespace="default")
    with pytest.raises(BadRequest, match="cluster-scoped"):
        await api.create(Namespace(metadata=ObjectMeta(name="x")), namespace="default")


async def test_the_wire_form_is_the_stored_form_with_the_revision(api: ObjectApi) -> None:
    created = await api.create(config_map("a", x="1"), namespace="default")
    wire = msgspec.json.decode(created.wire())
    assert wire["metadata"].pop("resourceVersion") == str(created.revision)
    assert wire == msgspec.json.decode(created.data)
    assert "resourceVersion" not in created.data.decode()


@pytest.mark.parametrize("kind", list(KindTable.core()), ids=lambda kind: kind.info.kind)
def test_the_revision_can_be_spliced_into_every_kind(kind: type[Kind]) -> None:
    data = (
        f'{{"apiVersion":"{kind.info.api_version}","kind":"{kind.info.kind}",'
        '"metadata":{"name":"a"}}'
    )
    wire = Stored(kind, kind.info.key("", "a"), 42, data.encode()).wire()
    assert msgspec.json.decode(wire)["metadata"] == {"name": "a", "resourceVersion": "42"}
