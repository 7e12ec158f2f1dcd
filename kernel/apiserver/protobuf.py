"""Kubernetes' protobuf bodies, for the kinds that typed clients send.

From kubectl 1.32 on, `kubectl create configmap` and its like send protobuf and nothing else. A
body is four magic bytes and a `runtime.Unknown`, whose `raw` is the object's own message. The
tables here are the messages of k8s.io/api's and apimachinery's generated.proto, as far as those
commands fill them in; a field that they do not list makes the body be refused, rather than be
lost in silence.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

MAGIC = b"k8s\x00"

VARINT, FIXED_64, LENGTH_DELIMITED, FIXED_32 = 0, 1, 2, 5

Scalar = Literal["string", "int", "bool", "bytes", "time", "int_or_string"]


class Field(msgspec.Struct, frozen=True):
    """A field of a message: its wire name and what it holds, once, as a list or as a map."""

    name: str
    type: Scalar | dict[int, "Field"]
    shape: Literal["one", "list", "map"] = "one"


class ProtobufError(ValueError):
    """The body is no message that is understood. The message says why."""


def _one(name: str, type_: Scalar | dict[int, Field] = "string") -> Field:
    return Field(name, type_)


def _list(name: str, type_: Scalar | dict[int, Field] = "string") -> Field:
    return Field(name, type_, "list")


def _map(name: str, type_: Scalar = "string") -> Field:
    return Field(name, type_, "map")


OWNER_REFERENCE = {
    1: _one("kind"),
    3: _one("name"),
    4: _one("uid"),
    5: _one("apiVersion"),
    6: _one("controller", "bool"),
    7: _one("blockOwnerDeletion", "bool"),
}
OBJECT_META = {
    1: _one("name"),
    2: _one("generateName"),
    3: _one("namespace"),
    4: _one("selfLink"),
    5: _one("uid"),
    6: _one("resourceVersion"),
    7: _one("generation", "int"),
    8: _one("creationTimestamp", "time"),
    9: _one("deletionTimestamp", "time"),
    10: _one("deletionGracePeriodSeconds", "int"),
    11: _map("labels"),
    12: _map("annotations"),
    13: _list("ownerReferences", OWNER_REFERENCE),
    14: _list("finalizers"),
}
CONFIG_MAP = {
    1: _one("metadata", OBJECT_META),
    2: _map("data"),
    3: _map("binaryData", "bytes"),
    4: _one("immutable", "bool"),
}
SECRET = {
    1: _one("metadata", OBJECT_META),
    2: _map("data", "bytes"),
    3: _one("type"),
    4: _map("stringData"),
    5: _one("immutable", "bool"),
}
NAMESPACE = {
    1: _one("metadata", OBJECT_META),
    2: _one("spec", {1: _list("finalizers")}),
    3: _one("status", {1: _one("phase")}),
}
LOCAL_OBJECT_REFERENCE = {1: _one("name")}
OBJECT_REFERENCE = {
    1: _one("kind"),
    2: _one("namespace"),
    3: _one("name"),
    4: _one("uid"),
    5: _one("apiVersion"),
    6: _one("resourceVersion"),
    7: _one("fieldPath"),
}
SERVICE_ACCOUNT = {
    1: _one("metadata", OBJECT_META),
    2: _list("secrets", OBJECT_REFERENCE),
    3: _list("imagePullSecrets", LOCAL_OBJECT_REFERENCE),
    4: _one("automountServiceAccountToken", "bool"),
}
SERVICE_PORT = {
    1: _one("name"),
    2: _one("protocol"),
    3: _one("port", "int"),
    4: _one("targetPort", "int_or_string"),
    5: _one("nodePort", "int"),
    6: _one("appProtocol"),
}
SERVICE_SPEC = {
    1: _list("ports", SERVICE_PORT),
    2: _map("selector"),
    3: _one("clusterIP"),
    4: _one("type"),
    5: _list("externalIPs"),
    7: _one("sessionAffinity"),
    8: _one("loadBalancerIP"),
    9: _list("loadBalancerSourceRanges"),
    10: _one("externalName"),
    11: _one("externalTrafficPolicy"),
    12: _one("healthCheckNodePort", "int"),
    13: _one("publishNotReadyAddresses", "bool"),
    17: _one("ipFamilyPolicy"),
    18: _list("clusterIPs"),
    19: _list("ipFamilies"),
    20: _one("allocateLoadBalancerNodePorts", "bool"),
    21: _one("loadBalancerClass"),
    22: _one("internalTrafficPolicy"),
    23: _one("trafficDistribution"),
}
SERVICE = {
    1: _one("metadata", OBJECT_META),
    2: _one("spec", SERVICE_SPEC),
    3: _one("status", {1: _one("loadBalancer", {})}),
}
BINDING = {1: _one("metadata", OBJECT_META), 2: _one("target", OBJECT_REFERENCE)}
BOUND_OBJECT_REFERENCE = {1: _one("kind"), 2: _one("apiVersion"), 3: _one("name"), 4: _one("uid")}
TOKEN_REQUEST_SPEC = {
    1: _list("audiences"),
    3: _one("boundObjectRef", BOUND_OBJECT_REFERENCE),
    4: _one("expirationSeconds", "int"),
}
TOKEN_REQUEST = {
    1: _one("metadata", OBJECT_META),
    2: _one("spec", TOKEN_REQUEST_SPEC),
    3: _one("status", {1: _one("token"), 2: _one("expirationTimestamp", "time")}),
}
USER_INFO = {1: _one("username"), 2: _one("uid"), 3: _list("groups")}
TOKEN_REVIEW_STATUS = {
    1: _one("authenticated", "bool"),
    2: _one("user", USER_INFO),
    3: _one("error"),
    4: _list("audiences"),
}
TOKEN_REVIEW = {
    1: _one("metadata", OBJECT_META),
    2: _one("spec", {1: _one("token"), 2: _list("audiences")}),
    3: _one("status", TOKEN_REVIEW_STATUS),
}
SELF_SUBJECT_REVIEW = {
    1: _one("metadata", OBJECT_META),
    2: _one("status", {1: _one("userInfo", USER_INFO)}),
}

MESSAGES: dict[tuple[str, str], dict[int, Field]] = {
    ("v1", "ConfigMap"): CONFIG_MAP,
    ("v1", "Secret"): SECRET,
    ("v1", "Namespace"): NAMESPACE,
    ("v1", "ServiceAccount"): SERVICE_ACCOUNT,
    ("v1", "Service"): SERVICE,
    ("v1", "Binding"): BINDING,
    ("authentication.k8s.io/v1", "TokenRequest"): TOKEN_REQUEST,
    ("authentication.k8s.io/v1", "TokenReview"): TOKEN_REVIEW,
    ("authentication.k8s.io/v1", "SelfSubjectReview"): SELF_SUBJECT_REVIEW,
}
TYPE_META = {1: _one("apiVersion"), 2: _one("kind")}
UNKNOWN = {
    1: _one("typeMeta", TYPE_META),
    2: _one("raw", "bytes"),
    3: _one("contentEncoding"),
    4: _one("contentType"),
}


def decode_protobuf(body: bytes) -> dict[str, Any]:
    """The object in a body, as plain JSON values. Raises `ProtobufError`."""
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not start as Kubernetes' protobuf does")
    try:
        envelope = dict(_fields(body[len(MAGIC) :]))
        type_meta = _message(TYPE_META, _bytes(envelope.get(1, b"")), "typeMeta")
        api_version, kind = type_meta.get("apiVersion", ""), type_meta.get("kind", "")
        message = MESSAGES.get((api_version, kind))
        if message is None:
            raise ProtobufError(
                f"{kind} ({api_version}) is not understood as protobuf, only as JSON"
            )
        document = _message(message, _bytes(envelope.get(2, b"")), kind)
    except (IndexError, UnicodeDecodeError, TypeError, OverflowError) as error:
        raise ProtobufError(f"the body is broken: {error}") from error
    return {"apiVersion": api_version, "kind": kind} | document


def _message(fields: dict[int, Field], data: bytes, path: str) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for number, value in _fields(data):
        field = fields.get(number)
        if field is None:
            raise ProtobufError(f"field {number} of {path} is not understood as protobuf")
        where = f"{path}.{field.name}"
        if field.shape == "map":
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
    return item is None or item == "" or item == {}


def _value(type_: Scalar | dict[int, Field], value: int | bytes, path: str) -> Any:
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
