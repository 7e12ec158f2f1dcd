"""Values against schemas, in Kubernetes' words."""

from typing import Any

import msgspec
import pytest

from kernel.api.causes import Causes
from kernel.api.custom_resources.value_validation import ABSENT, check_value
from kernel.objects.json_schema import JSONSchemaProps


def schema_of(document: dict[str, Any]) -> JSONSchemaProps:
    return msgspec.convert(document, JSONSchemaProps)


def problems(value: Any, schema: dict[str, Any], old: Any = ABSENT) -> list[str]:
    """What is said of a value in `spec.x`."""
    causes = Causes()
    check_value(value, schema_of(schema), "spec.x", causes, old)
    return [f"{cause.field}: {cause.message}" for cause in causes.found]


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
PORTS = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "items": {"type": "object", "properties": {"name": TEXT, "port": WHOLE | {"minimum": 1}}},
}


@pytest.mark.parametrize(
    ("value", "schema", "said"),
    [
        (
            "three",
            WHOLE,
            'spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"',
        ),
        (
            True,
            WHOLE,
            'spec.x: Invalid value: "boolean": spec.x in body must be of type integer: "boolean"',
        ),
        (
            None,
            TEXT,
            'spec.x: Invalid value: "null": spec.x in body must be of type string: "null"',
        ),
        (
            1.5,
            {"x-kubernetes-int-or-string": True},
            'spec.x: Invalid value: "number": spec.x in body must be of type integer,string:'
            ' "number"',
        ),
        (
            11,
            WHOLE | {"maximum": 10},
            "spec.x: Invalid value: 11: spec.x in body should be less than or equal to 10",
        ),
        (
            1,
            WHOLE | {"minimum": 1, "exclusiveMinimum": True},
            "spec.x: Invalid value: 1: spec.x in body should be greater than 1",
        ),
        (
            7,
            WHOLE | {"multipleOf": 2},
            "spec.x: Invalid value: 7: spec.x in body should be a multiple of 2",
        ),
        (
            2**31,
            WHOLE | {"format": "int32"},
            "spec.x: Invalid value: 2147483648: spec.x in body must be of type int32:"
            ' "integer"',
        ),
        ("abcd", TEXT | {"maxLength": 3}, "spec.x: Too long: may not be more than 3 bytes"),
        (
            "a",
            TEXT | {"minLength": 3},
            'spec.x: Invalid value: "a": spec.x in body should be at least 3 chars long',
        ),
        (
            "B",
            TEXT | {"pattern": "^[a-z]+$"},
            "spec.x: Invalid value: \"B\": spec.x in body should match '^[a-z]+$'",
        ),
        (
            "c",
            TEXT | {"enum": ["a", "b"]},
            'spec.x: Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            "x",
            TEXT | {"format": "date-time"},
            'spec.x: Invalid value: "x": spec.x in body must be of type date-time: "x"',
        ),
        ([1, 2], {"type": "array", "items": WHOLE, "maxItems": 1},
         "spec.x: Too many: 2: must have at most 1 item"),
        (
            ["a", "b", "a"],
            {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
            'spec.x[2]: Duplicate value: "a"',
        ),
        (
            [{"name": "a", "port": 1}, {"name": "a", "port": 2}],
            PORTS,
            'spec.x[1]: Duplicate value: {"name":"a"}',
        ),
        ({}, {"type": "object", "required": ["a"]}, "spec.x.a: Required value"),
        (
            {"a": 1},
            {"type": "object", "additionalProperties": TEXT},
            'spec.x.a: Invalid value: "integer": spec.x.a in body must be of type string:'
            ' "integer"',
        ),
        (
            "a",
            TEXT | {"not": {"enum": ["a"]}},
            '<nil>: Invalid value: "": "spec.x" must not validate the schema (not)',
        ),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit(value: Any, schema: dict[str, Any], said: str) -> None:
    assert problems(value, schema) == [said]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (None, TEXT | {"nullable": True}),
        (None, {"x-kubernetes-preserve-unknown-fields": True}),
        (3.0, WHOLE),
        (3, {"type": "number"}),
        ("80", {"x-kubernetes-int-or-string": True}),
        (80, {"x-kubernetes-int-or-string": True, "anyOf": [WHOLE, TEXT]}),
        ("anything", TEXT | {"format": "unheard-of"}),
        ("2026-01-01T00:00:00.123456789Z", TEXT | {"format": "date-time"}),
        (True, {"type": "boolean", "enum": [True]}),
        (["a", "a"], {"type": "array", "items": TEXT}),
        ({"unknown": 1}, {"type": "object", "properties": {"a": TEXT}}),
    ],
)
def test_a_value_that_fits(value: Any, schema: dict[str, Any]) -> None:
    assert problems(value, schema) == []


def test_choices_tell_true_from_one() -> None:
    assert problems(1, {"enum": [True], "x-kubernetes-preserve-unknown-fields": True})


def test_one_of_several_schemas_must_hold() -> None:
    schema = {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert problems({"a": 1}, schema) == []
    none = '"spec.x" must validate one and only one schema (oneOf). Found none valid'
    assert problems({}, schema)[0] == f'<nil>: Invalid value: "": {none}'
    both = '"spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives'
    assert problems({"a": 1, "b": 1}, schema) == [f'<nil>: Invalid value: "": {both}']


def test_what_has_not_changed_is_not_looked_at() -> None:
    old = [{"name": "a", "port": 0}, {"name": "b", "port": 1}]
    new = [{"name": "c", "port": 1}, {"name": "a", "port": 0}]
    assert problems(new, PORTS, old) == []
    (said,) = problems([{"name": "b", "port": 0}], PORTS, old)
    assert said.startswith("spec.x[0].port: Invalid value: 0: spec.x[0].port in body should be")
