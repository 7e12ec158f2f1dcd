"""From a document to an object, as strictly as the client asks for (fieldValidation).

Fields that the kind does not have, and those said twice, are refused by `Strict`, warned of by
`Warn` and passed over by `Ignore`. A required field that is missing makes an object invalid, in
the words of Kubernetes' validation; all else that does not fit makes it a bad request.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from kernel.api.causes import Causes
from kernel.api.errors import ApiError, BadRequest, Invalid
from kernel.objects.decoding import DecodeFailure, decode_leniently, parse_json
from kernel.objects.field_errors import FieldError
from kernel.objects.kind import Kind

FieldValidation = Literal["Strict", "Warn", "Ignore"]

# Nobody reads more, and each warning is a header, of which clients take so many.
ERRORS_LISTED_MAX = 32

StructType = TypeVar("StructType", bound=msgspec.Struct)


def read_object(
    kind: type[StructType],
    document: bytes | Mapping[str, Any],
    validation: FieldValidation,
    *,
    duplicates: Sequence[FieldError] = (),
) -> tuple[StructType, list[str]]:
    """The struct in a document, JSON text or plain values, and what to warn of.

    `duplicates` are the fields that the document says twice. Raises `BadRequest`, `Invalid`.
    """
    try:
        decoded, unknown = decode_leniently(kind, document)
    except DecodeFailure as failure:
        raise refusal(kind, document, failure.errors, validation) from None
    if not (unknown or duplicates) or validation == "Ignore":
        return decoded, []
    errors = [*duplicates, *unknown]
    if validation == "Strict":
        raise refusal(kind, document, errors, validation)
    return decoded, [str(error) for error in errors[:ERRORS_LISTED_MAX]]


def refusal(
    kind: type[msgspec.Struct],
    document: Any,
    errors: Sequence[FieldError],
    validation: FieldValidation = "Strict",
) -> ApiError:
    """What is answered to a document with these errors."""
    strict = [error for error in errors if error.reason in ("unknown", "duplicate")]
    missing = [error for error in errors if error.reason == "required"]
    if missing and len(missing) + len(strict) == len(errors) and issubclass(kind, Kind):
        if not strict or validation != "Strict":
            return _invalid(kind, document, missing)
        errors = strict
    if any(error.reason == "syntax" for error in errors):
        return BadRequest(f"the body of the request can't be read: {_listed(errors)}")
    listed = _listed(errors)
    if len(strict) == len(errors):
        listed = f"strict decoding error: {listed}"
    if issubclass(kind, Kind):
        name, version = kind.info.kind, kind.info.api_version
        return BadRequest(f'{name} in version "{version}" cannot be handled as a {name}: {listed}')
    return BadRequest(listed)


def _invalid(kind: type[Kind], document: Any, missing: Sequence[FieldError]) -> Invalid:
    causes = Causes()
    for error in missing[:ERRORS_LISTED_MAX]:
        causes.required(error.path)
    return Invalid.of(kind.info.group, kind.info.kind, _name_in(document), causes.found)


def _name_in(document: Any) -> str:
    value = parse_json(document) if isinstance(document, bytes) else document
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    if not isinstance(metadata, Mapping):
        return ""
    name = metadata.get("name") or metadata.get("generateName")
    return name if isinstance(name, str) else ""


def _listed(errors: Sequence[FieldError]) -> str:
    listed = ", ".join(str(error) for error in errors[:ERRORS_LISTED_MAX])
    if len(errors) > ERRORS_LISTED_MAX:
        listed += f", and {len(errors) - ERRORS_LISTED_MAX} more"
    return listed
