"""The rules of PersistentVolumes (core/v1 defaults.go and validation.go)."""

import posixpath

import msgspec

from kernel.api.causes import Causes
from kernel.api.rules.by_kind import KindRules
from kernel.api.rules.core import check_quantity
from kernel.api.rules.policies import ACCESS_MODES
from kernel.objects.name_syntax import subdomain_name_errors
from kernel.objects.persistent_volume import PersistentVolume, PersistentVolumeSpec
from kernel.objects.quantity import QuantityError, parse_quantity
from kernel.objects.volume import HostPathVolumeSource

_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_VOLUME_MODES = ("Block", "Filesystem")
_NO_SOURCE = {
    *("capacity", "access_modes", "claim_ref", "persistent_volume_reclaim_policy"),
    *("storage_class_name", "mount_options", "volume_mode", "node_affinity"),
    "volume_attributes_class_name",
}


def _default(volume: PersistentVolume) -> None:
    spec = volume.spec
    spec.persistent_volume_reclaim_policy = spec.persistent_volume_reclaim_policy or "Retain"
    spec.volume_mode = spec.volume_mode or "Filesystem"
    if spec.host_path is not None and spec.host_path.type is None:
        spec.host_path.type = ""
    volume.status.phase = volume.status.phase or "Pending"


def _check(volume: PersistentVolume, causes: Causes) -> None:
    spec = volume.spec
    check_access_modes(spec, "spec", causes)
    if not spec.capacity:
        causes.required("spec.capacity")
    if set(spec.capacity) != {"storage"}:
        causes.unsupported("spec.capacity", spec.capacity, ("storage",))
    for name, amount in spec.capacity.items():
        path = f"spec.capacity[{name}]"
        check_quantity(amount, path, causes)
        if _is_zero(amount):
            causes.invalid(path, amount, "must be greater than zero")
    policy = spec.persistent_volume_reclaim_policy
    if policy not in _RECLAIM_POLICIES:
        causes.unsupported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES)
    check_sources(spec, "spec", causes)
    if spec.local is not None and (spec.node_affinity is None or not spec.node_affinity.required):
        causes.required("spec.nodeAffinity", "Local volume requires node affinity")
    host_path = "" if spec.host_path is None else spec.host_path.path
    if host_path and policy == "Recycle" and posixpath.normpath(host_path) == "/":
        rule = "may not be 'recycle' for a hostPath mount of '/'"
        causes.forbidden("spec.persistentVolumeReclaimPolicy", rule)
    if spec.storage_class_name:
        errors = subdomain_name_errors(spec.storage_class_name)
        causes.invalid("spec.storageClassName", spec.storage_class_name, *errors)
    if spec.volume_mode not in _VOLUME_MODES:
        causes.unsupported("spec.volumeMode", spec.volume_mode, _VOLUME_MODES)


def check_access_modes(spec: PersistentVolumeSpec, path: str, causes: Causes) -> None:
    """At least one mode; the one that lets a single Pod in stands alone."""
    if not spec.access_modes:
        causes.required(f"{path}.accessModes")
    for mode in spec.access_modes:
        if mode not in ACCESS_MODES:
            causes.unsupported(f"{path}.accessModes", mode, ACCESS_MODES)
    if "ReadWriteOncePod" in spec.access_modes and len(set(spec.access_modes)) > 1:
        rule = "may not use ReadWriteOncePod with other access modes"
        causes.forbidden(f"{path}.accessModes", rule)


def check_sources(spec: PersistentVolumeSpec, path: str, causes: Causes) -> None:
    """Exactly one source, whose fields are there."""
    sources = [
        field
        for field in msgspec.structs.fields(spec)
        if field.name not in _NO_SOURCE and getattr(spec, field.name) is not None
    ]
    if not sources:
        causes.required(path, "must specify a volume type")
    for field in sources[1:]:
        causes.forbidden(f"{path}.{field.encode_name}", "may not specify more than 1 volume type")
    if spec.host_path is not None:
        _check_host_path(spec.host_path, f"{path}.hostPath", causes)
    required = []
    if spec.nfs is not None:
        required += [("nfs.server", spec.nfs.server), ("nfs.path", spec.nfs.path)]
        if spec.nfs.path and not spec.nfs.path.startswith("/"):
            causes.invalid(f"{path}.nfs.path", spec.nfs.path, "must be an absolute path")
    if spec.local is not None:
        required.append(("local.path", spec.local.path))
    if spec.csi is not None:
        required += [("csi.driver", spec.csi.driver)]
        required += [("csi.volumeHandle", spec.csi.volume_handle)]
    for name, value in required:
        if not value:
            causes.required(f"{path}.{name}")


def _check_host_path(source: HostPathVolumeSource, path: str, causes: Causes) -> None:
    if not source.path:
        causes.required(f"{path}.path")
    elif ".." in source.path.split("/"):
        causes.invalid(f"{path}.path", source.path, "must not contain '..'")


def _is_zero(amount: str) -> bool:
    try:
        return parse_quantity(amount) == 0
    except QuantityError:
        return False


def _check_update(new: PersistentVolume, old: PersistentVolume, causes: Causes) -> None:
    if any(
        getattr(new.spec, field.name) != getattr(old.spec, field.name)
        for field in msgspec.structs.fields(new.spec)
        if field.name not in _NO_SOURCE
    ):
        rule = "spec.persistentvolumesource is immutable after creation"
        causes.forbidden("spec.persistentvolumesource", rule)
    if new.spec.volume_mode != old.spec.volume_mode:
        causes.invalid("volumeMode", new.spec.volume_mode, "field is immutable")
    affinity = old.spec.node_affinity
    if affinity is not None and new.spec.node_affinity != affinity:
        causes.invalid("nodeAffinity", new.spec.node_affinity, "field is immutable")


RULES = {PersistentVolume: KindRules(_default, _check, _check_update)}
