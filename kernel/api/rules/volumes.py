"""The rules of a Pod's volumes (core/v1 validation.go)."""

from collections.abc import Sequence

from kernel.api.causes import Causes
from kernel.api.rules.containers import (
    check_descending_path,
    check_field_reference,
    check_resource_reference,
)
from kernel.api.rules.core import check_quantity
from kernel.objects.name_syntax import data_key_errors, label_name_errors
from kernel.objects.volume import (
    DownwardAPIVolumeFile,
    HostPathVolumeSource,
    KeyToPath,
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)

FILE_MODE_MAX = 0o777
TOKEN_EXPIRATION_SECONDS_MIN = 600
TOKEN_EXPIRATION_SECONDS_MAX = 1 << 32

_MODE_RULE = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATH_TYPES = (
    *("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File"),
    *("FileOrCreate", "Socket"),
)
_FILE_FIELDS = (
    *("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace"),
    "metadata.uid",
)
_SOURCES = {
    python_name: name
    for python_name, name in zip(
        Volume.__struct_fields__, Volume.__struct_encode_fields__, strict=True
    )
    if python_name != "name"
}


def check_volumes(volumes: Sequence[Volume], path: str, causes: Causes) -> None:
    """Volumes have distinct names and one source each."""
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"{path}[{index}]"
        if volume.name:
            causes.invalid(f"{here}.name", volume.name, *label_name_errors(volume.name))
        else:
            causes.required(f"{here}.name")
        if volume.name in names:
            causes.duplicate(f"{here}.name", volume.name)
        names.add(volume.name)
        given = [name for field, name in _SOURCES.items() if getattr(volume, field) is not None]
        if not given:
            causes.required(here, "must specify a volume type")
        for name in given[1:]:
            causes.forbidden(f"{here}.{name}", "may not specify more than 1 volume type")
        _check_source(volume, here, causes)


def _check_source(volume: Volume, path: str, causes: Causes) -> None:
    if volume.host_path is not None:
        _check_host_path(volume.host_path, f"{path}.hostPath", causes)
    if volume.empty_dir is not None and volume.empty_dir.size_limit:
        check_quantity(volume.empty_dir.size_limit, f"{path}.emptyDir.sizeLimit", causes)
    if volume.secret is not None:
        if not volume.secret.secret_name:
            causes.required(f"{path}.secret.secretName")
        _check_mode(volume.secret.default_mode, f"{path}.secret.defaultMode", causes)
        _check_items(volume.secret.items, f"{path}.secret.items", causes)
    if volume.config_map is not None:
        if not volume.config_map.name:
            causes.required(f"{path}.configMap.name")
        _check_mode(volume.config_map.default_mode, f"{path}.configMap.defaultMode", causes)
        _check_items(volume.config_map.items, f"{path}.configMap.items", causes)
    if volume.downward_api is not None:
        _check_mode(volume.downward_api.default_mode, f"{path}.downwardAPI.defaultMode", causes)
        _check_files(volume.downward_api.items, f"{path}.downwardAPI", causes)
    if volume.projected is not None:
        _check_projected(volume.projected, f"{path}.projected", causes)
    claim = volume.persistent_volume_claim
    if claim is not None and not claim.claim_name:
        causes.required(f"{path}.persistentVolumeClaim.claimName")
    if volume.csi is not None and not volume.csi.driver:
        causes.required(f"{path}.csi.driver")


def _check_host_path(source: HostPathVolumeSource, path: str, causes: Causes) -> None:
    if not source.path:
        causes.required(f"{path}.path")
    if ".." in source.path.split("/"):
        causes.invalid(f"{path}.path", source.path, "must not contain '..'")
    if source.type is not None and source.type not in _HOST_PATH_TYPES:
        causes.unsupported(f"{path}.type", source.type, _HOST_PATH_TYPES)


def _check_mode(mode: int | None, path: str, causes: Causes) -> None:
    if mode is not None and not 0 <= mode <= FILE_MODE_MAX:
        causes.invalid(path, mode, _MODE_RULE)


def _check_relative(text: str, path: str, causes: Causes) -> None:
    if text:
        check_descending_path(text, path, causes)
        if text.startswith("..") and ".." not in text.split("/"):
            causes.invalid(path, text, "must not start with '..'")
    else:
        causes.required(path)


def _check_items(items: Sequence[KeyToPath], path: str, causes: Causes) -> None:
    for index, item in enumerate(items):
        here = f"{path}[{index}]"
        if item.key:
            causes.invalid(f"{here}.key", item.key, *data_key_errors(item.key))
        else:
            causes.required(f"{here}.key")
        _check_relative(item.path, f"{here}.path", causes)
        _check_mode(item.mode, f"{here}.mode", causes)


def _check_files(files: Sequence[DownwardAPIVolumeFile], path: str, causes: Causes) -> None:
    for file in files:
        _check_relative(file.path, f"{path}.path", causes)
        if file.field_ref is not None:
            check_field_reference(file.field_ref, _FILE_FIELDS, f"{path}.fieldRef", causes)
            if file.resource_field_ref is not None:
                rule = "fieldRef and resourceFieldRef can not be specified simultaneously"
                causes.invalid(path, "resource", rule)
        elif file.resource_field_ref is not None:
            here = f"{path}.resourceFieldRef"
            if not file.resource_field_ref.container_name:
                causes.required(f"{here}.containerName")
            check_resource_reference(file.resource_field_ref, here, causes)
        else:
            causes.required(path, "one of fieldRef and resourceFieldRef is required")
        _check_mode(file.mode, f"{path}.mode", causes)


def _check_projected(source: ProjectedVolumeSource, path: str, causes: Causes) -> None:
    _check_mode(source.default_mode, f"{path}.defaultMode", causes)
    for index, projection in enumerate(source.sources):
        here = f"{path}.sources[{index}]"
        given = [
            name
            for field, name in zip(
                projection.__struct_fields__, projection.__struct_encode_fields__, strict=True
            )
            if getattr(projection, field) is not None
        ]
        for name in given[1:]:
            causes.forbidden(f"{here}.{name}", "may not specify more than 1 volume type")
        _check_projection(projection, here, causes)


def _check_projection(projection: VolumeProjection, path: str, causes: Causes) -> None:
    for name, source in (("secret", projection.secret), ("configMap", projection.config_map)):
        if source is not None:
            if not source.name:
                causes.required(f"{path}.{name}.name")
            _check_items(source.items, f"{path}.{name}.items", causes)
    if projection.downward_api is not None:
        _check_files(projection.downward_api.items, f"{path}.downwardAPI", causes)
    if projection.service_account_token is not None:
        _check_token(projection.service_account_token, f"{path}.serviceAccountToken", causes)


def _check_token(token: ServiceAccountTokenProjection, path: str, causes: Causes) -> None:
    seconds, here = token.expiration_seconds, f"{path}.expirationSeconds"
    if seconds is not None and seconds < TOKEN_EXPIRATION_SECONDS_MIN:
        causes.invalid(here, seconds, "may not specify a duration less than 10 minutes")
    if seconds is not None and seconds > TOKEN_EXPIRATION_SECONDS_MAX:
        causes.invalid(here, seconds, "may not specify a duration larger than 2^32 seconds")
    _check_relative(token.path, f"{path}.path", causes)
