"""Bytes and plain values to structs, with an explanation of everything that is wrong with them.

msgspec decodes what is right at full speed. Only what it refuses is walked a second time, slowly,
along the struct's types: to find all errors rather than the first, to name the nearest right
field, and to forgive what Kubernetes forgives (null for absent, a number for a quantity).
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from kernel.objects.custom_object import CustomObject
from kernel.objects.field_errors import FieldError, join_path, nearest_name
from kernel.objects.kind import Kind
from kernel.objects.pruning import pruned
from kernel.objects.quantity import QuantityError, parse_quantity
from kernel.objects.wire_types import Time

StructType = TypeVar("StructType", bound=msgspec.Struct)
CustomType = TypeVar("CustomType", bound=CustomObject)

_ABSENT = object()
_BYTE_POSITION = re.compile(r"\(byte (\d+)\)")
_MESSAGE_PATH = re.compile(r"^(?P<message>.*?) - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")

# Nobody reads more, and looking for more would take long in a document that is made for that.
ERRORS_MAX = 100


class DecodeFailure(Exception):
    """The document is not what it should be; `errors` is never empty."""

    def __init__(self, errors: list[FieldError]):
        super().__init__(", ".join(str(error) for error in errors))
        self.errors = errors


def decode(
    kind_class: type[StructType], data: bytes | str | Mapping[str, Any], *, lenient: bool = False
) -> StructType:
    """The struct that JSON text, or the plain values of a parsed document, stand for.

    With `lenient`, fields that the struct does not have are dropped; otherwise they are errors.
    Raises `DecodeFailure`. This serves `fieldValidation=Strict` and, lenient, `Ignore`; for
    `Warn` see `decode_leniently`.
    """
    decoded, unknown = decode_leniently(kind_class, data)
    if unknown and not lenient:
        raise DecodeFailure(unknown)
    return decoded


def decode_leniently(
    kind_class: type[StructType], data: bytes | str | Mapping[str, Any]
) -> tuple[StructType, list[FieldError]]:
    """As `decode`, but answers the unknown fields that were dropped, to warn of."""
    if issubclass(kind_class, CustomObject):
        return _decode_custom(kind_class, data)
    try:
        return _decode_fast(kind_class, data), []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_slowly(kind_class, data)


def parse_json(data: bytes | str) -> Any:
    """JSON text as plain values; raises `DecodeFailure` that names line and column."""
    encoded = data.encode() if isinstance(data, str) else data
    try:
        return msgspec.json.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeFailure([_syntax_error(encoded, str(error))]) from None
    except RecursionError:
        raise DecodeFailure(
            [FieldError("", "the document is nested too deeply", reason="syntax")]
        ) from None


def _decode_fast(kind_class: type[StructType], data: bytes | str | Mapping[str, Any]) -> StructType:
    if isinstance(data, bytes | str):
        return msgspec.json.decode(data, type=kind_class)
    return msgspec.convert(data, kind_class)


def _decode_slowly(
    kind_class: type[StructType], data: bytes | str | Mapping[str, Any]
) -> tuple[StructType, list[FieldError]]:
    """The struct and its unknown fields; raises `DecodeFailure` where there are other errors."""
    value = parse_json(data) if isinstance(data, bytes | str) else data
    walk = _Walk()
    try:
        cleaned = walk.clean(_type_info(kind_class), value, "")
    except _TooManyErrors:
        raise DecodeFailure(walk.errors) from None
    except RecursionError:
        error = FieldError("", "the document is nested too deeply", reason="syntax")
        raise DecodeFailure([error]) from None
    if all(error.reason == "unknown" for error in walk.errors):
        try:
            return msgspec.convert(cleaned, kind_class), walk.errors
        except msgspec.ValidationError as error:
            walk.errors.append(_translated(error))
    raise DecodeFailure(walk.errors)


def _decode_custom(
    kind: type[CustomType], data: bytes | str | Mapping[str, Any]
) -> tuple[CustomType, list[FieldError]]:
    """The object, and the fields that its definition does not have; its values are not checked."""
    document = parse_json(data) if isinstance(data, bytes | str) else data
    if not isinstance(document, Mapping):
        raise DecodeFailure([FieldError("", f"expected object, got {_value_name(document)}")])
    content = dict(document)
    names = ("apiVersion", "kind", "metadata")
    envelope = {name: content.pop(name) for name in names if name in content}
    head, unknown = decode_leniently(Kind, envelope)
    try:
        content, pruned_fields = pruned(content, kind.schema())
    except RecursionError:
        error = FieldError("", "the document is nested too deeply", reason="syntax")
        raise DecodeFailure([error]) from None
    obj = kind(metadata=head.metadata, content=content)
    obj.api_version = head.api_version or obj.api_version
    obj.kind = head.kind or obj.kind
    return obj, [*unknown, *pruned_fields]


@cache
def _type_info(kind_class: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(kind_class)


class _TooManyErrors(Exception):
    """There is no need to look for more."""


class _Walk:
    """Goes through a document along its types; collects errors, and a copy without oddities.

    It ends with `_TooManyErrors` where there are `ERRORS_MAX`. Of unknown fields, which may be
    forgiven, it goes on to drop those that it does not note any more.
    """

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def clean(self, expected: inspect.Type, value: Any, path: str) -> Any:
        """`value` as msgspec will take it, or `_ABSENT`."""
        match expected:
            case inspect.Metadata():
                return self._clean_annotated(expected, value, path)
            case inspect.StructType():
                return self._clean_struct(expected, value, path)
            case inspect.UnionType():
                return self._clean_union(expected, value, path)
            case inspect.ListType():
                return self._clean_list(expected, value, path)
            case inspect.DictType():
                return self._clean_dict(expected, value, path)
            case _:
                return self._clean_scalar(expected, value, path)

    def _clean_annotated(self, expected: inspect.Metadata, value: Any, path: str) -> Any:
        if (expected.extra or {}).get("format") != "quantity":
            return self.clean(expected.type, value, path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return repr(value)
        try:
            parse_quantity(value if isinstance(value, str) else "")
        except QuantityError:
            return self._refuse("quantity such as 500m or 1Gi", value, path)
        return value

    def _clean_struct(self, expected: inspect.StructType, value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            return self._refuse("object", value, path)
        fields = {field.encode_name: field for field in expected.fields}
        cleaned = {}
        for key, item in value.items():
            field = fields.get(key)
            if field is None:
                self._note_unknown(str(key), fields, path)
            elif item is not None:
                cleaned[key] = self.clean(field.type, item, join_path(path, key))
        for name, field in fields.items():
            if field.required and name not in cleaned:
                message = "missing required field"
                self._note(FieldError(join_path(path, name), message, reason="required"))
        return cleaned

    def _note_unknown(self, key: str, fields: Mapping[str, inspect.Field], path: str) -> None:
        if len(self.errors) >= ERRORS_MAX:
            return
        suggestion = nearest_name(key, fields)
        self.errors.append(
            FieldError(join_path(path, key), "unknown field", suggestion, reason="unknown")
        )

    def _clean_union(self, expected: inspect.UnionType, value: Any, path: str) -> Any:
        members = [member for member in expected.types if not _is_none(member)]
        if len(members) == 1:
            return self.clean(members[0], value, path)
        for shape, container in ((inspect.StructType, Mapping), (inspect.ListType, list)):
            fitting = [member for member in members if isinstance(member, shape)]
            if len(fitting) == 1 and isinstance(value, container):
                return self.clean(fitting[0], value, path)
        names = [_type_name(member) for member in members]
        if all(names) and _value_name(value) not in names:
            return self._refuse(" or ".join(names), value, path)
        return value

    def _clean_list(self, expected: inspect.ListType, value: Any, path: str) -> Any:
        if not isinstance(value, list | tuple):
            return self._refuse("array", value, path)
        return [
            self.clean(expected.item_type, item, f"{path}[{index}]")
            for index, item in enumerate(value)
        ]

    def _clean_dict(self, expected: inspect.DictType, value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            return self._refuse("object", value, path)
        if isinstance(expected.value_type, inspect.AnyType):
            return value
        return {
            key: self.clean(expected.value_type, item, join_path(path, str(key)))
            for key, item in value.items()
            if item is not None
        }

    def _clean_scalar(self, expected: inspect.Type, value: Any, path: str) -> Any:
        name = _type_name(expected)
        actual = _value_name(value)
        if name == "time":
            return self._clean_time(value, path)
        if name == "number" and actual == "integer":
            return value
        if name == "integer" and isinstance(value, float) and value.is_integer():
            return int(value)
        if name and name != actual:
            return self._refuse(name, value, path)
        return value

    def _clean_time(self, value: Any, path: str) -> Any:
        try:
            return msgspec.convert(value, Time)
        except msgspec.ValidationError:
            return self._refuse("RFC 3339 time", value, path)

    def _refuse(self, wanted: str, value: Any, path: str) -> Any:
        shown = f' "{value}"' if isinstance(value, str) and len(value) <= 40 else ""
        message = f"expected {wanted}, got {_value_name(value)}{shown}"
        self._note(FieldError(path, message))
        return _ABSENT

    def _note(self, error: FieldError) -> None:
        self.errors.append(error)
        if len(self.errors) >= ERRORS_MAX:
            raise _TooManyErrors


def _is_none(member: inspect.Type) -> bool:
    return isinstance(member, inspect.NoneType)


def _type_name(expected: inspect.Type) -> str:
    """What JSON calls a type; empty for those that are left to msgspec to check."""
    match expected:
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "number"
        case inspect.StrType():
            return "string"
        case inspect.BoolType():
            return "boolean"
        case inspect.DateTimeType():
            return "time"
        case _:
            return ""


def _value_name(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list() | tuple():
            return "array"
        case _:
            return type(value).__name__


def _translated(error: msgspec.ValidationError) -> FieldError:
    """msgspec's one error about types that the walk leaves to it, such as enumerations."""
    match = _MESSAGE_PATH.match(str(error))
    path, message = (match["path"], match["message"]) if match else ("", str(error))
    return FieldError(path, message[:1].lower() + message[1:].replace("`", ""))


def _syntax_error(data: bytes, message: str) -> FieldError:
    found = _BYTE_POSITION.search(message)
    position = int(found[1]) if found else len(data)
    before = data[:position]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    reason = "ends too early" if "truncated" in message else _BYTE_POSITION.sub("", message)
    reason = reason.removeprefix("JSON is malformed: ").strip()
    return FieldError(
        "", f"invalid JSON at line {line}, column {column}: {reason}", reason="syntax"
    )
