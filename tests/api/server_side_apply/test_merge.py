"""What an apply makes of an object, and whose fields are whose afterwards."""

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from hypothesis import given, strategies as st

from kernel.api.errors import BadRequest, Conflict
from kernel.api.server_side_apply.documents import (
    ABSENT,
    cleaned,
    compare,
    field_set_of,
)
from kernel.api.server_side_apply.field_sets import FieldSet
from kernel.api.server_side_apply.history import tracked
from kernel.api.server_side_apply.managers import Manager, Managers, read_managers, write_managers
from kernel.api.server_side_apply.merge import applied_document, applied_managers
from kernel.api.server_side_apply.shapes import shape_of
from kernel.objects.struct import Atomic, MergeKey, Struct

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


class Part(Struct, atomic=True):
    """Has one owner."""

    a: int = 0
    b: int = 0


class Item(Struct):
    """An element that is told apart by its name."""

    name: str
    x: int = 0
    y: int = 0


class Port(Struct):
    """An element that is told apart by number and protocol."""

    number: int
    protocol: str = ""


class Inner(Struct):
    """A struct in a struct."""

    x: int = 0
    y: int = 0


class Thing(Struct):
    """Every shape that there is."""

    name: str = ""
    inner: Inner | None = None
    part: Part | None = None
    labels: dict[str, str] = {}
    selector: Annotated[dict[str, str], Atomic()] = {}
    items: Annotated[list[Item], MergeKey("name")] = []
    ports: Annotated[list[Port], MergeKey("number", also=(("protocol", "TCP"),))] = []
    words: Annotated[list[str], MergeKey()] = []
    plain: list[int] = []
    anything: Any = None


THING = shape_of(Thing)
A, B = Manager("a", "Apply"), Manager("b", "Apply")


def apply(
    live: Any,
    configuration: Any,
    managers: Managers | None = None,
    applier: Manager = A,
    *,
    force: bool = False,
    now: datetime = NOW,
) -> tuple[Any, Managers]:
    """The object after an apply, and its managers."""
    before = managers or {}
    result = applied_document(live, configuration, THING, before, applier)
    after = applied_managers(
        *(live, result, configuration, THING, before, applier),
        version="v1",
        now=now,
        force=force,
    )
    return result, after


small = st.integers(0, 2)
names = st.sampled_from("abc")
configurations = st.fixed_dictionaries(
    {"name": st.just("thing")},
    optional={
        "inner": st.dictionaries(st.sampled_from("xy"), small, min_size=1),
        "part": st.dictionaries(st.sampled_from("ab"), small, min_size=1),
        "labels": st.dictionaries(names, names, min_size=1),
        "selector": st.dictionaries(names, names, min_size=1),
        "items": st.lists(
            st.fixed_dictionaries({"name": names}, optional={"x": small, "y": small}),
            unique_by=lambda item: item["name"],
            min_size=1,
        ),
        "ports": st.lists(
            st.fixed_dictionaries({"number": small}, optional={"protocol": st.just("UDP")}),
            unique_by=lambda port: (port["number"], port.get("protocol", "TCP")),
            min_size=1,
        ),
        "words": st.lists(names, unique=True, min_size=1),
        "plain": st.lists(small, min_size=1),
        "anything": st.recursive(
            small, lambda inner: st.dictionaries(names, inner, min_size=1), max_leaves=4
        ),
    },
)


def lacks(document: Any, configuration: Any) -> FieldSet:
    """What the configuration has and the document has not, or has otherwise."""
    comparison = compare(document, configuration, THING)
    return comparison.added.union(comparison.modified)


@given(configurations, configurations)
def test_applying_the_same_twice_is_applying_it_once(live: Any, configuration: Any) -> None:
    once, managers = apply(live, configuration)
    twice, again = apply(once, configuration, managers, now=LATER)
    assert twice == once
    assert again == managers


@given(configurations, configurations, configurations, configurations)
def test_what_is_applied_is_there(live: Any, first: Any, others: Any, last: Any) -> None:
    document, managers = apply(live, first)
    document, managers = apply(document, others, managers, B, force=True)
    document, managers = apply(document, last, managers, A, force=True)
    assert not lacks(document, last)


@given(configurations, configurations, configurations)
def test_what_others_own_survives_unless_it_is_taken_over(
    first: Any, others: Any, last: Any
) -> None:
    document, managers = apply({}, first)
    document, managers = apply(document, others, managers, B, force=True)
    after, _ = apply(document, last, managers, A, force=True)
    comparison = compare(document, after, THING)
    taken = set(comparison.changed.paths())
    for path in comparison.removed.intersection(field_set_of(others, THING)).paths():
        assert any(path[:length] in taken for length in range(len(path)))


@given(configurations, configurations)
def test_what_one_applies_no_more_goes_where_nobody_else_has_it(first: Any, last: Any) -> None:
    document, managers = apply({}, first)
    document, _ = apply(document, last, managers, force=True)
    assert not lacks(last, document)
    assert not lacks(document, last)


@given(configurations, configurations, configurations)
def test_nobody_owns_what_is_not_there(first: Any, others: Any, written: Any) -> None:
    document, managers = apply({}, first)
    document, managers = apply(document, others, managers, B, force=True)
    managers = tracked(managers, document, written, THING, "writer", "v1", NOW)
    for owned in managers.values():
        assert not owned.fields.difference(field_set_of(written, THING)).difference(
            # Structs and lists whose own presence is noted, as Kubernetes does.
            FieldSet.of([(f"f:{name}",) for name in written])
        )


@given(configurations, configurations)
def test_a_writer_owns_what_it_changes(first: Any, written: Any) -> None:
    document, managers = apply({}, first)
    managers = tracked(managers, document, written, THING, "writer", "v1", NOW)
    changed = compare(document, written, THING).changed
    writer = managers.get(Manager("writer", "Update", "v1"))
    assert (writer.fields if writer else FieldSet()) == changed
    left = managers[A].fields if A in managers else FieldSet()
    assert not left.intersection(changed)


@given(configurations, configurations)
def test_managers_are_read_as_they_were_written(first: Any, others: Any) -> None:
    document, managers = apply({}, first)
    _, managers = apply(document, others, managers, B, force=True)
    assert read_managers(write_managers(managers)) == managers


@given(configurations, configurations)
def test_a_conflict_is_a_change_of_what_others_own(first: Any, others: Any) -> None:
    document, managers = apply({}, first)
    merged = applied_document(document, others, THING, managers, B)
    changed = compare(document, merged, THING).changed.intersection(managers_fields(managers))
    if changed:
        with pytest.raises(Conflict) as refused:
            apply(document, others, managers, B)
        assert refused.value.details is not None
        assert len(refused.value.details.causes) == len(list(changed.paths()))
    else:
        apply(document, others, managers, B)


def managers_fields(managers: Managers) -> FieldSet:
    """What the applier `a` owns."""
    return managers[A].fields if A in managers else FieldSet()


def test_an_element_goes_with_all_that_nobody_owns_in_it() -> None:
    live = {"name": "thing", "items": [{"name": "a", "x": 1, "y": 9}, {"name": "b", "x": 1}]}
    document, managers = apply(live, {"items": [{"name": "a", "x": 1}]})
    assert document == live
    document, _ = apply(document, {"labels": {"k": "v"}}, managers)
    assert document == {
        "name": "thing",
        "items": [{"name": "b", "x": 1}],
        "labels": {"k": "v"},
    }


def test_a_struct_goes_with_its_defaults() -> None:
    live = {"name": "thing", "inner": {"x": 1, "y": 9}}
    document, managers = apply(live, {"inner": {"x": 1}})
    assert document == live
    document, _ = apply(document, {}, managers)
    assert document == {"name": "thing"}


def test_an_element_stays_while_another_applies_it() -> None:
    document, managers = apply({}, {"items": [{"name": "a", "x": 1, "y": 2}]})
    document, managers = apply(document, {"items": [{"name": "a", "y": 2}]}, managers, B)
    document, managers = apply(document, {}, managers)
    assert document == {"items": [{"name": "a", "y": 2}]}
    assert list(managers) == [B]


def test_elements_are_in_the_order_of_the_configuration() -> None:
    live = {"words": ["first", "a", "between", "b", "last"]}
    document, _ = apply(live, {"words": ["b", "new", "a"]})
    assert document["words"] == ["first", "b", "new", "a", "between", "last"]


def test_ports_with_and_without_the_usual_protocol() -> None:
    live = {"ports": [{"number": 80, "protocol": "TCP"}, {"number": 80, "protocol": "UDP"}]}
    document, managers = apply(live, {"ports": [{"number": 80}]})
    assert document == live
    assert managers[A].fields.encode() == {
        "f:ports": {'k:{"number":80,"protocol":"TCP"}': {".": {}, "f:number": {}}}
    }


def test_elements_that_are_doubled_already_stay() -> None:
    live = {"items": [{"name": "a", "x": 1}, {"name": "a", "x": 2}]}
    document, managers = apply(live, {"items": [{"name": "b"}]})
    document, _ = apply(document, {"words": ["w"]}, managers)
    assert document == live | {"words": ["w"]}


def test_atomic_values_have_one_owner() -> None:
    document, managers = apply({}, {"part": {"a": 1}, "selector": {"k": "v"}, "plain": [1]})
    assert managers[A].fields.encode() == {"f:part": {}, "f:plain": {}, "f:selector": {}}
    with pytest.raises(Conflict) as refused:
        apply(document, {"part": {"b": 1}, "plain": [2]}, managers, B)
    assert refused.value.message == (
        'Apply failed with 2 conflicts: conflicts with "a":\n- .part\n- .plain'
    )


def test_an_ordinary_writer_is_told_by_the_version_too() -> None:
    managers = tracked({}, ABSENT, {"labels": {"k": "v"}}, THING, "curl", "v1", NOW)
    with pytest.raises(Conflict) as refused:
        apply({"labels": {"k": "v"}}, {"labels": {"k": "w"}}, managers)
    assert refused.value.message == (
        'Apply failed with 1 conflict: conflict with "curl" using v1: .labels.k'
    )


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"colour": 1}, ".colour: field not declared in schema"),
        ({"inner": {"z": 1}}, ".inner.z: field not declared in schema"),
        ({"items": {}}, ".items: expected list, got {}"),
        ({"labels": "text"}, '.labels: expected map, got "text"'),
        (
            {"items": [{"x": 1}]},
            ".items: element 0: associative list with keys has an element that omits key field "
            '"name" (and doesn\'t have default value)',
        ),
        (
            {"items": [{"name": "a"}, {"name": "a"}]},
            '.items: duplicate entries for key [name="a"]',
        ),
        ({"words": ["a", "a"]}, '.words: duplicate entries for key [="a"]'),
    ],
)
def test_what_can_not_be_applied(configuration: Any, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        cleaned(configuration, THING)
    assert refused.value.message == message


def test_nulls_are_not_applied() -> None:
    assert cleaned({"inner": {"x": None}, "labels": None, "plain": [1]}, THING) == {
        "inner": {},
        "plain": [1],
    }
