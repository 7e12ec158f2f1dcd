"""Kubernetes' protobuf bodies, for the kinds that typed clients send.

From kubectl 1.32 on, `kubectl create configmap` and its like send protobuf and nothing else. A
body is four magic bytes and a `runtime.Unknown` (1: the type's apiVersion and kind, 2: `raw`, the
object's own message). A field that `protobuf_messages` does not list makes the body be refused,
rather than be lost in silence.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from kernel.apiserver.protobuf.messages import message_of
from kernel.apiserver.protobuf.schema import Field, Message, Scalar

MAGIC = b"k8s\x00"

VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """The body is no message that is understood. The message says why."""


TYPE_META: Message = {1: Field("apiVersion", "string"), 2: Field("kind", "string")}


def decode_protobuf(body: bytes) -> dict[str, Any]:
    """The object in a body, as plain JSON values. Raises `ProtobufError`."""
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not start as Kubernetes' protobuf does")
    try:
        envelope = dict(_fields(body[len(MAGIC) :]))
        type_meta = _message(TYPE_META, _bytes(envelope.get(1, b"")), "typeMeta")
        api_version, kind = type_meta.get("apiVersion", ""), type_meta.get("kind", "")
        message = message_of(api_version, kind)
        if message is None:
            raise ProtobufError(
                f"{kind} ({api_version}) is not understood as protobuf, only as JSON"
            )
        document = _message(message, _bytes(envelope.get(2, b"")), kind)
    except (IndexError, UnicodeDecodeError, TypeError, OverflowError) as error:
        raise ProtobufError(f"the body is broken: {error}") from error
    return {"apiVersion": api_version, "kind": kind} | document


def _message(fields: Message, data: bytes, path: str) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for number, value in _fields(data):
        field = fields.get(number)
        if field is None:
            raise ProtobufError(f"field {number} of {path} is not understood as protobuf")
        where = f"{path}.{field.name}"
        if field.shape == "inline":
            assert isinstance(field.type, dict)
            document |= _message(field.type, _bytes(value), where)
        elif field.shape == "map":
            entry = dict(_fields(_bytes(value)))
            key = _bytes(entry.get(1, b"")).decode()
            item = _value(field.type, entry.get(2, b""), where)
            document.setdefault(field.name, {})[key] = item
        elif field.shape == "list":
            document.setdefault(field.name, []).append(_value(field.type, value, where))
        else:
            item = _value(field.type, value, where)
            if not _is_absent(item):
                document[field.name] = item
    return document


def _is_absent(item: Any) -> bool:
    """Go writes fields that are no pointers always, at their zero value too."""
    return item is None or item == ""


def _value(type_: Scalar | Message, value: int | bytes, path: str) -> Any:
    if isinstance(type_, dict):
        return _message(type_, _bytes(value), path)
    match type_:
        case "string":
            return _bytes(value).decode()
        case "bytes":
            return msgspec.to_builtins(_bytes(value))  # base64, as JSON has it
        case "bool":
            return bool(value)
        case "int":
            return _signed(value)
        case "time":
            return _time(dict(_fields(_bytes(value))))
        case "quantity":
            return _bytes(dict(_fields(_bytes(value))).get(1, b"")).decode()
        case "passed over":
            return None
        case "int_or_string":
            parts = dict(_fields(_bytes(value)))
            if parts.get(1, 0) == 1:
                return _bytes(parts.get(3, b"")).decode()
            return _signed(parts.get(2, 0))


def _time(parts: dict[int, int | bytes]) -> str | None:
    seconds = _signed(parts.get(1, 0))
    # The zero time, which Go writes for a time that is not set.
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds > 0 else None


def _signed(value: int | bytes) -> int:
    number = value if isinstance(value, int) else 0
    return number - (1 << 64) if number >= 1 << 63 else number


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where a message or text was expected")
    return value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in their order: numbers, or bytes that are text or a message."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes
        if wire_type == VARINT:
            value, position = _varint(data, position)
        elif wire_type == LENGTH_DELIMITED:
            length, position = _varint(data, position)
            value, position = data[position : position + length], position + length
        elif wire_type in (FIXED_64, FIXED_32):
            size = 8 if wire_type == FIXED_64 else 4
            value = int.from_bytes(data[position : position + size], "little")
            position += size
        else:
            raise ProtobufError(f"wire type {wire_type} is not protobuf's")
        if position > len(data):
            raise ProtobufError("the body ends too early")
        yield number, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ProtobufError("a number is longer than 64 bits")
