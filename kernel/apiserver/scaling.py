"""The subresource scale: the number of Pods of an object, in one form for all kinds."""

from typing import Any

from aiohttp import web

from kernel.api.object_api import ObjectApi
from kernel.api.patching import patched
from kernel.api.stored import Stored, encode
from kernel.apiserver.answers import json_answer
from kernel.apiserver.bodies import decode_object, decode_patch, read_body
from kernel.apiserver.custom_scaling import custom_scale, replicas_change, require_replicas
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.rows.workloads import label_text, selector_text
from kernel.apiserver.targets import Target
from kernel.objects.custom_object import CustomObject
from kernel.objects.meta import ObjectMeta
from kernel.objects.scale import Scale, ScaleSpec, ScaleStatus


class Scaling:
    """Serves Scales of what is stored: reading and writing them is reading and writing that."""

    def __init__(self, api: ObjectApi):
        self._api = api

    async def get(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """How many Pods there are, and are to be."""
        stored = self._api.get(target.kind, target.one_namespace, target.name)
        if issubclass(target.kind, CustomObject):
            require_replicas(stored.decode())
        return json_answer(_scale_of(stored).wire())

    async def update(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Say how many Pods there are to be."""
        body, content_type = await read_body(request), request.headers.get("Content-Type", "")
        scale, warnings = decode_object(
            Scale, body, content_type, validation=parameters.field_validation
        )
        return await self._write(target, scale, parameters, warnings)

    async def patch(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """The same, as a change of the Scale. Only a patch that names a resourceVersion insists
        on it."""
        content_type = request.headers.get("Content-Type", "")
        validation = parameters.field_validation
        body = await read_body(request)
        patch, patch_type, duplicates = decode_patch(body, content_type, validation=validation)
        present = self._scale(target)
        scale, warnings = patched(Scale, present, patch, patch_type, validation)
        if scale.metadata.resource_version == str(present.revision):
            scale.metadata.resource_version = ""
        return await self._write(target, scale, parameters, [*duplicates, *warnings])

    async def _write(
        self, target: Target, scale: Scale, parameters: Parameters, warnings: list[str]
    ) -> web.StreamResponse:
        if self._api.admission.wants(target.kind, "UPDATE", "scale"):
            await self._api.admission.admit(
                *(target.kind, "UPDATE", scale),
                namespace=target.one_namespace,
                name=target.name,
                subresource="scale",
                old=self._scale(target).decode(),
                dry_run=parameters.dry_run,
            )
        change: dict[str, Any] = {"spec": {"replicas": scale.spec.replicas}}
        if issubclass(target.kind, CustomObject):
            change = replicas_change(target.kind, scale.spec.replicas)
        if scale.metadata.resource_version:
            change["metadata"] = {"resourceVersion": scale.metadata.resource_version}
        stored, _ = await self._api.patch(
            *(target.kind, target.one_namespace, target.name, change, "merge"),
            dry_run=parameters.dry_run,
            is_admitted=True,
        )
        return json_answer(_scale_of(stored).wire(), warnings=warnings)

    def _scale(self, target: Target) -> Stored:
        return _scale_of(self._api.get(target.kind, target.one_namespace, target.name))


def _scale_of(stored: Stored) -> Stored:
    """The Scale of an object, with the object's own revision."""
    obj = stored.decode()
    spec, status = custom_scale(obj) if isinstance(obj, CustomObject) else _own_scale(obj)
    scale = Scale(
        metadata=ObjectMeta(
            name=obj.metadata.name,
            namespace=obj.metadata.namespace,
            uid=obj.metadata.uid,
            creation_timestamp=obj.metadata.creation_timestamp,
        ),
        spec=spec,
        status=status,
    )
    return Stored(Scale, stored.key, stored.revision, encode(scale))


def _own_scale(obj: Any) -> tuple[ScaleSpec, ScaleStatus]:
    selector = obj.spec.selector
    by_labels = label_text(selector) if isinstance(selector, dict) else selector_text(selector)
    status = ScaleStatus(replicas=obj.status.replicas, selector=by_labels)
    return ScaleSpec(replicas=obj.spec.replicas or 0), status
