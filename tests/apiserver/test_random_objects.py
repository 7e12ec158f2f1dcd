"""Objects of every kind, made at random from the schemas: no fault of ours, whatever they say.

Values are of the right type mostly, and odd: empty, huge, negative, of other languages. So they
get past decoding, to defaulting, validation, admission, the columns and the patches of each kind.
`PODKERNEL_GENERATED_EXAMPLES=100` makes so many of each kind.
"""

import logging
import os
import random
from typing import Any

import msgspec
import pytest

from kernel.apiserver.openapi.documents import OpenApi
from kernel.objects.kinds import CORE_KINDS, KindTable

from .conftest import Served

pytestmark = pytest.mark.anyio

OBJECTS_EACH = int(os.environ.get("PODKERNEL_GENERATED_EXAMPLES") or 6)
DEPTH_MAX = 9
ITEMS_MAX = 3
WORDS = (
    *(
        "",
        "a",
        "web",
        "A B",
        "é",
        "x" * 300,
        "kubernetes.io/x",
        "10.0.0.1",
        "10.0.0.0/33",
        "*",
        "-1",
    ),
    *(
        "True",
        "Always",
        "1Gi",
        "1e999",
        "0.0.0.0",
        "::1",
        "/",
        "..",
        "a/b",
        "50%",
        "\x00",
        "\u2028",
    ),
    *(
        "* * * * *",
        "@hourly",
        "Europe/Berlin",
        "=",
        "TCP",
        "In",
        "Exists",
        "http",
        "$(A)",
        "\ud7ff",
    ),
)
NUMBERS = (0, 1, -1, 80, 65535, 65536, 2**31 - 1, -(2**31))
TIMES = ("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "soon")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

Schemas = dict[str, dict[str, Any]]


class _Maker:
    """Makes values of schemas, the same ones from the same seed."""

    def __init__(self, schemas: Schemas, seed: int):
        self._schemas = schemas
        self._random = random.Random(seed)

    def make(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """A value of a schema, or once in a while of none."""
        chosen = self._random
        if chosen.random() < 0.01:
            return chosen.choice((None, [], {}, "odd", 7, True, [None], {"a": None}))
        for part in ("allOf", "anyOf"):
            if part in schema:
                return self.make(chosen.choice(schema[part]), depth)
        if "$ref" in schema:
            return self.make(self._schemas[schema["$ref"].rpartition("/")[2]], depth)
        if "oneOf" in schema:
            return chosen.choice((*NUMBERS, *WORDS))
        if "enum" in schema and chosen.random() < 0.9:
            return chosen.choice(schema["enum"])
        return self._make_type(schema, depth)

    def _make_type(self, schema: dict[str, Any], depth: int) -> Any:
        chosen = self._random
        match schema.get("type"):
            case "integer" | "number":
                return chosen.choice(NUMBERS)
            case "boolean":
                return chosen.random() < 0.5
            case "array":
                count = chosen.randint(0, ITEMS_MAX) if depth < DEPTH_MAX else 0
                return [self.make(schema["items"], depth + 1) for _ in range(count)]
            case "object":
                return self._make_object(schema, depth)
            case "string":
                return chosen.choice(TIMES if schema.get("format") == "date-time" else WORDS)
        return chosen.choice((None, 1, "x", {}))

    def _make_object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        chosen = self._random
        if "additionalProperties" in schema:
            inner = schema["additionalProperties"]
            return {chosen.choice(WORDS): self.make(inner, depth + 1) for _ in range(2)}
        required = schema.get("required", ())
        likely = 0.4 if depth < DEPTH_MAX else 0.0
        return {
            name: self.make(field, depth + 1)
            for name, field in schema.get("properties", {}).items()
            if name in required or chosen.random() < likely
        }


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    api = OpenApi(KindTable.core())
    return {
        name: msgspec.json.decode(api.document(name) or b"")
        for name in msgspec.json.decode(api.index())["paths"]
    }


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("kind", CORE_KINDS, ids=lambda kind: kind.info.qualified_plural)
async def test_whatever_an_object_says_the_answer_is_no_fault_of_ours(
    served: Served, documents: dict[str, Any], kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    info = kind.info
    root = f"apis/{info.api_version}" if info.group else f"api/{info.version}"
    schemas: Schemas = documents[root]["components"]["schemas"]
    (schema,) = (
        found
        for found in schemas.values()
        for told in found.get("x-kubernetes-group-version-kind", ())
        if (told["group"], told["version"], told["kind"]) == (info.group, info.version, info.kind)
    )
    place = f"/{root}/{'namespaces/default/' if info.namespaced else ''}{info.plural}"
    for seed in range(OBJECTS_EACH):
        maker = _Maker(schemas, seed)
        obj = {name: maker.make(field) for name, field in schema["properties"].items()}
        obj |= {"apiVersion": info.api_version, "kind": info.kind, "metadata": {"name": "one"}}
        told = msgspec.json.encode(obj)
        for method, path, body, headers in (
            ("POST", f"{place}?fieldValidation=Strict", told, {}),
            ("POST", place, {"apiVersion": info.api_version, "metadata": {"name": "one"}}, {}),
            ("PUT", f"{place}/one", told, {}),
            ("PUT", f"{place}/one/status", told, {}),
            ("PATCH", f"{place}/one", told, {"Content_Type": "application/merge-patch+json"}),
            (
                *("PATCH", f"{place}/one", told),
                {"Content_Type": "application/strategic-merge-patch+json"},
            ),
            (
                *("PATCH", f"{place}/one?fieldManager=me&force=true", told),
                {"Content_Type": "application/apply-patch+yaml"},
            ),
            ("GET", place, None, {"Accept": TABLE}),
            ("DELETE", f"{place}/one?gracePeriodSeconds=0", None, {}),
        ):
            answer = await served.ask(method, path, body, **headers)
            assert answer.status < 500, (seed, method, path, answer.body[:500], caplog.text[-3000:])
            assert "kind" in answer.json
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not errors
