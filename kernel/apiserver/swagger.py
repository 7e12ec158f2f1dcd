"""OpenAPI version 2 (Swagger), which kubectl reads up to 1.28, from the documents of version 3."""

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]

_VERSION_3_PREFIX = "#/components/schemas/"
_VERSION_2_PREFIX = "#/definitions/"


def swagger(documents: Iterable[Document], *, version: str) -> Document:
    """One document of version 2 that says what several of version 3 say."""
    paths: Document = {}
    definitions: Document = {}
    for document in documents:
        paths |= {path: _path_item(item) for path, item in document["paths"].items()}
        schemas = document["components"]["schemas"]
        definitions |= {name: _schema(schema) for name, schema in schemas.items()}
    return {
        "swagger": "2.0",
        "info": {"title": "podkernel", "version": version},
        "paths": paths,
        "definitions": definitions,
    }


def _path_item(item: Document) -> Document:
    converted: Document = {}
    for name, part in item.items():
        if name == "parameters":
            converted[name] = [_parameter(parameter) for parameter in part]
        else:
            converted[name] = _operation(part)
    return converted


def _operation(operation: Document) -> Document:
    content = operation["responses"]["200"]["content"]["application/json"]
    converted = {name: value for name, value in operation.items() if name.startswith("x-")}
    converted["produces"] = ["application/json"]
    converted["parameters"] = [_parameter(parameter) for parameter in operation["parameters"]]
    converted["responses"] = {"200": {"description": "OK", "schema": _schema(content["schema"])}}
    body = operation.get("requestBody")
    if body is not None:
        (schema, *_) = (media["schema"] for media in body["content"].values())
        converted["consumes"] = list(body["content"])
        converted["parameters"].insert(
            0, {"name": "body", "in": "body", "required": True, "schema": _schema(schema)}
        )
    return converted


def _parameter(parameter: Document) -> Document:
    converted = {name: value for name, value in parameter.items() if name != "schema"}
    return converted | {"type": parameter["schema"]["type"]}


def _schema(schema: Document) -> Document:
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(_VERSION_3_PREFIX, _VERSION_2_PREFIX)}
    if "allOf" in schema:
        return _schema(schema["allOf"][0])
    if schema.get("format") == "int-or-string":
        return {"type": "string", "format": "int-or-string"}
    converted = dict(schema)
    if "properties" in schema:
        properties = schema["properties"].items()
        converted["properties"] = {name: _schema(field) for name, field in properties}
    for part in ("items", "additionalProperties"):
        if part in schema:
            converted[part] = _schema(schema[part])
    return converted
