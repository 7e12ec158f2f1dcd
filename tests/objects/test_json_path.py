"""JSON paths, as columns and kubectl write them."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, strategies as st

from kernel.objects.json_path import JsonPathError, parse_json_path, simple_path

DOCUMENT: dict[str, Any] = {
    "metadata": {"annotations": {"example.dev/tier": "web"}},
    "spec": {"replicas": 3, "odd name": ["a", "b"], "none": None},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Old", "status": "False", "age": 7},
        ]
    },
}


@pytest.mark.parametrize("filter_", ["@.b=='x'{}x", "@{}x", "{}", "@.b =={}"])
def test_blanks_are_passed_over_once(filter_: str) -> None:
    """Each way to split a million of them would be tried for hours."""
    with pytest.raises(JsonPathError):
        parse_json_path(f".a[?({filter_.format(' ' * 1_000_000)})]")
    padded = f".status.conditions[?({' ' * 1_000_000}@.age == 7{' ' * 1_000_000})].type"
    assert parse_json_path(padded).find(DOCUMENT) == ["Old"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.replicas", [3]),
        (".", [DOCUMENT]),
        (r".metadata.annotations.example\.dev/tier", ["web"]),
        (".metadata.annotations['example.dev/tier']", ["web"]),
        (".spec['odd name'][0]", ["a"]),
        (".spec['odd name'][-1]", ["b"]),
        (".spec['odd name'][*]", ["a", "b"]),
        (".spec['odd name'][2]", []),
        (".spec.none", [None]),
        (".spec.absent.deeper", []),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type!='Ready')].age", [7]),
        (".status.conditions[?(@.age > 6)].type", ["Old"]),
        (".status.conditions[?(@.age)].type", ["Old"]),
        (".status.conditions[?(@.type>3)]", []),
    ],
)
def test_what_a_path_leads_to(path: str, found: list[Any]) -> None:
    assert parse_json_path(path).find(DOCUMENT) == found


@pytest.mark.parametrize("path", ["", "spec", ".spec[", ".spec[0:2]", "..a", ".a[?(a==b)]"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(JsonPathError):
        parse_json_path(path)


def test_a_path_of_fields_alone() -> None:
    assert simple_path(r".spec.a\.b") == ["spec", "a.b"]
    assert simple_path(".spec.list[0]") is None
    assert simple_path("spec") is None


@given(st.text(alphabet=".[]'\"*?()@=<>a1\\ ", max_size=20))
def test_any_text_is_a_path_or_told_to_be_none(text: str) -> None:
    with contextlib.suppress(JsonPathError):
        parse_json_path(text).find(DOCUMENT)
