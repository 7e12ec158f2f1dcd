"""Differences of documents, field by field."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.objects.field_changes import ABSENT, FieldChange, covers, field_changes, locate
from kernel.objects.pod import Pod

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "web"])
names = st.sampled_from(["name", "type", "a", "b", "c.d/e", "x y"])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(names, documents, max_size=4)


def as_json(document: Any) -> bytes:
    return msgspec.json.encode(document, order="sorted")


@given(objects, objects)
def test_changes_are_found_exactly_where_documents_differ(before: Any, after: Any) -> None:
    assert (field_changes(before, after) == []) == (as_json(before) == as_json(after))


@given(objects, objects)
def test_each_field_stands_once_and_the_way_back_mirrors(before: Any, after: Any) -> None:
    there = field_changes(before, after)
    assert len({change.path for change in there}) == len(there)
    mirrored = {as_json([c.path, _shown(c.after), _shown(c.before)]) for c in there}
    back = {
        as_json([c.path, _shown(c.before), _shown(c.after)]) for c in field_changes(after, before)
    }
    assert mirrored == back


def _shown(value: Any) -> Any:
    return {"absent": True} if value is ABSENT else [value]


@given(objects)
def test_every_leaf_of_a_document_can_be_located_by_its_path(document: Any) -> None:
    for change in field_changes({}, document):
        assert locate(document, change.path) == (change.path, change.after)


@given(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1), st.data())
def test_an_inserted_item_moves_no_other(item_names: list[str], data: st.DataObject) -> None:
    before = {"items": [{"name": name, "value": name * 2} for name in item_names]}
    after = copy.deepcopy(before)
    place = data.draw(st.integers(0, len(item_names)))
    after["items"].insert(place, {"name": "new", "value": 1})  # type: ignore[dict-item]
    assert field_changes(before, after) == [
        FieldChange("items[new].name", ABSENT, "new"),
        FieldChange("items[new].value", ABSENT, 1),
    ]


def test_items_are_told_apart_by_the_merge_key_of_the_struct() -> None:
    before = {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}}
    after = copy.deepcopy(before)
    after["spec"]["containers"][0]["ports"].insert(0, {"containerPort": 443, "protocol": "TCP"})  # type: ignore[attr-defined]
    assert field_changes(before, after, Pod) == [
        FieldChange("spec.containers[c].ports[443].containerPort", ABSENT, 443),
        FieldChange("spec.containers[c].ports[443].protocol", ABSENT, "TCP"),
    ]


def test_a_set_of_texts_is_told_by_its_members_and_a_command_as_a_whole() -> None:
    before = {"metadata": {"finalizers": ["a", "b"]}, "spec": {"containers": [{"name": "c"}]}}
    after = {
        "metadata": {"finalizers": ["b"]},
        "spec": {"containers": [{"name": "c", "command": ["sh", "-c"]}]},
    }
    assert field_changes(before, after, Pod) == [
        FieldChange("metadata.finalizers[a]", "a", ABSENT),
        FieldChange("spec.containers[c].command", ABSENT, ["sh", "-c"]),
    ]


def test_items_that_only_change_places_are_a_change_of_order() -> None:
    before = {"list": [{"name": "a"}, {"name": "b"}]}
    after = {"list": [{"name": "b"}, {"name": "a"}]}
    assert field_changes(before, after) == [
        FieldChange("list (order)", ["a", "b"], ["b", "a"]),
    ]


def test_items_that_share_a_name_go_by_their_place() -> None:
    before = {"ports": [{"name": "dns"}, {"name": "dns"}]}
    after = {"ports": [{"name": "dns"}, {"name": "dns", "protocol": "UDP"}]}
    assert field_changes(before, after) == [FieldChange("ports[1].protocol", ABSENT, "UDP")]


POD = {
    "metadata": {"labels": {"app.kubernetes.io/name": "web"}},
    "spec": {"containers": [{"name": "log"}, {"name": "web", "image": "nginx"}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


@pytest.mark.parametrize(
    ("typed", "path", "value"),
    [
        ("spec.containers[1].image", "spec.containers[web].image", "nginx"),
        ("spec.containers[web].image", "spec.containers[web].image", "nginx"),
        ("spec.containers.web.image", "spec.containers[web].image", "nginx"),
        ("status.conditions[Ready].status", "status.conditions[Ready].status", "True"),
        (
            "metadata.labels.app.kubernetes.io/name",
            'metadata.labels["app.kubernetes.io/name"]',
            "web",
        ),
        ("status.message", "status.message", ABSENT),
        ("spec.containers[7].image", "spec.containers[7].image", ABSENT),
        ("status", "status", POD["status"]),
    ],
)
def test_a_field_is_found_as_people_type_it(typed: str, path: str, value: Any) -> None:
    assert locate(POD, typed, Pod) == (path, value)


@pytest.mark.parametrize(
    ("field", "path", "covered"),
    [
        ("status", "status.phase", True),
        ("status.phase", "status.phase", True),
        ("status.pod", "status.podIP", False),
        ("spec.containers", "spec.containers[web].image", True),
        ("spec.containers", "spec.containers (order)", True),
        ("status.phase", "status", False),
    ],
)
def test_a_field_covers_its_parts(field: str, path: str, covered: bool) -> None:
    assert covers(field, path) is covered
