"""Kinds under other versions than the one that they are stored in: old ones that Kubernetes had
before, and those that it has beside the stored one (Events of events.k8s.io).

What is sent in such a version is stored in the present one, and answered in the other one; with a
warning where it is old. `kubectl` asks under the version that a manifest names, so old manifests
work for create, get, apply, patch, delete and watch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from kernel.api.errors import BadRequest
from kernel.apiserver import version_fields
from kernel.apiserver.answers import add_warning
from kernel.apiserver.bodies import (
    CONVERTED_BODY,
    decode_configuration,
    is_protobuf,
    read_body,
)
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.protobuf.decoding import ProtobufError, decode_protobuf
from kernel.apiserver.targets import Target
from kernel.apiserver.version_fields import EVENT_FIELDS, Document, select_template
from kernel.objects import autoscaling_v1, event_v1
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.autoscaling import HorizontalPodAutoscaler
from kernel.objects.batch import CronJob
from kernel.objects.disruption_budget import PodDisruptionBudget
from kernel.objects.endpoint_slice import EndpointSlice
from kernel.objects.event import Event
from kernel.objects.kind import Kind, KindInfo, KindMeta
from kernel.objects.networking import Ingress, IngressClass, NetworkPolicy
from kernel.objects.priority_class import PriorityClass
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.storage import CSIDriver, CSINode, StorageClass, VolumeAttachment

Conversion = Callable[[Document], None]


class OldVersion(msgspec.Struct, frozen=True):
    """A kind under another version: `kind` is the present one, `old` the same under the other.

    `since` and `until` are the versions of Kubernetes that deprecated and dropped it; empty for a
    version that is no older than the present one. Where the fields differ, `to_present` and
    `from_present` change a document; `complete` fills in what a new object may leave out there.
    `selectable` are the fields that field selectors call otherwise.
    """

    kind: type[Kind]
    old: type[Kind]
    since: str = ""
    until: str = ""
    to_present: Conversion | None = None
    from_present: Conversion | None = None
    complete: Conversion | None = None
    selectable: Mapping[str, str] = {}

    @property
    def warning(self) -> str:
        """What clients are told, in Kubernetes' words; empty where there is nothing to tell."""
        if not self.since:
            return ""
        old, present = self.old.info, self.kind.info
        return (
            f"{old.api_version} {old.kind} is deprecated in {self.since}+, unavailable in"
            f" {self.until}+; use {present.api_version} {present.kind}"
        )


def _old_version(
    kind: type[Kind],
    api_version: str,
    since: str,
    until: str,
    *,
    to_present: Conversion | None = None,
    from_present: Conversion | None = None,
    complete: Conversion | None = None,
) -> OldVersion:
    group, _, version = api_version.rpartition("/")
    old: type[Kind] = KindMeta(
        kind.__name__, (kind,), {"__doc__": kind.__doc__}, group=group, version=version
    )
    # Without short names and categories: `kubectl get all` is to show each object once.
    old.info = msgspec.structs.replace(
        kind.info, group=group, version=version, short_names=(), categories=(), has_scale=False
    )
    return OldVersion(kind, old, since, until, to_present, from_present, complete)


def _old_ingress(api_version: str, since: str) -> OldVersion:
    return _old_version(
        *(Ingress, api_version, since, "v1.22"),
        to_present=version_fields.ingress_from_beta,
        from_present=version_fields.ingress_to_beta,
    )


_ALL = (
    OldVersion(
        Event,
        event_v1.Event,
        to_present=version_fields.event_to_core,
        from_present=version_fields.event_from_core,
        selectable=EVENT_FIELDS,
    ),
    OldVersion(
        HorizontalPodAutoscaler,
        autoscaling_v1.HorizontalPodAutoscaler,
        to_present=version_fields.autoscaler_from_v1,
        from_present=version_fields.autoscaler_to_v1,
    ),
    _old_version(Deployment, "apps/v1beta2", "v1.9", "v1.16"),
    _old_version(ReplicaSet, "apps/v1beta2", "v1.9", "v1.16"),
    _old_version(StatefulSet, "apps/v1beta2", "v1.9", "v1.16"),
    _old_version(DaemonSet, "apps/v1beta2", "v1.9", "v1.16"),
    _old_version(Deployment, "apps/v1beta1", "v1.8", "v1.16", complete=select_template),
    _old_version(StatefulSet, "apps/v1beta1", "v1.8", "v1.16", complete=select_template),
    _old_version(Deployment, "extensions/v1beta1", "v1.8", "v1.16", complete=select_template),
    _old_version(ReplicaSet, "extensions/v1beta1", "v1.8", "v1.16", complete=select_template),
    _old_version(DaemonSet, "extensions/v1beta1", "v1.8", "v1.16", complete=select_template),
    _old_version(NetworkPolicy, "extensions/v1beta1", "v1.9", "v1.16"),
    _old_ingress("extensions/v1beta1", "v1.14"),
    _old_ingress("networking.k8s.io/v1beta1", "v1.19"),
    _old_version(IngressClass, "networking.k8s.io/v1beta1", "v1.19", "v1.22"),
    _old_version(CronJob, "batch/v1beta1", "v1.21", "v1.25"),
    _old_version(PodDisruptionBudget, "policy/v1beta1", "v1.21", "v1.25"),
    _old_version(HorizontalPodAutoscaler, "autoscaling/v2beta2", "v1.23", "v1.26"),
    _old_version(PriorityClass, "scheduling.k8s.io/v1beta1", "v1.14", "v1.22"),
    _old_version(RuntimeClass, "node.k8s.io/v1beta1", "v1.22", "v1.25"),
    _old_version(StorageClass, "storage.k8s.io/v1beta1", "v1.19", "v1.22"),
    _old_version(VolumeAttachment, "storage.k8s.io/v1beta1", "v1.19", "v1.22"),
    _old_version(CSIDriver, "storage.k8s.io/v1beta1", "v1.19", "v1.22"),
    _old_version(CSINode, "storage.k8s.io/v1beta1", "v1.19", "v1.22"),
    _old_version(
        *(EndpointSlice, "discovery.k8s.io/v1beta1", "v1.21", "v1.25"),
        to_present=version_fields.slice_from_beta,
        from_present=version_fields.slice_to_beta,
    ),
)

OLD_KINDS = tuple(version.old for version in _ALL)
MOVED_KINDS = tuple(
    version.old
    for version in _ALL
    if version.since and version.old.info.group != version.kind.info.group
)
"""Those that have another group by now: `extensions`."""
_BY_OLD_KIND = {version.old: version for version in _ALL}
_PRESENT = {version.old.info: version.kind.info for version in _ALL}


def stored_as(info: KindInfo) -> KindInfo:
    """The version that objects are stored in: the present one for an old one, else the same."""
    return _PRESENT.get(info, info)


def old_version_of(target: Target) -> OldVersion | None:
    """The other version that a path names, if it does."""
    return _BY_OLD_KIND.get(target.kind)


def convert_parameters(parameters: Parameters, old: OldVersion) -> None:
    """Have field selectors name the fields as the present version does."""
    if old.selectable:
        parameters.rename_fields(old.selectable)


async def convert_request(request: web.BaseRequest, old: OldVersion) -> None:
    """Have the body read in the present version. What can't be read is left to whoever reads it.

    Raises `BadRequest` where the body is in another version than the path.
    """
    document = _document(await read_body(request), request.headers.get("Content-Type", ""))
    if document is None or document.get("kind") not in (old.kind.info.kind, None):
        return
    named, expected = document.get("apiVersion"), old.old.info.api_version
    if named is not None and named != expected:
        raise BadRequest(
            f"the API version in the data ({named}) does not match the expected API version"
            f" ({expected})"
        )
    if named is not None:
        document["apiVersion"] = old.kind.info.api_version
    if request.method == "POST" and old.complete is not None:
        old.complete(document)
    if old.to_present is not None:
        old.to_present(document)
    request[CONVERTED_BODY] = msgspec.json.encode(document)


def _document(body: bytes, content_type: str) -> Document | None:
    """A body as plain values; None where it is no object that can be read."""
    try:
        document: Any
        document = (
            decode_protobuf(body) if is_protobuf(content_type) else decode_configuration(body)
        )
    except (BadRequest, ProtobufError):
        return None
    return document if isinstance(document, dict) else None


def convert_answer(answer: web.StreamResponse, old: OldVersion) -> None:
    """Put the objects of an answer in the other version; warn of it where it is old."""
    if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        return  # a watch, which has told everything in the other version already
    if old.warning:
        add_warning(answer, old.warning)
    document = msgspec.json.decode(answer.body)
    rows = [row.get("object") for row in document.get("rows") or ()]
    for part in (document, *(document.get("items") or ()), *rows):
        convert_document(part, old)
    answer.body = msgspec.json.encode(document)


def convert_document(document: Any, old: OldVersion) -> None:
    """Put an object, or a list's head, that is in the present version in the other one."""
    info = old.kind.info
    if not isinstance(document, dict) or document.get("apiVersion") != info.api_version:
        return
    document["apiVersion"] = old.old.info.api_version
    if document.get("kind") == info.kind and old.from_present is not None:
        old.from_present(document)


def wire_in(wire: bytes, shown_as: type[Kind]) -> bytes:
    """An object's JSON, which is in the present version, in another one."""
    old = _BY_OLD_KIND[shown_as]
    if old.from_present is None:  # the version stands near the beginning, before anything like it
        present, shown = old.kind.info.api_version, old.old.info.api_version
        return wire.replace(_api_version(present), _api_version(shown), 1)
    document = msgspec.json.decode(wire)
    convert_document(document, old)
    return msgspec.json.encode(document)


def _api_version(version: str) -> bytes:
    return b'"apiVersion":"%b"' % version.encode()
