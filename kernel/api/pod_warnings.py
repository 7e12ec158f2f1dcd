"""What people are warned of in Pods and templates, which are accepted nevertheless.

Pure; the words are Kubernetes' (pkg/api/pod/warnings.go and pkg/api/node/util.go).
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from kernel.objects.container import Container
from kernel.objects.meta import ObjectMeta
from kernel.objects.name_syntax import label_name_errors
from kernel.objects.pod import PodSpec
from kernel.objects.quantity import QuantityError, parse_quantity
from kernel.objects.volume import Volume

_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
}
_VOLUMES = {
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "git_repo": "deprecated in v1.11",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "photon_persistent_disk": "deprecated in v1.11, non-functional in v1.16+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
    "scale_io": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
}
_VOLUME_NAMES = {
    "git_repo": "gitRepo",
    "photon_persistent_disk": "photonPersistentDisk",
    "scale_io": "scaleIO",
}
_SECCOMP_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_PREFIX = "container.seccomp.security.alpha.kubernetes.io/"
_APP_ARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_BYTES = ("memory", "ephemeral-storage")
_NULL_SELECTOR = "a null labelSelector results in matching no pod"


def name_warnings(name: str, where: str) -> Iterator[str]:
    """A name that is no label makes host names with dots."""
    errors = label_name_errors(name)
    if errors:
        yield (
            f"metadata.name: this is used in {where}, which can result in surprising behavior; a"
            f" DNS label is recommended: [{' '.join(errors)}]"
        )


def pod_warnings(metadata: ObjectMeta, spec: PodSpec, path: str = "") -> Iterator[str]:
    """The warnings of a Pod, or of the template at `path` (`spec.template.`)."""
    yield from _label_warnings(spec, path)
    yield from _annotation_warnings(metadata.annotations, spec, path)
    yield from _repeated([alias.ip for alias in spec.host_aliases], f"{path}spec.hostAliases", "ip")
    yield from _secret_warnings([one.name for one in spec.image_pull_secrets], path)
    for index, volume in enumerate(spec.volumes):
        yield from _volume_warnings(volume, f"{path}spec.volumes[{index}]")
    for field, containers in (
        ("initContainers", spec.init_containers),
        ("containers", spec.containers),
    ):
        for index, container in enumerate(containers):
            yield from _container_warnings(container, f"{path}spec.{field}[{index}]")
    grace_seconds = spec.termination_grace_period_seconds
    if grace_seconds is not None and grace_seconds < 0:
        yield (
            f"{path}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid"
            " and will be treated as 1"
        )
    if spec.topology_spread_constraints or spec.affinity is not None:
        yield from _placement_warnings(spec, path)


def _label_warnings(spec: PodSpec, path: str) -> Iterator[str]:
    for key in spec.node_selector:
        if key in _LABELS:
            yield f"{path}spec.nodeSelector[{key}]: {_LABELS[key]}"


def _annotation_warnings(annotations: dict[str, str], spec: PodSpec, path: str) -> Iterator[str]:
    for key in annotations:
        where = f"{path}metadata.annotations[{key}]"
        if key == _SECCOMP_ANNOTATION or key.startswith(_SECCOMP_PREFIX):
            yield f'{where}: non-functional in v1.27+; use the "seccompProfile" field instead'
        elif key.startswith(_APP_ARMOR_PREFIX) and not _has_app_armor(spec, key):
            yield f'{where}: deprecated since v1.30; use the "appArmorProfile" field instead'


def _has_app_armor(spec: PodSpec, annotation: str) -> bool:
    """Whether the container that an annotation is about says its profile in its fields, too."""
    name = annotation.removeprefix(_APP_ARMOR_PREFIX)
    contexts: list[Any] = [spec.security_context]
    for container in chain(spec.containers, spec.init_containers):
        if container.name == name:
            contexts.append(container.security_context)
    return any(one is not None and one.app_armor_profile is not None for one in contexts)


def _repeated(names: Iterable[str], path: str, field: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield f'{path}[{index}].{field}: duplicate {field} "{name}"'
        seen.add(name)


def _secret_warnings(names: list[str], path: str) -> Iterator[str]:
    where = f"{path}spec.imagePullSecrets"
    for index, name in enumerate(names):
        if not name:
            yield f'{where}[{index}].name: invalid empty name ""'
    yield from _repeated([name for name in names if name], where, "name")


def _volume_warnings(volume: Volume, path: str) -> Iterator[str]:
    for field, words in _VOLUMES.items():
        if getattr(volume, field) is not None:
            yield f"{path}.{_VOLUME_NAMES.get(field, field)}: {words}"


def _container_warnings(container: Container, path: str) -> Iterator[str]:
    resources = container.resources
    for field, quantities in (("limits", resources.limits), ("requests", resources.requests)):
        for name in _BYTES:
            if name in quantities and _is_fractional(quantities[name]):
                yield fraction_warning(f"{path}.resources.{field}[{name}]", quantities[name])
    if len(container.env) > 1:
        yield from _variable_warnings(container, path)
    if len(container.ports) > 1:
        yield from _port_warnings(container, path)


def _variable_warnings(container: Container, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, variable in enumerate(container.env):
        name = variable.name
        if name in seen and f"$({name})" not in (variable.value or ""):
            yield (
                f'{path}.env[{index}]: hides previous definition of "{name}", which may be dropped'
                " when using apply"
            )
        seen.add(name)


def _port_warnings(container: Container, path: str) -> Iterator[str]:
    places: dict[tuple[object, ...], int] = {}
    names: dict[str, int] = {}
    for index, port in enumerate(container.ports):
        key = (port.container_port, port.protocol or "TCP", port.host_port, port.host_ip)
        first = places.setdefault(key, index)
        if first != index:
            yield (f"{path}.ports[{index}]: duplicate port definition with {path}.ports[{first}]")
        if port.name:
            named = names.setdefault(port.name, index)
            if named != index:
                yield (
                    f'{path}.ports[{index}].name: duplicate port name "{port.name}" with'
                    f" {path}.ports[{named}].name, services and probes that select ports by name"
                    f" will use {path}.ports[{named}]"
                )


def _placement_warnings(spec: PodSpec, path: str) -> Iterator[str]:
    for index, constraint in enumerate(spec.topology_spread_constraints):
        where = f"{path}spec.topologySpreadConstraints[{index}]"
        key = constraint.topology_key
        if key in _LABELS:
            yield f"{where}.topologyKey: {key} is {_LABELS[key]}"
        if constraint.label_selector is None:
            yield f"{where}.labelSelector: {_NULL_SELECTOR}"
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    for index, term in enumerate(required.node_selector_terms if required else ()):
        where = (
            f"{path}spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
            f".nodeSelectorTerms[{index}]"
        )
        for place, requirement in enumerate(term.match_expressions):
            key = requirement.key
            if key in _LABELS:
                yield f"{where}.matchExpressions[{place}].key: {key} is {_LABELS[key]}"


def fraction_warning(path: str, text: str) -> str:
    """The warning about a fraction of a byte."""
    return f'{path}: fractional byte value "{text}" is invalid, must be an integer'


def _is_fractional(text: str) -> bool:
    if not any(sign in text for sign in ".mun-"):
        return False  # a whole number of something whole, as nearly always
    try:
        return parse_quantity(text).denominator != 1
    except QuantityError:
        return False
