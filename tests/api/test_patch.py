import copy
from typing import Any

import pytest
from hypothesis import given, strategies as st

from kernel.api.errors import ApiError, BadRequest, Invalid
from kernel.api.patch import OPERATIONS_MAX, apply_json_patch, apply_merge_patch

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab~/", max_size=2),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.text("ab~/", max_size=2), values, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        # The table of RFC 7386, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(document: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(document)
    assert apply_merge_patch(document, patch) == expected
    assert document == before


@given(json_values, json_values)
def test_a_merge_patch_applied_twice_is_applied_once(document: Any, patch: Any) -> None:
    once = apply_merge_patch(document, patch)
    assert apply_merge_patch(once, patch) == once


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_deep_nesting_is_refused() -> None:
    deep = nested(5000)
    with pytest.raises(BadRequest, match="nested too deeply"):
        apply_merge_patch({}, deep)
    with pytest.raises(BadRequest, match="nested too deeply"):
        apply_json_patch({"x": nested(5000)}, [{"op": "test", "path": "/x", "value": deep}])


DOCUMENT = {"a": {"b": [1, 2, 3]}, "m/n": 1, "t~u": 2, "": 0}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/a/b/1", "value": 9}, {"a": {"b": [1, 9, 2, 3]}}),
        ({"op": "add", "path": "/a/b/-", "value": 9}, {"a": {"b": [1, 2, 3, 9]}}),
        ({"op": "add", "path": "/a/b/3", "value": 9}, {"a": {"b": [1, 2, 3, 9]}}),
        ({"op": "add", "path": "/a/c", "value": None}, {"a": {"b": [1, 2, 3], "c": None}}),
        ({"op": "add", "path": "/m~1n", "value": 5}, {"m/n": 5}),
        ({"op": "replace", "path": "/t~0u", "value": 5}, {"t~u": 5}),
        ({"op": "replace", "path": "/", "value": 5}, {"": 5}),
        ({"op": "replace", "path": "/a/b/0", "value": 5}, {"a": {"b": [5, 2, 3]}}),
        ({"op": "remove", "path": "/a/b/0"}, {"a": {"b": [2, 3]}}),
        ({"op": "copy", "from": "/a/b/2", "path": "/a/b/0"}, {"a": {"b": [3, 1, 2, 3]}}),
        ({"op": "move", "from": "/a/b/0", "path": "/a/b/2"}, {"a": {"b": [2, 3, 1]}}),
        ({"op": "move", "from": "/a/b", "path": "/a"}, {"a": [1, 2, 3]}),
        ({"op": "move", "from": "/a", "path": "/a"}, {}),
        ({"op": "test", "path": "/a/b", "value": [1, 2.0, 3]}, {}),
    ],
)
def test_json_patch(operation: dict[str, Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy(DOCUMENT)
    assert apply_json_patch(DOCUMENT, [operation]) == DOCUMENT | expected
    assert before == DOCUMENT


def test_the_whole_document_can_be_replaced() -> None:
    assert apply_json_patch(DOCUMENT, [{"op": "replace", "path": "", "value": {"x": 1}}]) == {
        "x": 1
    }


def test_copies_that_grow_without_bound_are_refused() -> None:
    doubling = [{"op": "copy", "from": "/x", "path": "/x/-"}] * 100
    with pytest.raises(Invalid, match="copies more than"):
        apply_json_patch({"x": ["0123456789"]}, doubling)
    one_by_one = [{"op": "copy", "from": "/x/0", "path": "/x/-"}] * 100
    with pytest.raises(Invalid, match="copies more than"):
        apply_json_patch({"x": ["y" * 100_000]}, one_by_one)
    assert len(apply_json_patch({"x": ["y" * 10_000]}, one_by_one)["x"]) == 101


def test_what_is_passed_in_stays_as_it_is() -> None:
    document = {"a": [1]}
    patch = [
        {"op": "add", "path": "/x", "value": {"y": [1]}},
        {"op": "add", "path": "/x/y/-", "value": 2},
        {"op": "add", "path": "/a/-", "value": 2},
    ]
    expected = {"a": [1, 2], "x": {"y": [1, 2]}}
    assert [apply_json_patch(document, patch) for _ in range(2)] == [expected] * 2
    assert document == {"a": [1]}


def test_many_operations_on_a_long_list() -> None:
    """Were each to copy the list, these would take minutes."""
    numbers = list(range(500_000))
    moving = [
        {"op": "replace", "path": "/x/0", "value": 1},
        {"op": "add", "path": "/x/-", "value": 2},
    ]
    moved = apply_json_patch({"x": numbers}, moving * 5000)["x"]
    assert (moved[0], len(moved), moved[-1]) == (1, 505_000, 2)


def test_operations_build_on_one_another() -> None:
    patch = [
        {"op": "add", "path": "/x", "value": {}},
        {"op": "add", "path": "/x/y", "value": [1]},
        {"op": "copy", "from": "/x", "path": "/z"},
        {"op": "add", "path": "/z/y/-", "value": 2},
        {"op": "test", "path": "/x/y", "value": [1]},
    ]
    assert apply_json_patch({}, patch) == {"x": {"y": [1]}, "z": {"y": [1, 2]}}


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ({"op": "remove", "path": "/no"}, Invalid),
        ({"op": "replace", "path": "/no", "value": 1}, Invalid),
        ({"op": "add", "path": "/no/x", "value": 1}, Invalid),
        ({"op": "add", "path": "/m~1n/x", "value": 1}, Invalid),
        ({"op": "add", "path": "/a/b/4", "value": 1}, Invalid),
        ({"op": "add", "path": "/a/b/01", "value": 1}, Invalid),
        ({"op": "add", "path": "/a/b/-1", "value": 1}, Invalid),
        ({"op": "add", "path": "/a/b/" + "9" * 5000, "value": 1}, Invalid),
        ({"op": "remove", "path": "/a/b/-"}, Invalid),
        ({"op": "test", "path": "/m~1n", "value": True}, Invalid),
        ({"op": "test", "path": "/a/b", "value": [1, 2]}, Invalid),
        ({"op": "test", "path": "/a", "value": {"c": 1}}, Invalid),
        ({"op": "move", "from": "/a", "path": "/a/c"}, BadRequest),
        ({"op": "move", "path": "/a"}, BadRequest),
        ({"op": "add", "path": "/a"}, BadRequest),
        ({"op": "add", "path": "a", "value": 1}, BadRequest),
        ({"op": "add", "value": 1}, BadRequest),
        ({"op": "merge", "path": "/a", "value": 1}, BadRequest),
        ({"path": "/a"}, BadRequest),
        ("remove /a", BadRequest),
    ],
)
def test_json_patches_that_cannot_be_applied(operation: Any, error: type[ApiError]) -> None:
    with pytest.raises(error) as failure:
        apply_json_patch(DOCUMENT, [{"op": "test", "path": "/", "value": 0}, operation])
    assert failure.value.message.startswith("operation 1")


@pytest.mark.parametrize(
    "patch", [{"op": "remove", "path": "/a"}, None, [{}] * (OPERATIONS_MAX + 1)]
)
def test_what_is_no_json_patch(patch: Any) -> None:
    with pytest.raises(BadRequest):
        apply_json_patch(DOCUMENT, patch)


def pointers_in(document: Any, pointer: str = "") -> list[str]:
    members: Any = ()
    if isinstance(document, dict):
        members = document.items()
    elif isinstance(document, list):
        members = enumerate(document)
    found = []
    for key, value in members:
        here = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        found += [here, *pointers_in(value, here)]
    return found


@given(st.data(), json_values)
def test_what_is_taken_away_can_be_put_back(data: st.DataObject, document: Any) -> None:
    pointers = pointers_in(document)
    if not pointers:
        return
    pointer = data.draw(st.sampled_from(pointers))
    holder = apply_json_patch({"doc": document}, [])
    path = f"/doc{pointer}"
    moved = apply_json_patch(holder, [{"op": "move", "from": path, "path": "/kept"}])
    back = apply_json_patch(moved, [{"op": "move", "from": "/kept", "path": path}])
    assert back == holder
