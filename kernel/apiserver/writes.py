"""POST, PUT, PATCH and DELETE of objects."""

import hashlib
from functools import partial

from aiohttp import web

from kernel.api.access.attributes import Attributes
from kernel.api.access.authorizer import Authorizer, is_all_powerful
from kernel.api.client import Subresource
from kernel.api.context import current_user
from kernel.api.errors import BadRequest, Invalid
from kernel.api.idempotency import require_usable
from kernel.api.object_api import ObjectApi
from kernel.api.server_side_apply.ownership import Application
from kernel.apiserver.answers import encode, json_answer
from kernel.apiserver.bodies import (
    decode_configuration,
    decode_object,
    decode_patch,
    is_apply,
    read_body,
)
from kernel.apiserver.negotiation import negotiate
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.reads import list_document
from kernel.apiserver.revisions import require_list_options
from kernel.apiserver.targets import Target
from kernel.objects.event import Binding
from kernel.objects.eviction import Eviction
from kernel.objects.kind import Kind
from kernel.objects.meta import DeleteOptions, Status, StatusCause, StatusDetails

_FORCE_REFUSAL = "Forbidden: may not be specified for non-apply patch"


class Writes:
    """Serves what changes objects. Who acts is set by the caller (`kernel.api.context`)."""

    def __init__(self, api: ObjectApi, authorizer: Authorizer):
        self._api = api
        self._authorizer = authorizer

    async def create(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Store a new object; once, also where it comes again with its Idempotency-Key."""
        negotiate(request.headers.get("Accept", ""))
        obj, warnings = await _read_object(request, target, parameters)
        stored = await self._api.create(
            obj,
            namespace=target.one_namespace,
            dry_run=parameters.dry_run,
            idempotency_key=_idempotency_key(request),
        )
        return json_answer(stored.wire(), status=201, warnings=warnings)

    async def update(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Replace an object or a part of it."""
        negotiate(request.headers.get("Accept", ""))
        obj, warnings = await _read_object(request, target, parameters)
        _check_name(obj, target)
        stored = await self._api.update(
            obj,
            namespace=target.one_namespace,
            name=target.name,
            subresource=_subresource(target),
            dry_run=parameters.dry_run,
        )
        return json_answer(stored.wire(), warnings=warnings)

    async def patch(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Change an object or a part of it."""
        negotiate(request.headers.get("Accept", ""))
        content_type = request.headers.get("Content-Type", "")
        if is_apply(content_type):
            return await self._apply(request, target, parameters)
        if parameters.text("force"):
            cause = StatusCause(reason="FieldValueForbidden", message=_FORCE_REFUSAL, field="force")
            raise Invalid.of("meta.k8s.io", "PatchOptions", "", [cause])
        body = await read_body(request)
        validation = parameters.field_validation
        patch, patch_type, duplicates = decode_patch(body, content_type, validation=validation)
        stored, warnings = await self._api.patch(
            target.kind,
            target.one_namespace,
            target.name,
            patch,
            patch_type,
            subresource=_subresource(target),
            validation=validation,
            dry_run=parameters.dry_run,
        )
        return json_answer(stored.wire(), warnings=[*duplicates, *warnings])

    async def _apply(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        configuration = decode_configuration(await read_body(request))
        info, namespace = target.info, target.one_namespace
        creation = Attributes("create", info.group, info.plural, "", namespace, target.name)
        stored, is_new = await self._api.apply(
            target.kind,
            target.one_namespace,
            target.name,
            Application(
                configuration, parameters.text("fieldManager"), force=parameters.flag("force")
            ),
            subresource=_subresource(target),
            dry_run=parameters.dry_run,
            before_create=partial(self._authorizer.require, current_user(), creation),
        )
        return json_answer(stored.wire(), status=201 if is_new else 200)

    async def delete(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Ask for an object's end: answers the object while it lingers, a Status once gone."""
        options = await _read_delete_options(request, parameters)
        stored, gone = await self._api.delete(
            target.kind, target.one_namespace, target.name, options, dry_run=_is_dry(options)
        )
        if not gone:
            return json_answer(stored.wire())
        info = target.info
        details = StatusDetails(
            name=target.name, group=info.group, kind=info.plural, uid=stored.metadata().uid
        )
        return json_answer(encode(Status(status="Success", details=details, code=200)))

    async def delete_collection(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Ask for the end of all objects that a list would show."""
        require_list_options(parameters)
        options = await _read_delete_options(request, parameters)
        page = await self._api.delete_collection(
            target.kind,
            namespace=target.namespace,
            label_selector=parameters.text("labelSelector"),
            field_selector=parameters.text("fieldSelector"),
            options=options,
            dry_run=_is_dry(options),
        )
        items = [stored.wire() for stored in page.items]
        info = target.info
        return json_answer(list_document(info.list_kind, info.api_version, page, items))

    async def bind(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Put a Pod on a node."""
        body = await read_body(request)
        content_type = request.headers.get("Content-Type", "")
        binding, warnings = decode_object(
            Binding, body, content_type, validation=parameters.field_validation
        )
        await self._api.bind(target.one_namespace, target.name, binding)
        success = encode(Status(status="Success", code=201))
        return json_answer(success, status=201, warnings=warnings)

    async def evict(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Ask for a Pod's end for the sake of its node."""
        body = await read_body(request)
        content_type = request.headers.get("Content-Type", "")
        eviction, warnings = decode_object(
            Eviction, body, content_type, validation=parameters.field_validation
        )
        if eviction.metadata.name != target.name:
            raise BadRequest("name in URL does not match name in Eviction object")
        options = eviction.delete_options or DeleteOptions()
        dry_run = parameters.dry_run or _is_dry(options)
        await self._api.evict(target.one_namespace, target.name, eviction, dry_run=dry_run)
        success = encode(Status(status="Success", code=201))
        return json_answer(success, status=201, warnings=warnings)


def _idempotency_key(request: web.BaseRequest) -> str:
    """The key as the store knows it: an ordinary user's own, for who comes again with the key of
    another would be answered with an object that they may have no right to read."""
    key, user = request.headers.get("Idempotency-Key", ""), current_user()
    if not key or is_all_powerful(user):
        return key
    require_usable(key)
    return hashlib.sha256(f"{user.username}\0{key}".encode()).hexdigest()


async def _read_object(
    request: web.BaseRequest, target: Target, parameters: Parameters
) -> tuple[Kind, list[str]]:
    body = await read_body(request)
    content_type = request.headers.get("Content-Type", "")
    obj, warnings = decode_object(
        target.kind, body, content_type, validation=parameters.field_validation
    )
    info = target.info
    if obj.kind != info.kind:
        raise BadRequest(
            f'{obj.kind} in version "{obj.api_version}" cannot be handled as a {info.kind}'
        )
    if obj.api_version != info.api_version:
        raise BadRequest(
            f"the API version in the data ({obj.api_version}) does not match the expected API "
            f"version ({info.api_version})"
        )
    return obj, warnings


def _check_name(obj: Kind, target: Target) -> None:
    if not obj.metadata.name:
        obj.metadata.name = target.name
    if obj.metadata.name != target.name:
        raise BadRequest(
            f"the name of the object ({obj.metadata.name}) does not match the name on the URL "
            f"({target.name})"
        )


def _subresource(target: Target) -> Subresource:
    match target.subresource:
        case "" | "status" | "ephemeralcontainers" | "resize" as part:
            return part
    raise AssertionError(f"no handler writes {target.subresource}")


async def _read_delete_options(request: web.BaseRequest, parameters: Parameters) -> DeleteOptions:
    """The body's options; those in the query stand in for what the body does not say."""
    options = DeleteOptions()
    if request.body_exists:
        body = await read_body(request)
        if body:
            content_type = request.headers.get("Content-Type", "")
            options, _ = decode_object(DeleteOptions, body, content_type, validation="Ignore")
    if options.grace_period_seconds is None:
        options.grace_period_seconds = parameters.whole_number("gracePeriodSeconds")
    if options.propagation_policy is None:
        options.propagation_policy = parameters.text("propagationPolicy") or None
    if options.orphan_dependents is None and parameters.texts("orphanDependents"):
        options.orphan_dependents = parameters.flag("orphanDependents")
    if parameters.dry_run:
        options.dry_run = ["All"]
    return options


def _is_dry(options: DeleteOptions) -> bool:
    return options.dry_run == ["All"]
