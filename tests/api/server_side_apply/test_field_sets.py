"""Sets of fields: the algebra, FieldsV1, and how people read a path."""

import pytest
from hypothesis import given, strategies as st

from kernel.api.server_side_apply.field_sets import EMPTY, FieldSet, FieldSetError, Path, shown

elements = st.sampled_from(["f:a", "f:b.c", 'k:{"name":"x"}', 'v:"y"', "v:3", "i:0"])
paths = st.lists(elements, min_size=1, max_size=4).map(tuple)
field_sets = st.lists(paths, max_size=8).map(FieldSet.of)


@given(field_sets)
def test_what_is_encoded_can_be_read_back(fields: FieldSet) -> None:
    assert FieldSet.decode(fields.encode()) == fields


@given(st.sets(paths))
def test_a_set_has_the_paths_that_it_was_made_of(given_paths: set[Path]) -> None:
    found = list(FieldSet.of(given_paths).paths())
    assert set(found) == given_paths
    assert len(found) == len(given_paths)


@given(field_sets, field_sets)
def test_the_algebra_is_that_of_sets_of_paths(left: FieldSet, right: FieldSet) -> None:
    left_paths, right_paths = set(left.paths()), set(right.paths())
    assert set(left.union(right).paths()) == left_paths | right_paths
    assert set(left.difference(right).paths()) == left_paths - right_paths
    assert set(left.intersection(right).paths()) == left_paths & right_paths
    assert left.difference(left) == EMPTY
    assert not left.difference(left)


def test_fields_version_1() -> None:
    fields = FieldSet.of(
        [
            ("f:metadata", "f:labels"),
            ("f:metadata", "f:labels", "f:app"),
            ("f:metadata", "f:finalizers", 'v:"example.dev/x"'),
            ("f:spec", "f:containers", 'k:{"name":"web"}', "f:image"),
        ]
    )
    assert fields.encode() == {
        "f:metadata": {
            "f:finalizers": {'v:"example.dev/x"': {}},
            "f:labels": {".": {}, "f:app": {}},
        },
        "f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}},
    }


@pytest.mark.parametrize(
    "encoded",
    [None, [], {"a": {}}, {"f:a": None}, {"f:a": {"x": {}}}, {"k:[]": {}}, {"k:{": {}}, {"v:": {}}],
)
def test_what_is_no_set_of_fields(encoded: object) -> None:
    with pytest.raises(FieldSetError):
        FieldSet.decode(encoded)


def test_a_set_that_is_nested_too_deeply() -> None:
    encoded: dict[str, object] = {}
    for _ in range(100_000):
        encoded = {"f:a": encoded}
    with pytest.raises(FieldSetError):
        FieldSet.decode(encoded)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:data", "f:colour"), ".data.colour"),
        (("f:containers", 'k:{"name":"web"}', "f:image"), '.containers[name="web"].image'),
        (('k:{"containerPort":80,"protocol":"TCP"}',), '[containerPort=80,protocol="TCP"]'),
        (("f:finalizers", 'v:"x"'), '.finalizers[="x"]'),
        (("f:list", "i:3"), ".list[3]"),
    ],
)
def test_paths_as_people_read_them(path: Path, text: str) -> None:
    assert shown(path) == text
