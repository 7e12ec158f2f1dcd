"""What holds of pruning, defaulting and validation whatever the schema and the value."""

import copy
from typing import Any

import msgspec
from hypothesis import given, settings, strategies as st

from kernel.api.causes import Causes
from kernel.api.custom_resources.defaulting import defaulted
from kernel.api.custom_resources.value_validation import check_value
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.pruning import pruned

NAMES = st.sampled_from(["a", "b", "c", "d"])
SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
LEAVES = st.one_of(
    st.just({"type": "string", "default": "x"}),
    st.just({"type": "string"}),
    st.just({"type": "integer", "default": 1, "nullable": True}),
    st.just({"type": "boolean"}),
    st.just({"x-kubernetes-int-or-string": True}),
    st.just({"x-kubernetes-preserve-unknown-fields": True}),
)


def _containers(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    fields = st.dictionaries(NAMES, inner, max_size=3)
    return st.one_of(
        st.builds(lambda item: {"type": "array", "items": item}, inner),
        st.builds(lambda item: {"type": "object", "additionalProperties": item}, inner),
        st.builds(lambda found: {"type": "object", "properties": found}, fields),
        st.builds(
            lambda found: {
                "type": "object",
                "properties": found,
                "x-kubernetes-preserve-unknown-fields": True,
            },
            fields,
        ),
        st.builds(lambda found: {"type": "object", "properties": found, "default": {}}, fields),
    )


SCHEMAS = st.recursive(LEAVES, _containers, max_leaves=8).map(
    lambda document: msgspec.convert(document, JSONSchemaProps)
)


@settings(max_examples=150, deadline=None)
@given(VALUES, SCHEMAS)
def test_pruning_and_defaulting_twice_is_doing_it_once(value: Any, schema: JSONSchemaProps) -> None:
    before = copy.deepcopy(value)
    kept, _ = pruned(value, schema)
    assert pruned(kept, schema) == (kept, [])
    filled = defaulted(kept, schema)
    assert defaulted(filled, schema) == filled
    assert pruned(filled, schema) == (filled, [])
    assert value == before


@settings(max_examples=150, deadline=None)
@given(VALUES, SCHEMAS)
def test_whatever_the_value_its_problems_are_told(value: Any, schema: JSONSchemaProps) -> None:
    causes = Causes()
    check_value(defaulted(pruned(value, schema)[0], schema), schema, "spec", causes)
    assert all(cause.field and cause.message and cause.reason for cause in causes.found)


@settings(max_examples=150, deadline=None)
@given(SCHEMAS)
def test_what_a_schema_makes_of_nothing_is_valid(schema: JSONSchemaProps) -> None:
    if schema.type == "object":
        causes = Causes()
        check_value(defaulted({}, schema), schema, "spec", causes)
        assert causes.found == []
