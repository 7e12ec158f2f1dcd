"""Manifests from the command line: read and checked before anything starts, applied after."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from kernel.api.client import Client
from kernel.api.errors import AlreadyExists, NotFound
from kernel.api.manifest import decode_document, load_manifest
from kernel.cli.failure import CommandFailure
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.pod import Pod

# The annotation in which `kubectl apply` keeps what it applied last: it can go on from here.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def read_manifests(paths: Sequence[Path], kinds: KindTable) -> list[Kind]:
    """All objects in the files, in order. Raises `ManifestError` or `CommandFailure`."""
    objects: list[Kind] = []
    for path in paths:
        try:
            text = path.read_text()
        except OSError as error:
            raise CommandFailure(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise CommandFailure(f"{path}: not a text file in UTF-8: {error.reason}") from error
        documents = load_manifest(text, str(path))
        objects.extend(decode_document(document, kinds) for document in documents)
    return objects


async def apply(obj: Any, client: Client) -> str:
    """Make the object be there as the manifest says; answers what was done, in a word.

    A Pod that differs is replaced: most of a Pod can't be changed.
    """
    obj.metadata.annotations[LAST_APPLIED] = msgspec.json.encode(obj).decode() + "\n"
    try:
        await client.create(obj)
        return "created"
    except AlreadyExists:
        pass
    kind, name, namespace = type(obj), obj.metadata.name, obj.metadata.namespace or None
    present = await client.get(kind, name, namespace=namespace)
    wanted = obj.metadata.annotations[LAST_APPLIED]
    if present.metadata.annotations.get(LAST_APPLIED) == wanted:
        return "unchanged"
    if isinstance(obj, Pod):
        return await _replace(obj, client)
    obj.metadata.resource_version = present.metadata.resource_version
    await client.update(obj)
    return "configured"


async def _replace(pod: Pod, client: Client) -> str:
    name, namespace = pod.metadata.name, pod.metadata.namespace or None
    with suppress(NotFound):
        await client.delete(Pod, name, namespace=namespace)
    grace = pod.spec.termination_grace_period_seconds or 30
    await client.wait(
        Pod, name, lambda found: found is None, namespace=namespace, timeout_seconds=grace + 30
    )
    await client.create(pod)
    return "replaced"
