"""Kinds under versions that Kubernetes had before: what is sent in an old version is stored in the
present one, and answered in the old one, with a warning.

`kubectl` asks under the version that a manifest names, so old manifests work for create, get,
apply, patch and delete. The events of a watch are told in the present version.
"""

from typing import Any

import msgspec
from aiohttp import web

from kernel.api.errors import BadRequest
from kernel.apiserver.answers import add_warning
from kernel.apiserver.bodies import CONVERTED_BODY, decode_configuration, read_body
from kernel.apiserver.targets import Target
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.kind import Kind, KindInfo, KindMeta


class OldVersion(msgspec.Struct, frozen=True):
    """A kind under an old version: `kind` is the present one, `old` the same under the old name.

    `since` is the version of Kubernetes that deprecated it. Where `selects_template`, an object
    without a selector selects the labels of its template.
    """

    kind: type[Kind]
    old: type[Kind]
    since: str
    selects_template: bool

    @property
    def warning(self) -> str:
        """What clients are told, in Kubernetes' words."""
        old, present = self.old.info, self.kind.info
        return (
            f"{old.api_version} {old.kind} is deprecated in {self.since}+, unavailable in v1.16+;"
            f" use {present.api_version} {present.kind}"
        )


def _old_version(
    kind: type[Kind], group: str, version: str, since: str, *, selects_template: bool
) -> OldVersion:
    old: type[Kind] = KindMeta(
        kind.__name__, (kind,), {"__doc__": kind.__doc__}, group=group, version=version
    )
    # Without short names and categories: `kubectl get all` is to show each object once.
    old.info = msgspec.structs.replace(
        kind.info, group=group, version=version, short_names=(), categories=()
    )
    return OldVersion(kind, old, since, selects_template)


_ALL = (
    _old_version(Deployment, "apps", "v1beta2", "v1.9", selects_template=False),
    _old_version(ReplicaSet, "apps", "v1beta2", "v1.9", selects_template=False),
    _old_version(StatefulSet, "apps", "v1beta2", "v1.9", selects_template=False),
    _old_version(DaemonSet, "apps", "v1beta2", "v1.9", selects_template=False),
    _old_version(Deployment, "apps", "v1beta1", "v1.8", selects_template=True),
    _old_version(StatefulSet, "apps", "v1beta1", "v1.8", selects_template=True),
    _old_version(Deployment, "extensions", "v1beta1", "v1.8", selects_template=True),
    _old_version(ReplicaSet, "extensions", "v1beta1", "v1.8", selects_template=True),
    _old_version(DaemonSet, "extensions", "v1beta1", "v1.8", selects_template=True),
)

OLD_KINDS = tuple(version.old for version in _ALL)
_BY_OLD_KIND = {version.old: version for version in _ALL}
_PRESENT = {version.old.info: version.kind.info for version in _ALL}


def stored_as(info: KindInfo) -> KindInfo:
    """The version that objects are stored in: the present one for an old one, else the same."""
    return _PRESENT.get(info, info)


def old_version_of(target: Target) -> OldVersion | None:
    """The old version that a path names, if it does."""
    return _BY_OLD_KIND.get(target.kind)


async def convert_request(request: web.BaseRequest, old: OldVersion) -> None:
    """Have the body read in the present version. What can't be read is left to whoever reads it.

    Raises `BadRequest` where the body is in another version than the path.
    """
    body = await read_body(request)
    try:
        document = decode_configuration(body)
    except BadRequest:
        return
    if not isinstance(document, dict) or document.get("kind") not in (old.kind.info.kind, None):
        return
    named, expected = document.get("apiVersion"), old.old.info.api_version
    if named is not None and named != expected:
        raise BadRequest(
            f"the API version in the data ({named}) does not match the expected API version"
            f" ({expected})"
        )
    if named is not None:
        document["apiVersion"] = old.kind.info.api_version
    if request.method == "POST" and old.selects_template:
        _select_template(document)
    request[CONVERTED_BODY] = msgspec.json.encode(document)


def convert_answer(answer: web.StreamResponse, old: OldVersion) -> None:
    """Put the objects of an answer in the old version; warn of it."""
    if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        return  # a watch, whose headers and events are sent already
    add_warning(answer, old.warning)
    document = msgspec.json.decode(answer.body)
    rows = [row.get("object") for row in document.get("rows") or ()]
    for part in (document, *(document.get("items") or ()), *rows):
        _rename(part, old)
    answer.body = msgspec.json.encode(document)


def _rename(part: Any, old: OldVersion) -> None:
    info = old.kind.info
    if isinstance(part, dict) and part.get("apiVersion") == info.api_version:
        part["apiVersion"] = old.old.info.api_version


def _select_template(document: dict[str, Any]) -> None:
    spec = document.get("spec")
    if not isinstance(spec, dict) or spec.get("selector") is not None:
        return
    template = spec.get("template")
    metadata = template.get("metadata") if isinstance(template, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if labels:
        spec["selector"] = {"matchLabels": labels}
