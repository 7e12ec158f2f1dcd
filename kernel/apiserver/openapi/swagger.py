"""OpenAPI version 2 (Swagger), which kubectl reads up to 1.28, from the documents of version 3."""

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]

_VERSION_3_PREFIX = "#/components/schemas/"
_VERSION_2_PREFIX = "#/definitions/"
_KINDS = "x-kubernetes-group-version-kind"
_VERSION_3_ALONE = ("nullable", "oneOf", "anyOf", "allOf", "not", "default")


def swagger(documents: Iterable[Document], *, version: str) -> Document:
    """One document of version 2 that says what several of version 3 say."""
    paths: Document = {}
    definitions: Document = {}
    security: Document = {}
    for document in documents:
        security = document["components"]["securitySchemes"]
        paths |= {path: _path_item(item) for path, item in document["paths"].items()}
        schemas = document["components"]["schemas"]
        for name, schema in schemas.items():
            definitions[name] = _merged(definitions.get(name, {}), _schema(schema))
    return {
        "swagger": "2.0",
        "info": {"title": "podkernel", "version": version},
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": security,
        "security": [{name: []} for name in security],
    }


def _merged(known: Document, schema: Document) -> Document:
    """A schema that several documents have: DeleteOptions are of each group and version."""
    kinds = [*known.get(_KINDS, ()), *schema.get(_KINDS, ())]
    unique = [kind for number, kind in enumerate(kinds) if kind not in kinds[:number]]
    return schema | ({_KINDS: unique} if unique else {})


def _path_item(item: Document) -> Document:
    converted: Document = {}
    for name, part in item.items():
        if name == "parameters":
            converted[name] = [_parameter(parameter) for parameter in part]
        else:
            converted[name] = _operation(part)
    return converted


def _operation(operation: Document) -> Document:
    kept = ("operationId", "description", "tags")
    converted = {
        name: value for name, value in operation.items() if name.startswith("x-") or name in kept
    }
    answered = operation["responses"]
    converted["produces"] = list(answered["200"]["content"])
    converted["parameters"] = [_parameter(parameter) for parameter in operation["parameters"]]
    converted["responses"] = {code: _response(answer) for code, answer in answered.items()}
    body = operation.get("requestBody")
    if body is not None:
        (schema, *_) = (media["schema"] for media in body["content"].values())
        converted["consumes"] = list(body["content"])
        converted["parameters"].insert(
            0,
            {"name": "body", "in": "body", "required": body["required"], "schema": _schema(schema)},
        )
    return converted


def _response(answer: Document) -> Document:
    (media, *_) = answer["content"].values()
    return {"description": answer["description"], "schema": _schema(media["schema"])}


def _parameter(parameter: Document) -> Document:
    converted = {name: value for name, value in parameter.items() if name != "schema"}
    converted |= parameter["schema"]
    return converted


def _schema(schema: Document) -> Document:
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(_VERSION_3_PREFIX, _VERSION_2_PREFIX)}
    if "$ref" in schema.get("allOf", [{}])[0]:
        beside = {name: value for name, value in schema.items() if name != "allOf"}
        return _schema(schema["allOf"][0]) | beside
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": "string", "format": "int-or-string"}
    if schema.get("nullable"):  # which clients could not allow for otherwise
        return {"description": schema["description"]} if "description" in schema else {}
    if "$ref" in schema.get("anyOf", [{}])[0]:  # of several kinds the first will do
        return _schema(schema["anyOf"][0])
    converted = {name: value for name, value in schema.items() if name not in _VERSION_3_ALONE}
    if "oneOf" in schema and "$ref" not in schema["oneOf"][0]:
        converted["type"] = "string"
    if "properties" in schema:
        properties = schema["properties"].items()
        converted["properties"] = {name: _schema(field) for name, field in properties}
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            converted[part] = _schema(schema[part])
    if schema.get("additionalProperties") is True:
        converted["additionalProperties"] = {}
    return converted
