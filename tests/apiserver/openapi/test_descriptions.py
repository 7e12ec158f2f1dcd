"""Every field of every served kind is described, in OpenAPI and so in `kubectl explain`."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from kernel.apiserver.old_versions import OLD_KINDS
from kernel.apiserver.openapi.descriptions import (
    Descriptions,
    allowed_values,
    description_of_struct,
)
from kernel.apiserver.openapi.documents import OpenApi
from kernel.apiserver.served_kinds import ASKED_KINDS, MEASURED_KINDS, ServedKinds
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.pod import PodSpec
from kernel.objects.struct import Struct


class SiteSpec(Struct):
    """Where a site is, and `how_many` Pods serve it.

    This is for readers of the source.
    """

    how_many: int = 1
    """How many Pods serve the site,
    at least."""

    mode: str = ""
    """How they do it. One of: "", Dynamic, Static. Default: none."""

    plain: str = ""


class WideSiteSpec(SiteSpec):
    """One with more to it."""

    mode: str = ""
    width: int = 0
    """How wide it is."""


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    kinds = ServedKinds(KindTable.core(), (*MEASURED_KINDS, *ASKED_KINDS, *OLD_KINDS))
    api = OpenApi(kinds)
    names = msgspec.json.decode(api.index())["paths"]
    return {name: msgspec.json.decode(api.document(name) or b"") for name in names}


def test_a_docstring_below_a_field_is_its_description() -> None:
    descriptions = Descriptions()
    assert descriptions.of_field(SiteSpec, "how_many") == "How many Pods serve the site, at least."
    assert descriptions.of_field(SiteSpec, "plain") == ""
    assert descriptions.of_field(SiteSpec, "nothing") == ""


def test_a_field_is_described_where_it_is_inherited_from() -> None:
    descriptions = Descriptions()
    assert descriptions.of_field(WideSiteSpec, "how_many").startswith("How many Pods")
    assert descriptions.of_field(WideSiteSpec, "mode").startswith("How they do it.")
    assert descriptions.of_field(WideSiteSpec, "width") == "How wide it is."


def test_classes_in_functions_have_descriptions_too() -> None:
    class Inner(Struct):
        name: str = ""
        """Its name."""

    assert Descriptions().of_field(Inner, "name") == "Its name."


def test_without_source_there_are_none() -> None:
    made = msgspec.defstruct("Made", [("name", str)], module="nowhere")
    assert Descriptions().of_field(made, "name") == ""


@pytest.mark.parametrize(
    ("description", "values"),
    [
        ("How. One of: A, B.", ["A", "B"]),
        ('How. One of: "", B. Default: B.', ["", "B"]),
        ("One of the best.", []),
        ("", []),
    ],
)
def test_allowed_values_are_read_from_a_description(description: str, values: list[str]) -> None:
    assert allowed_values(description) == values


def test_a_struct_is_described_by_its_first_paragraph_in_wire_names() -> None:
    assert description_of_struct(SiteSpec) == "Where a site is, and `howMany` Pods serve it."


def _undescribed(name: str, document: Any) -> Iterator[str]:
    for schema_name, schema in document["components"]["schemas"].items():
        if not schema.get("description"):
            yield schema_name
        for field, about in schema.get("properties", {}).items():
            if not about.get("description"):
                yield f"{schema_name}.{field}"
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            if not operation["description"]:
                yield f"{name}: {method} {path}"
            for parameter in (*operation["parameters"], *item.get("parameters", ())):
                if not parameter["description"]:
                    yield f"{name}: {method} {path}: {parameter['name']}"


def test_every_served_field_has_a_description(documents: dict[str, Any]) -> None:
    missing = {place for item in documents.items() for place in _undescribed(*item)}
    assert not missing, (
        "write a docstring below each of these fields in its struct: a short one, in our own"
        " words, with the unit, the default (`Default: 30.`) and the allowed values (`One of: A,"
        f" B.` where Kubernetes has an enumeration): {sorted(missing)}"
    )


def test_enumerations_and_defaults_are_in_the_schemas(documents: dict[str, Any]) -> None:
    schemas = documents["api/v1"]["components"]["schemas"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]
    assert spec["restartPolicy"]["enum"] == ["Always", "Never", "OnFailure"]
    assert spec["dnsPolicy"]["enum"][0] == "ClusterFirst"
    assert spec["terminationGracePeriodSeconds"]["format"] == "int64"
    assert spec["tolerations"]["x-kubernetes-list-type"] == "atomic"
    port = schemas["io.k8s.api.core.v1.ContainerPort"]
    assert port["properties"]["protocol"]["default"] == "TCP"
    assert port["properties"]["containerPort"]["format"] == "int32"
    assert port["required"] == ["containerPort"]
    modes = schemas["io.k8s.api.core.v1.PersistentVolumeClaimSpec"]["properties"]["accessModes"]
    assert "ReadWriteOnce" in modes["items"]["enum"]
    assert Descriptions().of_field(PodSpec, "restart_policy")


def test_a_kind_of_a_plugin_is_described_like_ours() -> None:
    class Site(Kind, group="example.dev", version="v1"):
        """A site."""

        spec: SiteSpec

    kinds = KindTable.core()
    kinds.add(Site)
    document = msgspec.json.decode(OpenApi(kinds).document("apis/example.dev/v1") or b"")
    (schema,) = (
        schema
        for name, schema in document["components"]["schemas"].items()
        if name.endswith("SiteSpec")
    )
    how_many = schema["properties"]["howMany"]
    assert how_many["description"] == "How many Pods serve the site, at least."
    assert how_many["default"] == 1
    assert schema["properties"]["mode"]["enum"] == ["", "Dynamic", "Static"]
