"""Manifests as the Pods that they ask for, made ready for one node."""

import hashlib
from collections.abc import Iterable

import msgspec

from kernel.api.manifest import Document, ManifestError, decode_document, load_manifest
from kernel.control.informer import ObjectKey
from kernel.objects.affinity import Toleration
from kernel.objects.kinds import KindTable
from kernel.objects.pod import Pod

MANIFEST_BYTES_MAX = 10 * 1024 * 1024

_POD_KINDS = KindTable([Pod])


class WantedPod(msgspec.Struct, frozen=True):
    """A Pod that a manifest asks for, made ready for its node. `hash` changes with what is said of
    it, and with where that stands; `document` is the place."""

    pod: Pod
    hash: str
    document: Document


def pods_of(data: bytes, origin: str, node_name: str) -> list[WantedPod]:
    """The Pods of one manifest; `origin` is its path or URL. Raises `ManifestError`."""
    pods: list[WantedPod] = []
    problems: list[str] = []
    for document in load_manifest(data, origin):
        try:
            pods.append(_wanted(document, node_name))
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise ManifestError(problems)
    return pods


def by_name(pods: Iterable[WantedPod]) -> tuple[dict[ObjectKey, WantedPod], dict[str, WantedPod]]:
    """The Pods by their names; and a complaint for each whose name another one before it has."""
    wanted: dict[ObjectKey, WantedPod] = {}
    problems: dict[str, WantedPod] = {}
    for one in pods:
        metadata = one.pod.metadata
        first = wanted.setdefault((metadata.namespace, metadata.name), one)
        if first is not one:
            message = f"{first.document.source} asks for a Pod of that name already"
            problems[one.document.problem("metadata.name", message)] = one
    return wanted, problems


def _wanted(document: Document, node_name: str) -> WantedPod:
    if document.value.get("kind") != "Pod":
        kind = document.value.get("kind")
        message = f"only Pods can be static Pods, not {kind}" if kind else "missing kind"
        raise ManifestError([document.problem("kind", message)])
    pod = decode_document(document, _POD_KINDS)
    assert isinstance(pod, Pod)
    if not pod.metadata.name:
        raise ManifestError([document.problem("metadata.name", "missing required field")])
    content = msgspec.json.encode(document.value, order="deterministic")
    origin = f"{node_name}\n{document.source}\n".encode()
    hash = hashlib.sha256(origin + content).hexdigest()[:32]
    _prepare(pod, node_name)
    return WantedPod(pod, hash, document)


def _prepare(pod: Pod, node_name: str) -> None:
    """Make it a Pod of this node, as the kubelet does (pkg/kubelet/config/common.go)."""
    pod.metadata.name = f"{pod.metadata.name}-{node_name.lower()}"
    pod.metadata.namespace = pod.metadata.namespace or "default"
    pod.metadata.resource_version = ""
    pod.spec.node_name = node_name
    everything = Toleration(operator="Exists", effect="NoExecute")
    if everything not in pod.spec.tolerations:
        pod.spec.tolerations.append(everything)
