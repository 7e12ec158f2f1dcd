"""Manifests from the command line: read and checked before anything starts, applied after."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from kernel.api.client import Client, WatchEventType
from kernel.api.custom_resources.custom_kinds import CustomKinds
from kernel.api.defaulting import default
from kernel.api.errors import AlreadyExists, ApiError, NotFound
from kernel.api.manifest import Document, ManifestError, decode_document, load_manifest
from kernel.api.metadata import prepare_create
from kernel.api.transaction import namespace_of
from kernel.api.validation import validate_create
from kernel.cli.failure import CommandFailure
from kernel.clock import Clock
from kernel.objects.custom_object import wire_form
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.namespace import Namespace
from kernel.objects.pod import Pod
from kernel.objects.service import ServiceAccount

# The annotation in which `kubectl apply` keeps what it applied last: it can go on from here.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Manifest(msgspec.Struct, frozen=True):
    """An object from a file, and where it stands there."""

    document: Document
    obj: Kind


def read_manifests(paths: Sequence[Path], kinds: KindTable, clock: Clock) -> list[Manifest]:
    """All objects in the files, in order; kinds that these define are added to `kinds`, for the
    objects that follow. Raises `ManifestError` or `CommandFailure`."""
    custom_kinds = CustomKinds(kinds, clock)
    manifests: list[Manifest] = []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandFailure(f"{path}: {error.strerror}") from error
        documents = load_manifest(content, str(path))
        if not documents:
            raise CommandFailure(f"{path}: there is no object in it")
        for one in documents:
            manifests.append(Manifest(one, decode_document(one, kinds)))
            definition = decode_document(one, kinds)
            if isinstance(definition, CustomResourceDefinition):
                _define(definition, custom_kinds)
    return manifests


def _define(definition: CustomResourceDefinition, custom_kinds: CustomKinds) -> None:
    """Know the kind that a definition will define, unless it will be refused."""
    default(definition)
    definition.metadata.resource_version = "0"
    definition.status = custom_kinds.status_of(definition)
    if not validate_create(definition):
        custom_kinds.take_in(WatchEventType.ADDED, definition)


def check_rules(
    manifests: Sequence[Manifest], kinds: KindTable, hooked: Collection[type[Kind]], clock: Clock
) -> None:
    """Raise `ManifestError` for objects that the API would refuse as they are.

    Kinds that are `hooked` are left out: an admission hook may yet mend what is wrong with them.
    """
    problems: list[str] = []
    for manifest in manifests:
        if type(manifest.obj) in hooked:
            continue
        obj = decode_document(manifest.document, kinds)
        try:
            prepare_create(obj, namespace_of(obj), clock)
        except ApiError as error:
            problems.append(manifest.document.problem("metadata", error.message))
            continue
        default(obj)
        problems += [
            manifest.document.problem(cause.field, cause.message) for cause in validate_create(obj)
        ]
    if problems:
        raise ManifestError(problems)


async def check_with(client: Client, manifests: Sequence[Manifest]) -> None:
    """Raise `ManifestError` for the first object that this API would not take: nothing is applied
    unless all can be. Namespaces and ServiceAccounts that the manifests themselves bring are taken
    to be there."""
    brought = {one.obj.metadata.name for one in manifests if isinstance(one.obj, Namespace)}
    accounts = {_place(one.obj) for one in manifests if isinstance(one.obj, ServiceAccount)}
    for manifest in manifests:
        obj = manifest.obj
        if namespace_of(obj) in brought:
            continue
        if isinstance(obj, Pod) and (namespace_of(obj), _account_name(obj)) in accounts:
            continue
        try:
            await client.create(manifest.obj, dry_run=True)
        except AlreadyExists:
            continue
        except ApiError as error:
            raise ManifestError([manifest.document.problem("", error.message)]) from error


def _place(obj: Kind) -> tuple[str, str]:
    return namespace_of(obj), obj.metadata.name


def _account_name(pod: Pod) -> str:
    return pod.spec.service_account_name or pod.spec.service_account


async def apply(obj: Any, client: Client) -> str:
    """Make the object be there as the manifest says; answers what was done, in a word.

    A Pod that differs is replaced: most of a Pod can't be changed.
    """
    obj.metadata.annotations[LAST_APPLIED] = wire_form(obj).decode() + "\n"
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
