"""configMap, secret, downwardAPI and projected volumes: which files they are made of (pure)."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from kernel.objects.pod import Pod
from kernel.objects.volume import DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection
from kernel.reconcilers.pod.configuration.environment import (
    ConfigError,
    ProjectedToken,
    Sources,
    config_map_named,
    field_value,
    resource_value,
    secret_named,
)
from kernel.reconcilers.pod.volumes.files import File, Files
from kernel.reconcilers.pod.volumes.tokens import token_file, token_mode, token_owner

DEFAULT_MODE = 0o644


def is_made_of_objects(volume: Volume) -> bool:
    """Whether the volume's files follow objects of the API."""
    return bool(volume.config_map or volume.secret or volume.downward_api or volume.projected)


def files_of(pod: Pod, volume: Volume, sources: Sources) -> Files:
    """The files of a volume that is made of objects. Raises `ConfigError`."""
    if volume.config_map is not None:
        source = volume.config_map
        return _config_map_files(
            sources, source.name, source.optional, source.items, source.default_mode
        )
    if volume.secret is not None:
        secret = volume.secret
        return _secret_files(
            sources, secret.secret_name, secret.optional, secret.items, secret.default_mode
        )
    if volume.downward_api is not None:
        downward = volume.downward_api
        return _downward_files(pod, downward.items, downward.default_mode, sources)
    assert volume.projected is not None
    files: Files = {}
    default_mode = volume.projected.default_mode
    for projection in volume.projected.sources:
        files |= _projected_files(pod, volume.name, projection, default_mode, sources)
    return files


def _projected_files(
    pod: Pod,
    volume_name: str,
    projection: VolumeProjection,
    default_mode: int | None,
    sources: Sources,
) -> Files:
    if projection.config_map is not None:
        part = projection.config_map
        return _config_map_files(sources, part.name, part.optional, part.items, default_mode)
    if projection.secret is not None:
        secret = projection.secret
        return _secret_files(sources, secret.name, secret.optional, secret.items, default_mode)
    if projection.downward_api is not None:
        return _downward_files(pod, projection.downward_api.items, default_mode, sources)
    if projection.service_account_token is not None:
        path = projection.service_account_token.path
        held = sources.tokens.get(token_file(volume_name, path), ProjectedToken(""))
        if not held.token:
            raise ConfigError(held.problem)
        mode = token_mode(pod, DEFAULT_MODE if default_mode is None else default_mode)
        return {_safe(path): File(held.token.encode(), mode, token_owner(pod))}
    wire: dict[str, object] = msgspec.to_builtins(projection)
    kind = next(iter(wire), "of an unknown type")
    raise ConfigError(f"projected source {kind} is not supported by podkernel")


def _config_map_files(
    sources: Sources,
    name: str,
    optional: bool | None,
    items: Sequence[KeyToPath],
    default_mode: int | None,
) -> Files:
    config_map = config_map_named(sources, name, optional)
    content: dict[str, bytes] = {}
    if config_map is not None:
        content = {key: text.encode() for key, text in config_map.data.items()}
        content |= {key: base64.b64decode(data) for key, data in config_map.binary_data.items()}
    missing = "configmap references non-existent config key: "
    return _chosen(content, items, default_mode, bool(optional), missing)


def _secret_files(
    sources: Sources,
    name: str,
    optional: bool | None,
    items: Sequence[KeyToPath],
    default_mode: int | None,
) -> Files:
    secret = secret_named(sources, name, optional)
    data = secret.data if secret else {}
    content = {key: base64.b64decode(encoded) for key, encoded in data.items()}
    missing = "references non-existent secret key: "
    return _chosen(content, items, default_mode, bool(optional), missing)


def _chosen(
    content: Mapping[str, bytes],
    items: Sequence[KeyToPath],
    default_mode: int | None,
    optional: bool,
    missing: str,
) -> Files:
    """All keys as files of their names, or those that `items` lists."""
    mode = DEFAULT_MODE if default_mode is None else default_mode
    if not items:
        return {key: File(data, mode) for key, data in content.items()}
    files: Files = {}
    for item in items:
        if item.key in content:
            item_mode = mode if item.mode is None else item.mode
            files[_safe(item.path)] = File(content[item.key], item_mode)
        elif not optional:
            raise ConfigError(missing + item.key)
    return files


def _downward_files(
    pod: Pod, items: Sequence[DownwardAPIVolumeFile], default_mode: int | None, sources: Sources
) -> Files:
    files: Files = {}
    for item in items:
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref.field_path, sources)
        elif item.resource_field_ref is not None:
            text = resource_value(pod, item.resource_field_ref, sources)
        else:
            text = ""
        mode = item.mode if item.mode is not None else default_mode
        files[_safe(item.path)] = File(text.encode(), DEFAULT_MODE if mode is None else mode)
    return files


def _safe(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        raise ConfigError(f'path "{path}" must be relative and must not contain ".."')
    return str(PurePosixPath(*parts))
