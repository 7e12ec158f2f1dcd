"""OpenAPI version 2 as protobuf, the one form of it that kubectl asks for.

The messages and field numbers are those of gnostic's OpenAPIv2.proto; what our documents do not
use is left out. Extensions are YAML text there, for which JSON passes.
"""

from typing import Any

import msgspec

Document = dict[str, Any]

CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_VARINT, _LENGTH_DELIMITED = 0, 2
_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
_PLACES = {"query": 3, "path": 4}


def swagger_protobuf(document: Document) -> bytes:
    """A whole document as gnostic's message Document."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    paths = _named(2, {path: _path_item(item) for path, item in document["paths"].items()})
    definitions = _named(1, {name: _schema(s) for name, s in document["definitions"].items()})
    return b"".join(
        (
            _text(1, document["swagger"]),
            _part(2, info),
            _part(8, paths),
            _part(9, definitions),
        )
    )


def _path_item(item: Document) -> bytes:
    parts = [_part(_METHODS[name], _operation(item[name])) for name in _METHODS if name in item]
    parts += [_part(9, _parameter(parameter)) for parameter in item.get("parameters", ())]
    return b"".join(parts)


def _operation(operation: Document) -> bytes:
    responses = {code: _response(answer) for code, answer in operation["responses"].items()}
    return b"".join(
        (
            *(_text(1, tag) for tag in operation["tags"]),
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            *(_text(6, media_type) for media_type in operation["produces"]),
            *(_text(7, media_type) for media_type in operation.get("consumes", ())),
            *(_part(8, _parameter(parameter)) for parameter in operation["parameters"]),
            _part(9, _named(1, responses)),
            _extensions(13, operation),
        )
    )


def _response(answer: Document) -> bytes:
    described = _text(1, answer["description"])
    return _part(1, described + _part(2, _part(1, _schema(answer["schema"]))))


def _parameter(parameter: Document) -> bytes:
    """A ParametersItem that holds a Parameter."""
    name, place = parameter["name"], parameter["in"]
    if place == "body":
        body = _text(2, name) + _text(3, place) + _flag(4, parameter["required"])
        return _part(1, _part(1, body + _part(5, _schema(parameter["schema"]))))
    required = parameter.get("required", False)
    described = _flag(1, required) + _text(2, place)
    described += _text(3, parameter["description"]) + _text(4, name)
    type_number = 6 if place == "query" else 5
    described += _text(type_number, parameter["type"])
    return _part(1, _part(2, _part(_PLACES[place], described)))


def _schema(schema: Document) -> bytes:
    parts = [
        *(_text(1, schema.get("$ref", "")), _text(2, schema.get("format", ""))),
        _text(4, schema.get("description", "")),
    ]
    if "default" in schema:
        parts.append(_part(5, _any(schema["default"])))
    parts += [_text(19, name) for name in schema.get("required", ())]
    parts += [_part(20, _any(value)) for value in schema.get("enum", ())]
    if "additionalProperties" in schema:
        parts.append(_part(21, _part(1, _schema(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_part(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_part(23, _part(1, _schema(schema["items"]))))
    if "properties" in schema:
        fields = {name: _schema(field) for name, field in schema["properties"].items()}
        parts.append(_part(25, _named(1, fields)))
    parts.append(_extensions(31, schema))
    return b"".join(parts)


def _extensions(number: int, value: Document) -> bytes:
    found = {name: _any(item) for name, item in value.items() if name.startswith("x-")}
    return _named(number, found)


def _any(value: Any) -> bytes:
    return _text(2, msgspec.json.encode(value).decode())


def _named(number: int, values: dict[str, bytes]) -> bytes:
    """A map as gnostic writes one: repeated messages of name and value."""
    return b"".join(_part(number, _text(1, name) + _part(2, item)) for name, item in values.items())


def _text(number: int, text: str) -> bytes:
    return _part(number, text.encode()) if text else b""


def _flag(number: int, flag: bool) -> bytes:
    return _varint(number << 3 | _VARINT) + b"\x01" if flag else b""


def _part(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
