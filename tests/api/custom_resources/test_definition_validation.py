"""What a CustomResourceDefinition may not say, in Kubernetes' words."""

from typing import Any

import pytest

from kernel.api.defaulting import default
from kernel.api.validation import validate_create, validate_update
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.decoding import decode

from ...cron_tabs import definition, version, with_schema

PATH = "spec.versions[0].schema.openAPIV3Schema"


def made(*versions: dict[str, Any], **names: Any) -> CustomResourceDefinition:
    document = definition(*versions, **names)
    made = decode(CustomResourceDefinition, document)
    default(made)
    return made


def problems(*versions: dict[str, Any], **names: Any) -> list[str]:
    causes = validate_create(made(*versions, **names))
    return [f"{cause.field}: {cause.message}" for cause in causes]


def test_the_example_of_the_documentation_is_valid() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        (
            {"spec": {}},
            f"{PATH}.properties[spec].type: Required value: must not be empty for specified"
            " object fields",
        ),
        (
            {"spec": {"type": "array"}},
            f"{PATH}.properties[spec].items: Required value: must be specified",
        ),
        (
            {"spec": {"type": "string", "anyOf": [{"type": "integer"}]}},
            f"{PATH}.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            {"spec": {"type": "string", "pattern": "("}},
            f'{PATH}.properties[spec].pattern: Invalid value: "(": must be a valid regular'
            " expression, but isn't: error parsing regexp: missing closing ): `(`",
        ),
        (
            {
                "spec": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["one", "two"],
                }
            },
            f'{PATH}.properties[spec].x-kubernetes-list-map-keys: Invalid value: ["one","two"]:'
            " entries must all be names of item properties",
        ),
        (
            {"spec": {"type": "text"}},
            f'{PATH}.properties[spec].type: Unsupported value: "text": supported values: "array",'
            ' "boolean", "integer", "number", "object", "string"',
        ),
        (
            {"spec": {"type": "integer", "default": "one"}},
            f'{PATH}.properties[spec].default: Invalid value: "string":'
            f' {PATH}.properties[spec].default in body must be of type integer: "string"',
        ),
        (
            {"spec": {"type": "string", "uniqueItems": True}},
            f"{PATH}.properties[spec].uniqueItems: Forbidden: uniqueItems cannot be set to true"
            " since the runtime complexity becomes quadratic",
        ),
        (
            {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}},
            f"{PATH}.properties[metadata]: Forbidden: must not specify anything other than name"
            " and generateName, but metadata is implicitly specified",
        ),
        (
            {
                "spec": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                }
            },
            f"{PATH}.properties[spec].items.properties[name].default: Required value: this"
            " property is in x-kubernetes-list-map-keys, so it must have a default or be a"
            " required property",
        ),
    ],
)
def test_a_schema_that_is_not_structural(properties: dict[str, Any], said: str) -> None:
    assert problems(with_schema(**properties)) == [said]


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ([version(storage=False)], "must have exactly one version marked as storage version"),
        ([version("v1"), version("v2")], "must have exactly one version marked as storage version"),
        ([version(), version(storage=False)], "must contain unique version names"),
        ([version("V1")], "a DNS-1035 label must consist of lower case alphanumeric characters"),
        ([version(schema=None)], f"{PATH}: Required value"),
        (
            [version(deprecationWarning="old")],
            "can only be set for deprecated versions",
        ),
        (
            [version(subresources={"scale": {"specReplicasPath": ".replicas"}})],
            "should be a json path under .spec",
        ),
        (
            [version(additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": ".a"}])],
            "must be one of boolean,date,integer,number,string",
        ),
        (
            [version(selectableFields=[{"jsonPath": ".spec.colour"}])],
            "is an invalid path",
        ),
    ],
)
def test_versions_that_are_refused(versions: list[dict[str, Any]], said: str) -> None:
    assert any(said in problem for problem in problems(*versions))


def test_names_that_are_refused() -> None:
    document = definition()
    document["metadata"]["name"] = "crontabs.example.com"
    named = decode(CustomResourceDefinition, document)
    default(named)
    (cause,) = validate_create(named)
    assert cause.message.endswith('must be spec.names.plural+"."+spec.group')
    assert problems(kind="Cron Tab", listKind="Cron Tab") != []


def test_what_a_change_may_not_change() -> None:
    old, new = made(), made(scope="Cluster")
    new.spec.scope = "Cluster"
    established = decode(CustomResourceDefinition, {"status": {"conditions": [
        {"type": "Established", "status": "True"}]}})  # fmt: skip
    old.status = new.status = established.status
    said = [f"{cause.field}: {cause.message}" for cause in validate_update(new, old)]
    assert 'spec.scope: Invalid value: "Cluster": field is immutable' in said
    new.status.stored_versions = ["v1alpha1", "v1"]
    paths = [cause.field for cause in validate_update(new, old)]
    assert "status.storedVersions[0]" in paths
