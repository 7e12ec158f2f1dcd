"""Bodies of requests: JSON, YAML or protobuf, read with a limit, checked as the client asks."""

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from kernel.api.client import PatchType
from kernel.api.errors import ApiError, BadRequest, UnsupportedMediaType
from kernel.api.yaml_nodes import YamlError, read_documents
from kernel.apiserver.protobuf import ProtobufError, decode_protobuf
from kernel.objects.decoding import DecodeFailure, FieldError, decode, decode_leniently, parse_json
from kernel.objects.kind import Kind

BODY_BYTES_MAX = 3 * 1024 * 1024
# Nobody reads more, and each warning is a header, of which clients take so many.
ERRORS_LISTED_MAX = 32

PATCH_TYPES: dict[str, PatchType] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}
APPLY_TYPE = "application/apply-patch+yaml"
PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")

StructType = TypeVar("StructType", bound=msgspec.Struct)


class TooLarge(ApiError):
    """The body is larger than the server reads."""

    reason, code = "RequestEntityTooLarge", 413


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body, unpacked. Raises `TooLarge` beyond `BODY_BYTES_MAX`, and `BadRequest` where
    it is not packed as it says."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"Request entity too large: limit is {BODY_BYTES_MAX}") from None
    except web.RequestPayloadError as error:
        raise BadRequest(f"the body of the request can't be read: {error}") from None


def decode_object(
    kind: type[StructType], body: bytes, content_type: str, *, validation: str
) -> tuple[StructType, list[str]]:
    """The struct in a body, and what to warn of.

    `validation` is the request's fieldValidation: unknown fields are refused by `Strict`, warned
    of by `Warn`, dropped in silence by `Ignore`. Raises `BadRequest`, `UnsupportedMediaType`.
    """
    document = _plain_document(body, content_type)
    try:
        if validation == "Strict":
            return decode(kind, document), []
        decoded, unknown = decode_leniently(kind, document)
    except DecodeFailure as failure:
        raise _refusal(kind, failure.errors) from None
    if validation == "Ignore":
        unknown = []
    return decoded, [str(error) for error in unknown[:ERRORS_LISTED_MAX]]


def decode_patch(body: bytes, content_type: str) -> tuple[Any, PatchType]:
    """A patch and its type. Raises `BadRequest`, `UnsupportedMediaType`."""
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
    return patch, patch_type


def is_apply(content_type: str) -> bool:
    """Whether a body is the configuration of a server-side apply."""
    return _media_type(content_type) == APPLY_TYPE


def decode_configuration(body: bytes) -> dict[str, Any]:
    """What a server-side apply applies: JSON or YAML, as plain values. Raises `BadRequest`."""
    if not body.lstrip().startswith(b"{"):
        return _yaml_document(body)
    try:
        configuration: dict[str, Any] = parse_json(body)
    except DecodeFailure:
        return _yaml_document(body)  # which may begin with a brace just as well
    return configuration


def _plain_document(body: bytes, content_type: str) -> bytes | dict[str, Any]:
    media_type = _media_type(content_type)
    if media_type in ("application/json", ""):
        if not body:
            raise BadRequest("the request has no body, but needs one")
        return body
    if media_type in YAML_TYPES:
        return _yaml_document(body)
    if media_type == PROTOBUF_TYPE:
        try:
            return decode_protobuf(body)
        except ProtobufError as error:
            raise UnsupportedMediaType(f"{PROTOBUF_TYPE}: {error}") from None
    raise UnsupportedMediaType(
        f'the body of the request was in an unknown format "{media_type}"; '
        "accepted media types include: application/json, application/yaml"
    )


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _yaml_document(body: bytes) -> dict[str, Any]:
    try:
        documents = list(read_documents(body.decode("utf-8-sig")))
    except YamlError as error:
        raise BadRequest(f"the body can't be read: line {error.line}: {error.message}") from None
    except UnicodeDecodeError:
        raise BadRequest("the body can't be read: it is not UTF-8 text") from None
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise BadRequest("the body must be one YAML document, an object")
    value: dict[str, Any] = documents[0].value
    return value


def _refusal(kind: type[msgspec.Struct], errors: list[FieldError]) -> BadRequest:
    listed = ", ".join(str(error) for error in errors[:ERRORS_LISTED_MAX])
    if len(errors) > ERRORS_LISTED_MAX:
        listed += f", and {len(errors) - ERRORS_LISTED_MAX} more"
    if any(error.reason == "syntax" for error in errors):
        return BadRequest(f"the body of the request can't be read: {listed}")
    if all(error.reason == "unknown" for error in errors):
        listed = f"strict decoding error: {listed}"
    if issubclass(kind, Kind):
        name, version = kind.info.kind, kind.info.api_version
        return BadRequest(f'{name} in version "{version}" cannot be handled as a {name}: {listed}')
    return BadRequest(listed)
