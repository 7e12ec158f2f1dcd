"""A container's environment, and `$(NAME)` in its command, arguments and values (pure)."""

import base64
import re
from collections import ChainMap
from collections.abc import Iterable, Mapping

import msgspec

from kernel.objects.config import ConfigMap, Secret
from kernel.objects.pod import Container, EnvFromSource, EnvVar, Pod, ResourceFieldSelector
from kernel.objects.quantity import parse_quantity
from kernel.objects.service import Service
from kernel.reconcilers.pod.configuration.service_variables import service_variables

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")
_VARIABLE_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


class ConfigError(Exception):
    """The container's configuration can't be made; the message is Kubernetes' own.

    Shown as the waiting reason CreateContainerConfigError.
    """


class ProjectedToken(msgspec.Struct, frozen=True):
    """A token of the Pod's ServiceAccount, bound to the Pod with `pod_uid` and to be replaced at
    `due` (nanoseconds since the epoch); it is empty where there is none, and then `problem` says
    why."""

    token: str
    problem: str = ""
    due: int = 0
    pod_uid: str = ""


class Sources(msgspec.Struct, frozen=True):
    """What a Pod's configuration refers to, read beforehand; None: there is no such object.

    `capacity` is the node's, in plain numbers (cores, bytes): it stands in for limits not set.
    `addresses` are the Pod's, `host_addresses` the node's. `services` are those that the Pod's
    variables may tell of. `tokens` are those that its volumes have, by volume and path.
    """

    config_maps: Mapping[str, ConfigMap | None] = {}
    secrets: Mapping[str, Secret | None] = {}
    capacity: Mapping[str, str] = {}
    addresses: tuple[str, ...] = ()
    host_addresses: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    tokens: Mapping[str, ProjectedToken] = {}


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put in values: `$(NAME)` is replaced where NAME has one, `$$` is a plain `$`.

    https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
    """

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return values.get(match[1], match[0])

    return _REFERENCE.sub(replacement, text)


def missing_references(text: str, values: Mapping[str, str]) -> list[str]:
    """The names that `text` refers to and that have no value, or an empty one; sorted."""
    names = {match[1] for match in _REFERENCE.finditer(text) if match[0] != "$$"}
    return sorted(name for name in names if not values.get(name))


def environment_of(pod: Pod, container: Container, sources: Sources) -> dict[str, str]:
    """The variables of a container: `envFrom` in order, then `env`; and those of Services where
    their names are not taken. Raises `ConfigError`."""
    of_services = service_variables(pod, sources.services)
    environment = _from_whole_objects(container, sources)
    known = ChainMap(environment, of_services)
    for variable in container.env:
        value = _value_of(pod, container, variable, known, sources)
        if value is not None:
            environment[variable.name] = value
    return {**of_services, **environment}


def skipped_names(pod: Pod, container: Container, sources: Sources) -> list[str]:
    """What `envFrom` brings that can't be the name of a variable: a sentence for each object."""
    sentences = []
    for source in container.env_from:
        kind = "configMap" if source.config_map_ref is not None else "secret"
        reference = source.config_map_ref or source.secret_ref
        names = (source.prefix + key for key in _content_of(source, sources))
        invalid = sorted(name for name in names if not _is_variable_name(name))
        if reference is not None and invalid:
            sentences.append(
                f"Keys [{', '.join(invalid)}] from the EnvFrom {kind}"
                f" {pod.metadata.namespace}/{reference.name} were skipped"
                " since they are considered invalid environment variable names."
            )
    return sentences


def _is_variable_name(name: str) -> bool:
    """As Kubernetes has had it until 1.29; since then keys that start with a digit pass too."""
    return bool(_VARIABLE_NAME.fullmatch(name)) and name != "." and not name.startswith("..")


def _from_whole_objects(container: Container, sources: Sources) -> dict[str, str]:
    environment: dict[str, str] = {}
    for source in container.env_from:
        for key, value in _content_of(source, sources).items():
            if _is_variable_name(source.prefix + key):
                environment[source.prefix + key] = value
    return environment


def _content_of(source: EnvFromSource, sources: Sources) -> Mapping[str, str]:
    if source.config_map_ref is not None:
        reference = source.config_map_ref
        config_map = config_map_named(sources, reference.name, reference.optional)
        return config_map.data if config_map else {}
    if source.secret_ref is not None:
        secret = secret_named(sources, source.secret_ref.name, source.secret_ref.optional)
        return {key: text_of(data) for key, data in secret.data.items()} if secret else {}
    return {}


def _value_of(
    pod: Pod,
    container: Container,
    variable: EnvVar,
    environment: Mapping[str, str],
    sources: Sources,
) -> str | None:
    """None where an optional source is missing: the variable is then left out."""
    source = variable.value_from
    if source is None:
        return expand(variable.value, environment)
    if source.field_ref is not None:
        return field_value(pod, source.field_ref.field_path, sources)
    if source.resource_field_ref is not None:
        return resource_value(pod, source.resource_field_ref, sources, container)
    namespace = pod.metadata.namespace
    if source.config_map_key_ref is not None:
        key = source.config_map_key_ref
        config_map = config_map_named(sources, key.name, key.optional)
        if config_map is not None and key.key in config_map.data:
            return config_map.data[key.key]
        _check_optional(f"{key.key} in ConfigMap {namespace}/{key.name}", key.optional)
        return None
    if source.secret_key_ref is not None:
        key_of_secret = source.secret_key_ref
        secret = secret_named(sources, key_of_secret.name, key_of_secret.optional)
        if secret is not None and key_of_secret.key in secret.data:
            return text_of(secret.data[key_of_secret.key])
        _check_optional(
            f"{key_of_secret.key} in Secret {namespace}/{key_of_secret.name}",
            key_of_secret.optional,
        )
        return None
    if source.file_key_ref is not None:
        message = (
            f"fileKeyRef of environment variable {variable.name} is not supported by podkernel"
        )
        raise ConfigError(message)
    raise ConfigError(f"environment variable {variable.name} has no source")


def _check_optional(what: str, optional: bool | None) -> None:
    if not optional:
        raise ConfigError(f"couldn't find key {what}")


def config_map_named(sources: Sources, name: str, optional: bool | None) -> ConfigMap | None:
    """A ConfigMap; None where it is missing and that is allowed, else `ConfigError`."""
    found = sources.config_maps.get(name)
    if found is None and not optional:
        raise ConfigError(f'configmap "{name}" not found')
    return found


def secret_named(sources: Sources, name: str, optional: bool | None) -> Secret | None:
    """A Secret; None where it is missing and that is allowed, else `ConfigError`."""
    found = sources.secrets.get(name)
    if found is None and not optional:
        raise ConfigError(f'secret "{name}" not found')
    return found


def text_of(data: str) -> str:
    """What base64 stands for, as text; bytes that are no UTF-8 are kept as surrogates."""
    return base64.b64decode(data).decode("utf-8", "surrogateescape")


def field_value(pod: Pod, path: str, sources: Sources) -> str:
    """The value of a `fieldRef`. Raises `ConfigError` for a path that is not offered."""
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript:
        values = pod.metadata.labels if subscript[1] == "labels" else pod.metadata.annotations
        return values.get(subscript[2], "")
    match path:
        case "metadata.name":
            return pod.metadata.name
        case "metadata.namespace":
            return pod.metadata.namespace
        case "metadata.uid":
            return pod.metadata.uid
        case "metadata.labels":
            return _listed(pod.metadata.labels)
        case "metadata.annotations":
            return _listed(pod.metadata.annotations)
        case "spec.nodeName":
            return pod.spec.node_name
        case "spec.serviceAccountName":
            return pod.spec.service_account_name
        case "status.podIP":
            return next(iter(sources.addresses), "")
        case "status.podIPs":
            return ",".join(sources.addresses)
        case "status.hostIP":
            return next(iter(sources.host_addresses), "")
        case "status.hostIPs":
            return ",".join(sources.host_addresses)
    raise ConfigError(f"unsupported fieldPath: {path}")


def _listed(values: Mapping[str, str]) -> str:
    """`key="value"` lines, sorted."""
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(values.items()))


def _quoted(text: str) -> str:
    """In quotes as Go's %q has it."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def resource_value(
    pod: Pod, selector: ResourceFieldSelector, sources: Sources, container: Container | None = None
) -> str:
    """The value of a `resourceFieldRef`, in units of its divisor, rounded up."""
    if selector.container_name:
        container = _container_named(pod, selector.container_name)
    if container is None:
        raise ConfigError(f"container {selector.container_name} not found")
    which, _, resource = selector.resource.partition(".")
    if which not in ("limits", "requests"):
        raise ConfigError(f"unsupported container resource: {selector.resource}")
    requests, limits = container.resources.requests, container.resources.limits
    if which == "limits":
        text = limits.get(resource) or sources.capacity.get(resource, "0")
    else:
        text = requests.get(resource, "0")
    value = parse_quantity(text) / (parse_quantity(selector.divisor or "1") or 1)
    return str(-(-value.numerator // value.denominator))


def _container_named(pod: Pod, name: str) -> Container | None:
    every: Iterable[Container] = (*pod.spec.init_containers, *pod.spec.containers)
    return next((container for container in every if container.name == name), None)
