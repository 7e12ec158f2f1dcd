"""AdmissionReview (admission.k8s.io): what a webhook is sent, and what it answers. Pure."""

import base64
import binascii
from typing import Any

import msgspec

from kernel.api.admission import AdmissionRequest
from kernel.api.context import current_request
from kernel.api.errors import ApiError
from kernel.api.patch import apply_json_patch
from kernel.objects.authentication import UserInfo
from kernel.objects.decoding import DecodeFailure, decode_leniently
from kernel.objects.kind import KindInfo
from kernel.objects.meta import Status

KIND = "AdmissionReview"
_OPTIONS_KINDS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


class InvalidResponse(Exception):
    """A webhook has answered what is no answer to its review."""


class WebhookDenied(ApiError):
    """A webhook refuses the request; the Status is the webhook's own."""

    def __init__(self, status: Status):
        super().__init__(status.message, details=status.details)
        self.code = status.code
        self.reason = status.reason


class Verdict(msgspec.Struct, frozen=True):
    """What a webhook has answered. `patch` holds the operations of a JSON Patch."""

    allowed: bool
    status: Status
    patch: list[Any] = []
    warnings: list[str] = []
    audit_annotations: dict[str, str] = {}


class _KindName(msgspec.Struct):
    group: str
    version: str
    kind: str


class _ResourceName(msgspec.Struct):
    group: str
    version: str
    resource: str


def review_document(
    request: AdmissionRequest, info: KindInfo, *, version: str, uid: str
) -> dict[str, Any]:
    """What is sent to a webhook that is to see the request's kind as `info`, ready for JSON."""
    obj, old = wire_object(request.object, request, info), wire_object(request.old, request, info)
    subject = request.object if request.object is not None else request.old
    own_info = request.info
    group, _, kind_version = subject.api_version.rpartition("/")
    own_kind = _KindName(group, kind_version, subject.kind)
    kind = own_kind
    if subject.api_version == own_info.api_version:
        kind = msgspec.structs.replace(own_kind, group=info.group, version=info.version)
    name, namespace = request.name, request.namespace
    if own_info.kind == "Namespace" and not own_info.group:
        namespace = name  # a namespace is in itself, as Kubernetes has it
    asked: dict[str, Any] = {
        "uid": uid,
        "kind": kind,
        "resource": _ResourceName(info.group, info.version, info.plural),
        "subResource": request.subresource,
        "requestKind": own_kind,
        "requestResource": _ResourceName(own_info.group, own_info.version, own_info.plural),
        "requestSubResource": request.subresource,
        "name": name,
        "namespace": namespace,
        "operation": request.operation,
        "userInfo": _user_document(request.user),
        "object": obj,
        "oldObject": old,
        "dryRun": request.dry_run,
        "options": _options(request),
    }
    optional = ("subResource", "requestSubResource", "name", "namespace")
    sent = {key: value for key, value in asked.items() if value != "" or key not in optional}
    return {"kind": KIND, "apiVersion": f"admission.k8s.io/{version}", "request": sent}


def wire_object(obj: Any, request: AdmissionRequest, info: KindInfo) -> Any:
    """An object as plain JSON data, in the version of `info` where it is of the request's kind."""
    if obj is None:
        return None
    document = msgspec.json.decode(msgspec.json.encode(obj))
    if document.get("apiVersion") == request.info.api_version:
        document["apiVersion"] = info.api_version
    return document


def _user_document(user: UserInfo) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(user)
    return document


def _options(request: AdmissionRequest) -> dict[str, Any] | None:
    """The options of the request, under the name that the verb has for them."""
    kind = _OPTIONS_KINDS.get(request.operation)
    if kind is None:
        return None
    document: dict[str, Any] = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if request.options is not None:
        given = msgspec.json.decode(msgspec.json.encode(request.options))
        return {**given, **document}
    if request.dry_run:
        document["dryRun"] = ["All"]
    asked = current_request()
    if asked is not None:
        if asked.field_manager:
            document["fieldManager"] = asked.field_manager
        if asked.field_validation:
            document["fieldValidation"] = asked.field_validation
    return document


def read_verdict(body: bytes, *, version: str, uid: str, webhook_name: str) -> Verdict:
    """What an answer says. Raises `InvalidResponse`; nothing in it is taken on trust."""
    try:
        review = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidResponse(f"the response is no JSON: {error}") from error
    if not isinstance(review, dict):
        raise InvalidResponse("the response is no JSON object")
    _require_kind(review, version)
    response = review.get("response")
    if not isinstance(response, dict):
        raise InvalidResponse("webhook response was absent")
    if version == "v1" and response.get("uid") != uid:
        raise InvalidResponse(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    try:
        allowed = _typed(response, "allowed", bool, False)
        warnings = _typed(response, "warnings", list[str], [])
        annotations = _typed(response, "auditAnnotations", dict[str, str], {})
        status = _typed(response, "status", dict[str, Any], {})
    except msgspec.ValidationError as error:
        raise InvalidResponse(str(error)) from error
    return Verdict(
        allowed=allowed,
        status=_denial(status, webhook_name),
        patch=_patch(response, version) if allowed else [],
        warnings=warnings,
        audit_annotations=annotations,
    )


def _require_kind(review: dict[str, Any], version: str) -> None:
    group, _, found = str(review.get("apiVersion", "")).rpartition("/")
    if (group, found, review.get("kind")) != ("admission.k8s.io", version, KIND):
        raise InvalidResponse(
            f"expected webhook response of admission.k8s.io/{version}, Kind={KIND}, got "
            f"{group}/{found}, Kind={review.get('kind', '')}"
        )


def _typed(response: dict[str, Any], name: str, type_: Any, absent: Any) -> Any:
    value = response.get(name)
    if value is None:
        return absent
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"response.{name}: {error}") from error


def _patch(response: dict[str, Any], version: str) -> list[Any]:
    """The operations of the patch, which is base64 in JSON."""
    text, patch_type = response.get("patch"), response.get("patchType")
    if not text:
        if patch_type is not None and version == "v1":
            raise InvalidResponse("webhook returned response.patchType but not response.patch")
        return []
    if patch_type is None and version == "v1":
        raise InvalidResponse("webhook returned response.patch but not response.patchType")
    if patch_type not in (None, "JSONPatch"):
        raise InvalidResponse(f'webhook returned invalid response.patchType of "{patch_type}"')
    try:
        operations = msgspec.json.decode(base64.b64decode(text, validate=True))
    except (TypeError, binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidResponse(f"received undecodable patch in webhook response: {error}") from error
    if not isinstance(operations, list):
        raise InvalidResponse("received undecodable patch in webhook response: it is no list")
    return operations


def _denial(given: dict[str, Any], webhook_name: str) -> Status:
    """The Status of a refusal: the webhook's, with what makes it one."""
    try:
        status, _ = decode_leniently(Status, given)
    except DecodeFailure:
        status = Status(message=str(given.get("message", "")), code=0)
    if "code" not in given or not 400 <= status.code < 600:
        status.code = 400
    if status.status in ("", "Success"):
        status.status = "Failure"
    denied = f'admission webhook "{webhook_name}" denied the request'
    explanation = status.message or status.reason
    status.message = f"{denied}: {explanation}" if explanation else f"{denied} without explanation"
    return status


def patched_object(request: AdmissionRequest, info: KindInfo, patch: list[Any]) -> Any:
    """`request.object` after a webhook's patch. Raises `ApiError`, `DecodeFailure`."""
    kind = type(request.object)
    document = apply_json_patch(wire_object(request.object, request, info), patch)
    if isinstance(document, dict) and document.get("apiVersion") == info.api_version:
        document["apiVersion"] = request.object.api_version
    changed, _ = decode_leniently(kind, document)
    return changed
