"""Asks the webhooks that the stored configurations name, as Kubernetes' admission does.

Source: k8s.io/apiserver, admission/plugin/webhook. Mutating webhooks are asked one after the
other, and those that want to (reinvocationPolicy IfNeeded) once more where others have changed the
object after them; validating ones are asked all at once.

Nothing is held while a webhook is asked: the write that follows is planned anew where another one
has come between, and then the webhooks are asked anew.
"""

import logging
from functools import partial
from typing import Any

import anyio
import msgspec

from kernel.api.admission import AdmissionRequest
from kernel.api.client import WatchEventType
from kernel.api.context import warn
from kernel.api.errors import ApiError, BadRequest
from kernel.api.object_api import ObjectApi
from kernel.api.stored import StoredEvent
from kernel.api.webhooks.matching import (
    RequestSort,
    namespace_labels,
    selects_namespace,
    selects_objects,
)
from kernel.api.webhooks.review import (
    InvalidResponse,
    Verdict,
    WebhookDenied,
    patched_object,
    read_verdict,
    review_document,
)
from kernel.api.webhooks.table import Configuration, MatchedWebhook, WebhookTable
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.decoding import DecodeFailure
from kernel.objects.kind import KindInfo
from kernel.objects.webhook_configuration import (
    MutatingWebhook,
    MutatingWebhookConfiguration,
    ValidatingWebhook,
    ValidatingWebhookConfiguration,
)

logger = logging.getLogger("podkernel.api")


class WebhookFailure(Exception):
    """A webhook could not be asked, or what it has answered makes no sense."""


class StoredWebhooks:
    """The webhooks of one `ObjectApi`, kept as its configurations change."""

    def __init__(self, api: ObjectApi):
        self._api = api
        self._mutating = WebhookTable(api.kinds.other_versions)
        self._validating = WebhookTable(api.kinds.other_versions)
        self._follow(MutatingWebhookConfiguration, self._mutating)
        self._follow(ValidatingWebhookConfiguration, self._validating)
        api.observe(CustomResourceDefinition, self._look_again)

    def wants(self, info: KindInfo, operation: str, subresource: str) -> bool:
        """Whether any webhook's rules match such requests."""
        if not (self._mutating or self._validating):
            return False
        sort = RequestSort(info, operation, subresource)
        return bool(self._mutating.find(sort) or self._validating.find(sort))

    async def mutate(self, request: AdmissionRequest) -> bool:
        """Let the mutating webhooks change `request.object`; answers whether one did. Raises
        `ApiError` where one refuses, or fails and its failurePolicy is Fail."""
        if not self._mutating:
            return False
        changed = False
        called: list[MatchedWebhook] = []
        again: set[int] = set()
        for matched in self._mutating.find(_sort_of(request)):
            if not self._selects(matched, request):
                continue
            if await self._ask_to_change(matched, request):
                changed = True
                again.update(range(len(called)))
            called.append(matched)
        for index in sorted(again):
            matched = called[index]
            webhook = matched.configured.webhook
            is_wanted = (
                isinstance(webhook, MutatingWebhook) and webhook.reinvocation_policy == "IfNeeded"
            )
            if is_wanted and self._selects(matched, request):
                await self._ask_to_change(matched, request)
        return changed

    async def validate(self, request: AdmissionRequest) -> None:
        """Let the validating webhooks refuse. Raises as `mutate` does; of several refusals the
        first in order counts."""
        if not self._validating:
            return
        matching = [
            matched
            for matched in self._validating.find(_sort_of(request))
            if self._selects(matched, request)
        ]
        outcomes: list[ApiError | None] = [None] * len(matching)

        async def ask(index: int, matched: MatchedWebhook) -> None:
            try:
                await self._ask(matched, request)
            except ApiError as error:
                outcomes[index] = error

        async with anyio.create_task_group() as tasks:
            for index, matched in enumerate(matching):
                tasks.start_soon(ask, index, matched)
        for error in outcomes:
            if error is not None:
                raise error

    async def _ask_to_change(self, matched: MatchedWebhook, request: AdmissionRequest) -> bool:
        """Ask a mutating webhook; answers whether the object is another one now."""
        verdict = await self._ask(matched, request)
        if verdict is None or not verdict.patch:
            return False
        name = matched.configured.webhook.name
        if request.object is None:
            raise _internal_error(
                f'admission webhook "{name}" attempted to modify the object, which is not'
                " supported for this operation"
            )
        try:
            new = patched_object(request, matched.info, verdict.patch)
        except (ApiError, DecodeFailure) as error:
            raise _internal_error(f'the patch of admission webhook "{name}": {error}') from error
        return _replace_fields(request.object, new, name)

    async def _ask(self, matched: MatchedWebhook, request: AdmissionRequest) -> Verdict | None:
        """What a webhook answers; None where it fails and may. Raises `ApiError`."""
        webhook = matched.configured.webhook
        if request.dry_run and webhook.side_effects not in ("None", "NoneOnDryRun"):
            raise BadRequest(f'admission webhook "{webhook.name}" does not support dry run')
        try:
            verdict = await self._call(webhook, matched.info, request)
        except WebhookFailure as failure:
            words = f'failed calling webhook "{webhook.name}": {failure}'
            if webhook.failure_policy == "Ignore":
                logger.warning("%s (its failurePolicy is Ignore)", words)
                return None
            raise _internal_error(words) from failure
        for warning in verdict.warnings:
            warn(warning)
        for key, value in verdict.audit_annotations.items():
            logger.info("admission webhook %s: %s=%s", webhook.name, key, value)
        if not verdict.allowed:
            raise WebhookDenied(verdict.status)
        return verdict

    async def _call(
        self, webhook: ValidatingWebhook, info: KindInfo, request: AdmissionRequest
    ) -> Verdict:
        # What speaks HTTP is loaded with the first webhook that is asked.
        from kernel.api.webhooks.calling import CallFailure, post
        from kernel.api.webhooks.destinations import destination_of

        uid = self._api.clock.uuid()
        version = next(one for one in webhook.admission_review_versions if one in _VERSIONS)
        review = review_document(request, info, version=version, uid=uid)
        timeout_seconds = webhook.timeout_seconds or 0
        try:
            destination = destination_of(webhook.client_config, self._api, timeout_seconds)
            body = await post(
                destination, msgspec.json.encode(review), timeout_seconds=timeout_seconds
            )
            return read_verdict(body, version=version, uid=uid, webhook_name=webhook.name)
        except CallFailure as failure:
            raise WebhookFailure(str(failure)) from failure
        except InvalidResponse as error:
            raise WebhookFailure(f"received invalid webhook response: {error}") from error

    def _selects(self, matched: MatchedWebhook, request: AdmissionRequest) -> bool:
        configured = matched.configured
        if not selects_objects(configured.objects, request.object, request.old):
            return False
        if configured.namespaces and not selects_namespace(
            configured.namespaces, namespace_labels(request, self._api.labels_of_namespace)
        ):
            return False
        if not configured.webhook.match_conditions:
            return True
        from kernel.api.webhooks.conditions import conditions_hold  # CEL, for those who use it

        return conditions_hold(configured.webhook, request, matched.info)

    def _follow(self, kind: type[Configuration], table: WebhookTable) -> None:
        for stored in self._api.list(kind).items:
            table.put(stored.decode())
        self._api.observe(kind, partial(self._change, table))

    def _change(self, table: WebhookTable, event: StoredEvent) -> None:
        if event.type is WatchEventType.DELETED:
            table.remove(event.stored.name)
        else:
            table.put(event.stored.decode())
        self._api.admission.look_again()

    def _look_again(self, event: StoredEvent) -> None:
        """The kinds that are served have changed, and so what is the same kind."""
        self._mutating.forget_matches()
        self._validating.forget_matches()
        self._api.admission.look_again()


_VERSIONS = ("v1", "v1beta1")


def _sort_of(request: AdmissionRequest) -> RequestSort:
    return RequestSort(request.info, request.operation, request.subresource)


def _replace_fields(obj: Any, new: Any, webhook_name: str) -> bool:
    """Make `obj` equal to `new`, in place; answers whether it was not. Its place stays."""
    if obj == new:
        return False
    if hasattr(obj, "metadata"):
        for field in ("name", "namespace", "uid"):
            if getattr(obj.metadata, field) != getattr(new.metadata, field):
                raise _internal_error(
                    f'admission webhook "{webhook_name}" changed metadata.{field}, which is not'
                    " supported"
                )
    for name in obj.__struct_fields__:
        setattr(obj, name, getattr(new, name))
    return True


def _internal_error(words: str) -> ApiError:
    return ApiError(f"Internal error occurred: {words}")
