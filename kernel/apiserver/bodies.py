"""Bodies of requests: JSON, YAML or protobuf, read with a limit, checked as the client asks."""

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from kernel.api.client import PatchType
from kernel.api.errors import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from kernel.api.field_validation import (
    ERRORS_LISTED_MAX,
    FieldValidation,
    read_object,
    refusal,
)
from kernel.api.yaml_nodes import YamlError, read_documents
from kernel.apiserver.protobuf.decoding import ProtobufError, decode_protobuf
from kernel.objects.decoding import DecodeFailure, parse_json
from kernel.objects.duplicate_fields import duplicate_fields
from kernel.objects.field_errors import FieldError

BODY_BYTES_MAX = 3 * 1024 * 1024

PATCH_TYPES: dict[str, PatchType] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}
APPLY_TYPE = "application/apply-patch+yaml"
PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")

CONVERTED_BODY = web.RequestKey("converted body", bytes)
"""The key under which a request keeps the body that is to be read in place of the one it has."""

StructType = TypeVar("StructType", bound=msgspec.Struct)


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body, unpacked. Raises `RequestEntityTooLarge` beyond `BODY_BYTES_MAX`, and
    `BadRequest` where it is not packed as it says."""
    if CONVERTED_BODY in request:
        return request[CONVERTED_BODY]
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise body_too_large() from None
    except web.RequestPayloadError as error:
        raise BadRequest(f"the body of the request can't be read: {error}") from None


def body_too_large() -> RequestEntityTooLarge:
    """The refusal of a body of more than `BODY_BYTES_MAX`."""
    return RequestEntityTooLarge(f"Request entity too large: limit is {BODY_BYTES_MAX}")


def decode_object(
    kind: type[StructType], body: bytes, content_type: str, *, validation: FieldValidation
) -> tuple[StructType, list[str]]:
    """The struct in a body, and what to warn of. Raises `BadRequest`, `Invalid`,
    `UnsupportedMediaType`."""
    media_type = _media_type(content_type)
    if media_type in YAML_TYPES:
        return _decode_yaml(kind, body, validation)
    if media_type == PROTOBUF_TYPE and not body.startswith(b"{"):  # which a converted body does
        try:
            return read_object(kind, decode_protobuf(body), validation)
        except ProtobufError as error:
            raise UnsupportedMediaType(f"{PROTOBUF_TYPE}: {error}") from None
    if media_type not in ("application/json", PROTOBUF_TYPE, ""):
        raise UnsupportedMediaType(
            f'the body of the request was in an unknown format "{media_type}"; '
            "accepted media types include: application/json, application/yaml"
        )
    if not body:
        raise BadRequest("the request has no body, but needs one")
    decoded, warnings = read_object(kind, body, validation)
    if validation == "Ignore" or not (duplicates := duplicate_fields(body)):
        return decoded, warnings
    return read_object(kind, body, validation, duplicates=duplicates)


def _decode_yaml(
    kind: type[StructType], body: bytes, validation: FieldValidation
) -> tuple[StructType, list[str]]:
    repeated: list[YamlError] = []
    document = _yaml_document(body, repeated)
    duplicates = [
        FieldError("", f"line {error.line}: {error.message}", reason="duplicate")
        for error in repeated
    ]
    return read_object(kind, document, validation, duplicates=duplicates)


def decode_patch(
    body: bytes, content_type: str, *, validation: FieldValidation
) -> tuple[Any, PatchType, list[str]]:
    """A patch, its type, and what to warn of. Raises `BadRequest`, `UnsupportedMediaType`."""
    media_type = _media_type(content_type)
    patch_type = PATCH_TYPES.get(media_type)
    if patch_type is None:
        known = ", ".join([*PATCH_TYPES, APPLY_TYPE])
        raise UnsupportedMediaType(
            f'the body of the request was in an unknown format "{media_type}"; '
            f"accepted media types include: {known}"
        )
    try:
        patch = parse_json(body)
    except DecodeFailure as failure:
        raise BadRequest(f"the patch can't be read: {failure}") from None
    wanted = list if patch_type == "json" else dict
    if not isinstance(patch, wanted):
        shape = "an array of operations" if patch_type == "json" else "an object"
        raise BadRequest(f"a patch of type {media_type} is {shape}")
    duplicates = [] if validation == "Ignore" else duplicate_fields(body)
    if duplicates and validation == "Strict":
        raise refusal(msgspec.Struct, patch, duplicates)
    return patch, patch_type, [str(error) for error in duplicates[:ERRORS_LISTED_MAX]]


def is_apply(content_type: str) -> bool:
    """Whether a body is the configuration of a server-side apply."""
    return _media_type(content_type) == APPLY_TYPE


def is_protobuf(content_type: str) -> bool:
    """Whether a body is Kubernetes' protobuf."""
    return _media_type(content_type) == PROTOBUF_TYPE


def decode_configuration(body: bytes) -> dict[str, Any]:
    """What a server-side apply applies: JSON or YAML, as plain values. Raises `BadRequest`."""
    if not body.lstrip().startswith(b"{"):
        return _yaml_document(body)
    try:
        configuration: dict[str, Any] = parse_json(body)
    except DecodeFailure:
        return _yaml_document(body)  # which may begin with a brace just as well
    return configuration


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _yaml_document(body: bytes, repeated: list[YamlError] | None = None) -> dict[str, Any]:
    try:
        documents = list(read_documents(body.decode("utf-8-sig"), repeated))
    except YamlError as error:
        raise BadRequest(f"the body can't be read: line {error.line}: {error.message}") from None
    except UnicodeDecodeError:
        raise BadRequest("the body can't be read: it is not UTF-8 text") from None
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise BadRequest("the body must be one YAML document, an object")
    value: dict[str, Any] = documents[0].value
    return value
