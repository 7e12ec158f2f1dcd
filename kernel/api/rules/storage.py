"""The rules of classes of storage and their drivers (storage/v1 defaults.go and validation.go)."""

from typing import Any

from kernel.api.causes import Causes
from kernel.api.rules.by_kind import KindRules
from kernel.api.rules.core import check_quantity
from kernel.api.rules.persistent_volumes import check_access_modes, check_sources
from kernel.api.rules.workloads import check_label_selector
from kernel.objects.name_syntax import qualified_name_errors, subdomain_name_errors
from kernel.objects.storage import (
    CSIDriver,
    CSINode,
    CSINodeDriver,
    CSIStorageCapacity,
    DriverTokenRequest,
    StorageClass,
    VolumeAttachment,
)

PARAMETERS_MAX = 512
PARAMETERS_BYTES_MAX = 256 * 1024
TOKEN_SECONDS_MIN, TOKEN_SECONDS_MAX = 600, 2**32

_IMMUTABLE = "field is immutable"
_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLE_MODES = ("Ephemeral", "Persistent")


def _default_class(storage_class: StorageClass) -> None:
    storage_class.reclaim_policy = storage_class.reclaim_policy or "Delete"
    storage_class.volume_binding_mode = storage_class.volume_binding_mode or "Immediate"


def _check_class(storage_class: StorageClass, causes: Causes) -> None:
    provisioner, parameters = storage_class.provisioner, storage_class.parameters
    if provisioner:
        errors = qualified_name_errors(provisioner.lower())
        causes.invalid("provisioner", provisioner, *errors)
    else:
        causes.required("provisioner")
    if len(parameters) > PARAMETERS_MAX:
        causes.too_many("parameters", len(parameters), PARAMETERS_MAX)
    if "" in parameters:
        causes.invalid("parameters", "", "field can not be empty.")
    size_bytes = sum(len(key.encode()) + len(text.encode()) for key, text in parameters.items())
    if size_bytes > PARAMETERS_BYTES_MAX:
        causes.too_long("parameters", PARAMETERS_BYTES_MAX)
    _check_choice("reclaimPolicy", storage_class.reclaim_policy, _RECLAIM_POLICIES, causes)
    _check_choice("volumeBindingMode", storage_class.volume_binding_mode, _BINDING_MODES, causes)


def _check_class_update(new: StorageClass, old: StorageClass, causes: Causes) -> None:
    for field, name in (
        ("parameters", "parameters"),
        ("provisioner", "provisioner"),
        ("reclaim_policy", "reclaimPolicy"),
    ):
        if getattr(new, field) != getattr(old, field):
            causes.forbidden(name, f"updates to {name} are forbidden.")
    _check_same("volumeBindingMode", new.volume_binding_mode, old.volume_binding_mode, causes)


def _check_attachment(attachment: VolumeAttachment, causes: Causes) -> None:
    spec, source = attachment.spec, attachment.spec.source
    if spec.attacher:
        causes.invalid("spec.attacher", spec.attacher, *subdomain_name_errors(spec.attacher))
    else:
        causes.required("spec.attacher")
    both = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    name, inline = source.persistent_volume_name, source.inline_volume_spec
    if name is None and inline is None:
        causes.required("spec.source", both)
    elif name is not None and inline is not None:
        causes.forbidden("spec.source", both)
    elif name == "":
        rule = "must specify non empty persistentVolumeName"
        causes.required("spec.source.persistentVolumeName", rule)
    elif inline is not None:
        path = "spec.source.inlineVolumeSpec"
        check_access_modes(inline, path, causes)
        check_sources(inline, path, causes)
    errors = subdomain_name_errors(spec.node_name)
    causes.invalid("spec.nodeName", spec.node_name, *errors)


def _check_attachment_update(new: VolumeAttachment, old: VolumeAttachment, causes: Causes) -> None:
    _check_same("spec", new.spec, old.spec, causes)


def _default_driver(driver: CSIDriver) -> None:
    spec = driver.spec
    spec.attach_required = spec.attach_required is not False
    spec.pod_info_on_mount = bool(spec.pod_info_on_mount)
    spec.storage_capacity = bool(spec.storage_capacity)
    spec.requires_republish = bool(spec.requires_republish)
    spec.se_linux_mount = bool(spec.se_linux_mount)
    spec.fs_group_policy = spec.fs_group_policy or "ReadWriteOnceWithFSType"
    spec.volume_lifecycle_modes = spec.volume_lifecycle_modes or ["Persistent"]


def _check_driver(driver: CSIDriver, causes: Causes) -> None:
    spec = driver.spec
    _check_choice("spec.fsGroupPolicy", spec.fs_group_policy, _FS_GROUP_POLICIES, causes)
    for mode in spec.volume_lifecycle_modes:
        if mode not in _LIFECYCLE_MODES:
            causes.unsupported("spec.volumeLifecycleModes", mode, _LIFECYCLE_MODES)
    audiences: set[str] = set()
    for index, request in enumerate(spec.token_requests):
        path = f"spec.tokenRequests[{index}]"
        if request.audience in audiences:
            causes.duplicate(f"{path}.audience", request.audience)
        audiences.add(request.audience)
        _check_token_seconds(request, f"{path}.expirationSeconds", causes)


def _check_token_seconds(request: DriverTokenRequest, path: str, causes: Causes) -> None:
    seconds = request.expiration_seconds
    if seconds is None:
        return
    if seconds < TOKEN_SECONDS_MIN:
        causes.invalid(path, seconds, "may not specify a duration less than 10 minutes")
    elif seconds > TOKEN_SECONDS_MAX:
        causes.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")


def _check_driver_update(new: CSIDriver, old: CSIDriver, causes: Causes) -> None:
    _check_same("spec.attachRequired", new.spec.attach_required, old.spec.attach_required, causes)
    modes = new.spec.volume_lifecycle_modes, old.spec.volume_lifecycle_modes
    _check_same("spec.volumeLifecycleModes", *modes, causes)


def _check_node(node: CSINode, causes: Causes) -> None:
    names: set[str] = set()
    for index, driver in enumerate(node.spec.drivers):
        path = f"spec.drivers[{index}]"
        _check_node_driver(driver, path, causes)
        if driver.name in names:
            causes.duplicate(f"{path}.name", driver.name)
        names.add(driver.name)


def _check_node_driver(driver: CSINodeDriver, path: str, causes: Causes) -> None:
    if driver.name:
        causes.invalid(f"{path}.name", driver.name, *subdomain_name_errors(driver.name.lower()))
    else:
        causes.required(f"{path}.name")
    if not driver.node_id:
        causes.required(f"{path}.nodeID")
    if driver.allocatable is not None and driver.allocatable.count is not None:
        causes.at_least(f"{path}.allocatable.count", driver.allocatable.count, 0)
    for index, key in enumerate(driver.topology_keys):
        here = f"{path}.topologyKeys[{index}]"
        if key in driver.topology_keys[:index]:
            causes.duplicate(here, key)
        causes.invalid(here, key, *qualified_name_errors(key))


def _check_capacity(capacity: CSIStorageCapacity, causes: Causes) -> None:
    errors = subdomain_name_errors(capacity.storage_class_name)
    causes.invalid("storageClassName", capacity.storage_class_name, *errors)
    if capacity.capacity is not None:
        check_quantity(capacity.capacity, "capacity", causes)
    if capacity.maximum_volume_size is not None:
        check_quantity(capacity.maximum_volume_size, "maximumVolumeSize", causes)
    if capacity.node_topology is not None:
        check_label_selector(capacity.node_topology, "nodeTopology", causes)


def _check_capacity_update(
    new: CSIStorageCapacity, old: CSIStorageCapacity, causes: Causes
) -> None:
    _check_same("nodeTopology", new.node_topology, old.node_topology, causes)
    _check_same("storageClassName", new.storage_class_name, old.storage_class_name, causes)


def _check_choice(path: str, value: str | None, choices: tuple[str, ...], causes: Causes) -> None:
    if value not in choices:
        causes.unsupported(path, value, choices)


def _check_same(path: str, new: Any, old: Any, causes: Causes) -> None:
    if new != old:
        causes.invalid(path, new, _IMMUTABLE)


RULES = {
    StorageClass: KindRules(_default_class, _check_class, _check_class_update),
    VolumeAttachment: KindRules(check=_check_attachment, check_update=_check_attachment_update),
    CSIDriver: KindRules(_default_driver, _check_driver, _check_driver_update),
    CSINode: KindRules(check=_check_node),
    CSIStorageCapacity: KindRules(check=_check_capacity, check_update=_check_capacity_update),
}
