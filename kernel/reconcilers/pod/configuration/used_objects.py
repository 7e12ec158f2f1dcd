"""What of ConfigMaps and Secrets a container is started with, to tell when that has changed (pure).

With the annotation `podkernel.dev/restart-on-change: "true"` on a Pod, containers that run are
restarted once an object has changed that they use in their environment or as files. What they were
started with is kept in an annotation of the container, so that the next podkernel knows.
Kubernetes has no such thing: https://github.com/kubernetes/kubernetes/issues/22368
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.objects.volume import KeyToPath, Volume
from kernel.reconcilers.pod.configuration.environment import Sources

RESTART_ON_CHANGE = "podkernel.dev/restart-on-change"
CONFIGURATION = "podkernel.dev/configuration"

_HASH_DIGITS = 16

Configuration = Mapping[str, str]
"""A hash of what is used of each object, by `ConfigMap settings`; empty where there is none."""

_Keys = Iterable[str] | None
_Use = tuple[str, str, _Keys]


def restarts_on_change(pod: Pod) -> bool:
    """Whether the Pod has asked for it. Only where all that ends is started again: elsewhere
    nobody could say of a container that has ended whether it was its own doing."""
    asked = pod.metadata.annotations.get(RESTART_ON_CHANGE) == "true"
    policies = [container.restart_policy or "Always" for container in pod.spec.containers]
    return asked and {pod.spec.restart_policy or "Always", *policies} == {"Always"}


def refused_wish(pod: Pod) -> str:
    """What to say where the annotation is there and can't be followed; empty where it can be."""
    value = pod.metadata.annotations.get(RESTART_ON_CHANGE)
    if value not in (None, "true", "false"):
        return f'annotation {RESTART_ON_CHANGE}: "{value}" is neither "true" nor "false"'
    if value == "true" and not restarts_on_change(pod):
        return f"annotation {RESTART_ON_CHANGE} is followed with restartPolicy Always alone"
    return ""


def configuration_of(pod: Pod, container: Container, sources: Sources) -> Configuration:
    """What the container would be started with now."""
    used: dict[str, list[Mapping[str, str]]] = {}
    for kind, name, keys in _uses(pod, container):
        used.setdefault(f"{kind} {name}", []).append(_content(kind, name, keys, sources))
    return {subject: _hash(parts) if any(parts) else "" for subject, parts in sorted(used.items())}


def started_with(container: cri.Container) -> Configuration:
    """What a container of the runtime was started with."""
    text = container.annotations.get(CONFIGURATION, "")
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except msgspec.DecodeError:
        return {}


def encoded(configuration: Configuration) -> str:
    """As it stands in the annotation of a container."""
    return msgspec.json.encode(configuration).decode()


def changed_objects(started: Configuration, present: Configuration) -> list[str]:
    """The objects that have changed. One that is gone leaves a container in peace: without it,
    it might not come up again."""
    return [
        subject
        for subject, content in present.items()
        if content and content != started.get(subject, content)
    ]


def _uses(pod: Pod, container: Container) -> Iterable[_Use]:
    for source in container.env_from:
        if source.config_map_ref is not None:
            yield "ConfigMap", source.config_map_ref.name, None
        if source.secret_ref is not None:
            yield "Secret", source.secret_ref.name, None
    for variable in container.env:
        origin = variable.value_from
        if origin is not None and origin.config_map_key_ref is not None:
            yield "ConfigMap", origin.config_map_key_ref.name, [origin.config_map_key_ref.key]
        if origin is not None and origin.secret_key_ref is not None:
            yield "Secret", origin.secret_key_ref.name, [origin.secret_key_ref.key]
    mounted = {mount.name for mount in container.volume_mounts}
    for volume in pod.spec.volumes:
        if volume.name in mounted:
            yield from _uses_of_volume(volume)


def _uses_of_volume(volume: Volume) -> Iterable[_Use]:
    if volume.config_map is not None:
        yield "ConfigMap", volume.config_map.name, _keys(volume.config_map.items)
    if volume.secret is not None:
        yield "Secret", volume.secret.secret_name, _keys(volume.secret.items)
    for projection in volume.projected.sources if volume.projected else ():
        if projection.config_map is not None:
            yield "ConfigMap", projection.config_map.name, _keys(projection.config_map.items)
        if projection.secret is not None:
            yield "Secret", projection.secret.name, _keys(projection.secret.items)


def _keys(items: Iterable[KeyToPath]) -> _Keys:
    return [item.key for item in items] or None


def _content(kind: str, name: str, keys: _Keys, sources: Sources) -> Mapping[str, str]:
    data: dict[str, str] = {}
    if kind == "ConfigMap":
        config_map = sources.config_maps.get(name)
        if config_map is not None:
            data = {**config_map.data, **config_map.binary_data}
    else:
        secret = sources.secrets.get(name)
        data = dict(secret.data) if secret is not None else {}
    return data if keys is None else {key: data[key] for key in keys if key in data}


def _hash(parts: list[Mapping[str, str]]) -> str:
    text = msgspec.json.encode([sorted(part.items()) for part in parts])
    return hashlib.sha256(text).hexdigest()[:_HASH_DIGITS]
