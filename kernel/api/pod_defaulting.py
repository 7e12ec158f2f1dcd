"""What the API fills in for a Pod: core/v1 defaults.go, and the admission plugins that are always
on in Kubernetes (Priority, DefaultTolerationSeconds)."""

from contextlib import suppress
from fractions import Fraction

from kernel.objects.pod import (
    Container,
    EnvVar,
    HTTPGetAction,
    ObjectFieldSelector,
    Pod,
    PodSecurityContext,
    PodSpec,
    Probe,
    ResourceFieldSelector,
    ResourceRequirements,
    Toleration,
)
from kernel.objects.priority_class import SYSTEM_CLASSES
from kernel.objects.quality_of_service import quality_of_service
from kernel.objects.quantity import (
    QuantityError,
    canonical_quantity,
    format_decimal,
    parse_quantity,
    to_milli,
)
from kernel.objects.volume import DownwardAPIVolumeFile, EmptyDirVolumeSource, Volume

ACCOUNT_NAME = "default"
FILE_MODE = 0o644
GRACE_PERIOD_SECONDS = 30
TOKEN_EXPIRATION_SECONDS = 3600
UNREACHABLE_TOLERATION_SECONDS = 300

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
"""Marks the API's picture of a static Pod, which has no ServiceAccount unless it names one."""

_NODE_TROUBLES = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def default_pod(pod: Pod) -> None:
    """Fill in the Pod, in place. Quantities take their canonical form (`0.5` is `500m`)."""
    spec = pod.spec
    default_template(spec)
    _default_what_pods_alone_have(spec)
    for container in (*spec.init_containers, *spec.containers):
        _requests_from_limits(container.resources)
    if spec.resources is not None:
        _requests_from_limits(spec.resources)
    account = "" if MIRROR_ANNOTATION in pod.metadata.annotations else ACCOUNT_NAME
    account = spec.service_account_name or spec.service_account or account
    spec.service_account_name = spec.service_account = account
    _tolerate_node_troubles(spec)
    pod.status.phase = pod.status.phase or "Pending"
    with suppress(QuantityError):  # validation will say which
        pod.status.qos_class = pod.status.qos_class or quality_of_service(spec)


def default_template(spec: PodSpec) -> None:
    """Fill in the spec of Pods that are yet to be made: what depends on no Pod, account or class
    of priority."""
    _default_spec(spec)
    for container in (*spec.init_containers, *spec.containers):
        _default_container(container)
        if spec.host_network:
            for port in container.ports:
                port.host_port = port.host_port or port.container_port
    for ephemeral in spec.ephemeral_containers:
        _default_container(ephemeral)
    for volume in spec.volumes:
        _default_volume(volume)
    if spec.resources is not None:
        _default_resources(spec.resources)


def _default_spec(spec: PodSpec) -> None:
    spec.restart_policy = spec.restart_policy or "Always"
    spec.dns_policy = spec.dns_policy or "ClusterFirst"
    spec.scheduler_name = spec.scheduler_name or "default-scheduler"
    if spec.termination_grace_period_seconds is None:
        spec.termination_grace_period_seconds = GRACE_PERIOD_SECONDS
    if spec.security_context is None:
        spec.security_context = PodSecurityContext()
    spec.service_account = spec.service_account_name or spec.service_account
    spec.service_account_name = spec.service_account
    spec.overhead = _canonical(spec.overhead)


def _default_what_pods_alone_have(spec: PodSpec) -> None:
    if spec.enable_service_links is None:
        spec.enable_service_links = True
    if spec.priority is None:
        spec.priority, _ = SYSTEM_CLASSES.get(spec.priority_class_name, (0, ""))
    spec.preemption_policy = spec.preemption_policy or "PreemptLowerPriority"


def _tolerate_node_troubles(spec: PodSpec) -> None:
    for key in _NODE_TROUBLES:
        tolerated = any(
            toleration.key in ("", key) and toleration.effect in ("", "NoExecute")
            for toleration in spec.tolerations
        )
        if not tolerated:
            spec.tolerations.append(
                Toleration(
                    key=key,
                    operator="Exists",
                    effect="NoExecute",
                    toleration_seconds=UNREACHABLE_TOLERATION_SECONDS,
                )
            )


def _default_container(container: Container) -> None:
    container.image_pull_policy = container.image_pull_policy or _pull_policy(container.image)
    container.termination_message_path = (
        container.termination_message_path or "/dev/termination-log"
    )
    container.termination_message_policy = container.termination_message_policy or "File"
    for port in container.ports:
        port.protocol = port.protocol or "TCP"
    for variable in container.env:
        _default_variable(variable)
    for probe in (container.liveness_probe, container.readiness_probe, container.startup_probe):
        if probe is not None:
            _default_probe(probe)
    if container.lifecycle is not None:
        for handler in (container.lifecycle.post_start, container.lifecycle.pre_stop):
            if handler is not None and handler.http_get is not None:
                _default_request(handler.http_get)
    _default_resources(container.resources)


def _pull_policy(image: str) -> str:
    """Always for the moving tag `latest`, said or implied; else IfNotPresent."""
    name, at, _digest = image.partition("@")
    _, colon, tag = name.rpartition("/")[2].partition(":")
    moving = (not at and not colon) or tag == "latest"
    return "Always" if moving else "IfNotPresent"


def _default_variable(variable: EnvVar) -> None:
    if variable.value_from is None:
        return
    _default_references(variable.value_from.field_ref, variable.value_from.resource_field_ref)


def _default_references(
    field: ObjectFieldSelector | None, resource: ResourceFieldSelector | None
) -> None:
    if field is not None:
        field.api_version = field.api_version or "v1"
    if resource is not None:
        resource.divisor = resource.divisor or "0"


def _default_probe(probe: Probe) -> None:
    probe.timeout_seconds = probe.timeout_seconds or 1
    probe.period_seconds = probe.period_seconds or 10
    probe.success_threshold = probe.success_threshold or 1
    probe.failure_threshold = probe.failure_threshold or 3
    if probe.http_get is not None:
        _default_request(probe.http_get)
    if probe.grpc is not None and probe.grpc.service is None:
        probe.grpc.service = ""


def _default_request(request: HTTPGetAction) -> None:
    request.path = request.path or "/"
    request.scheme = request.scheme or "HTTP"


def _default_resources(resources: ResourceRequirements) -> None:
    resources.limits = _canonical(resources.limits)
    resources.requests = _canonical(resources.requests)


def _requests_from_limits(resources: ResourceRequirements) -> None:
    resources.requests = resources.limits | resources.requests


def _canonical(quantities: dict[str, str]) -> dict[str, str]:
    return {name: _canonical_to_milli(text) for name, text in quantities.items()}


def _canonical_to_milli(text: str) -> str:
    """Resources are counted in thousandths; what is no quantity is left for validation."""
    try:
        if (parse_quantity(text) * 1000).denominator != 1:
            return format_decimal(Fraction(to_milli(text), 1000))
        return canonical_quantity(text)
    except QuantityError:
        return text


def _default_volume(volume: Volume) -> None:
    sources = set(volume.__struct_fields__) - {"name"}
    if all(getattr(volume, source) is None for source in sources):
        volume.empty_dir = EmptyDirVolumeSource()
    if volume.host_path is not None and volume.host_path.type is None:
        volume.host_path.type = ""
    if volume.empty_dir is not None and volume.empty_dir.size_limit:
        volume.empty_dir.size_limit = _canonical_to_milli(volume.empty_dir.size_limit)
    if volume.image is not None and not volume.image.pull_policy:
        volume.image.pull_policy = _pull_policy(volume.image.reference)
    for source in (volume.secret, volume.config_map, volume.downward_api, volume.projected):
        if source is not None and source.default_mode is None:
            source.default_mode = FILE_MODE
    if volume.downward_api is not None:
        _default_files(volume.downward_api.items)
    if volume.projected is not None:
        for projection in volume.projected.sources:
            if projection.downward_api is not None:
                _default_files(projection.downward_api.items)
            token = projection.service_account_token
            if token is not None and token.expiration_seconds is None:
                token.expiration_seconds = TOKEN_EXPIRATION_SECONDS
    if volume.ephemeral is not None and volume.ephemeral.volume_claim_template is not None:
        claim = volume.ephemeral.volume_claim_template.spec
        claim.volume_mode = claim.volume_mode or "Filesystem"


def _default_files(files: list[DownwardAPIVolumeFile]) -> None:
    for file in files:
        _default_references(file.field_ref, file.resource_field_ref)
