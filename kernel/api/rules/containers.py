"""The rules of a Pod's containers (core/v1 validation.go): ports, environment, probes, mounts."""

from collections.abc import Mapping

from kernel.api.causes import Causes
from kernel.api.rules.core import PROTOCOLS, check_port, check_quantity
from kernel.api.rules.security import check_container_security
from kernel.objects.container import (
    ConfigMapKeySelector,
    Container,
    ContainerPort,
    EnvFromSource,
    EnvVar,
    Lifecycle,
    LifecycleHandler,
    ObjectFieldSelector,
    Probe,
    ProbeHandler,
    ResourceFieldSelector,
    ResourceRequirements,
    SecretKeySelector,
    VolumeMount,
)
from kernel.objects.name_syntax import (
    data_key_errors,
    header_name_errors,
    label_name_errors,
    port_name_errors,
    port_number_errors,
    qualified_name_errors,
    variable_name_errors,
)
from kernel.objects.quantity import QuantityError, compare_quantities
from kernel.objects.volume import Volume

PULL_POLICIES = ("Always", "IfNotPresent", "Never")

_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIONS = ("Disabled", "Enabled", "IfPossible")
_VARIABLE_FIELDS = (
    *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName"),
    *("spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP"),
    "status.podIPs",
)
_RESOURCE_FIELDS = tuple(
    f"{side}.{name}"
    for side in ("limits", "requests")
    for name in ("cpu", "ephemeral-storage", "memory")
)
_STANDARD_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_SIGNALS = (
    *("ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT"),
    *("KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "RTMAX", "RTMIN", "SEGV", "STKFLT", "STOP"),
    *("SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH"),
    *("XCPU", "XFSZ"),
)
_STOP_SIGNALS = tuple(
    sorted(
        [f"SIG{name}" for name in _SIGNALS]
        + [f"SIGRTMIN+{distance}" for distance in range(1, 16)]
        + [f"SIGRTMAX-{distance}" for distance in range(1, 15)]
    )
)
"""What KEP-4960 allows for Linux."""
_SUBSCRIPTED_FIELDS = ("metadata.annotations", "metadata.labels")


def check_container(
    container: Container, volumes: Mapping[str, Volume], path: str, causes: Causes
) -> None:
    """The rules that hold for containers of all sorts; hooks and probes have their own."""
    if container.name:
        causes.invalid(f"{path}.name", container.name, *label_name_errors(container.name))
    else:
        causes.required(f"{path}.name")
    if not container.image:
        causes.required(f"{path}.image")
    elif container.image != container.image.strip():
        rule = "must not have leading or trailing whitespace"
        causes.invalid(f"{path}.image", container.image, rule)
    causes.one_of(f"{path}.imagePullPolicy", container.image_pull_policy, PULL_POLICIES)
    causes.one_of(
        f"{path}.terminationMessagePolicy", container.termination_message_policy, _MESSAGE_POLICIES
    )
    _check_ports(container.ports, f"{path}.ports", causes)
    for index, variable in enumerate(container.env):
        _check_variable(variable, f"{path}.env[{index}]", causes)
    for index, source in enumerate(container.env_from):
        _check_variables_source(source, f"{path}.envFrom[{index}]", causes)
    _check_mounts(container, volumes, f"{path}.volumeMounts", causes)
    check_resources(container.resources, f"{path}.resources", causes)
    check_container_security(container.security_context, f"{path}.securityContext", causes)


def _check_ports(ports: list[ContainerPort], path: str, causes: Causes) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{path}[{index}]"
        if port.name:
            errors = port_name_errors(port.name)
            causes.invalid(f"{here}.name", port.name, *errors)
            if not errors and port.name in names:
                causes.duplicate(f"{here}.name", port.name)
            names.add(port.name)
        if port.container_port == 0:
            causes.required(f"{here}.containerPort")
        else:
            errors = port_number_errors(port.container_port)
            causes.invalid(f"{here}.containerPort", port.container_port, *errors)
        if port.host_port:
            errors = port_number_errors(port.host_port)
            causes.invalid(f"{here}.hostPort", port.host_port, *errors)
        causes.one_of(f"{here}.protocol", port.protocol, PROTOCOLS)


def _check_variable(variable: EnvVar, path: str, causes: Causes) -> None:
    if variable.name:
        causes.invalid(f"{path}.name", variable.name, *variable_name_errors(variable.name))
    else:
        causes.required(f"{path}.name")
    source = variable.value_from
    if source is None:
        return
    path = f"{path}.valueFrom"
    given = sum(getattr(source, field) is not None for field in source.__struct_fields__)
    if given == 0:
        choices = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        causes.invalid(path, "", f"must specify one of: {choices}")
    elif variable.value:
        causes.invalid(path, "", "may not be specified when `value` is not empty")
    elif given > 1:
        causes.invalid(path, "", "may not have more than one field specified at a time")
    if source.field_ref is not None:
        check_field_reference(source.field_ref, _VARIABLE_FIELDS, f"{path}.fieldRef", causes)
    if source.resource_field_ref is not None:
        check_resource_reference(source.resource_field_ref, f"{path}.resourceFieldRef", causes)
    _check_key_reference(source.config_map_key_ref, f"{path}.configMapKeyRef", causes)
    _check_key_reference(source.secret_key_ref, f"{path}.secretKeyRef", causes)


def _check_key_reference(
    reference: ConfigMapKeySelector | SecretKeySelector | None, path: str, causes: Causes
) -> None:
    if reference is None:
        return
    if not reference.name:
        causes.required(f"{path}.name")
    if reference.key:
        causes.invalid(f"{path}.key", reference.key, *data_key_errors(reference.key))
    else:
        causes.required(f"{path}.key")


def check_field_reference(
    reference: ObjectFieldSelector, supported: tuple[str, ...], path: str, causes: Causes
) -> None:
    """A reference to a field of the Pod: one of `supported`, or a label or annotation by key."""
    field, bracket, key = reference.field_path.partition("['")
    if not reference.field_path:
        causes.required(f"{path}.fieldPath")
    elif bracket and key.endswith("']") and field in _SUBSCRIPTED_FIELDS:
        key = key.removesuffix("']")
        key = key.lower() if field == "metadata.annotations" else key
        causes.invalid(path, key, *qualified_name_errors(key))
    elif bracket:
        causes.invalid(path, field, "does not support subscript")
    elif field not in supported:
        causes.unsupported(f"{path}.fieldPath", field, supported)


def check_resource_reference(reference: ResourceFieldSelector, path: str, causes: Causes) -> None:
    """A reference to a limit or request of a container."""
    known = reference.resource in _RESOURCE_FIELDS
    if not known and not reference.resource.startswith(
        ("limits.hugepages-", "requests.hugepages-")
    ):
        causes.unsupported(f"{path}.resource", reference.resource, _RESOURCE_FIELDS)
    if reference.divisor:
        check_quantity(reference.divisor, f"{path}.divisor", causes)


def _check_variables_source(source: EnvFromSource, path: str, causes: Causes) -> None:
    if source.prefix:
        causes.invalid(f"{path}.prefix", source.prefix, *variable_name_errors(source.prefix))
    references = [
        (name, reference)
        for name, reference in (
            ("configMapRef", source.config_map_ref),
            ("secretRef", source.secret_ref),
        )
        if reference is not None
    ]
    if not references:
        causes.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
    elif len(references) > 1:
        causes.invalid(path, "", "may not have more than one field specified at a time")
    for name, reference in references:
        if not reference.name:
            causes.required(f"{path}.{name}.name")


def _check_mounts(
    container: Container, volumes: Mapping[str, Volume], path: str, causes: Causes
) -> None:
    mount_paths: set[str] = set()
    for index, mount in enumerate(container.volume_mounts):
        here = f"{path}[{index}]"
        if mount.name not in volumes:
            causes.not_found(f"{here}.name", mount.name)
        if not mount.mount_path:
            causes.required(f"{here}.mountPath")
        elif mount.mount_path in mount_paths:
            causes.invalid(f"{here}.mountPath", mount.mount_path, "must be unique")
        mount_paths.add(mount.mount_path)
        _check_mount_options(mount, container, here, causes)


def _check_mount_options(
    mount: VolumeMount, container: Container, path: str, causes: Causes
) -> None:
    check_descending_path(mount.sub_path, f"{path}.subPath", causes)
    check_descending_path(mount.sub_path_expr, f"{path}.subPathExpr", causes)
    if mount.sub_path and mount.sub_path_expr:
        rule = "subPathExpr and subPath are mutually exclusive"
        causes.invalid(f"{path}.subPathExpr", mount.sub_path_expr, rule)
    _check_recursion(mount, f"{path}.recursiveReadOnly", causes)
    propagation = mount.mount_propagation
    if propagation is None:
        return
    if propagation not in _PROPAGATIONS:
        causes.unsupported(f"{path}.mountPropagation", propagation, _PROPAGATIONS)
    privileged = container.security_context is not None and container.security_context.privileged
    if propagation == "Bidirectional" and not privileged:
        rule = "Bidirectional mount propagation is available only to privileged containers"
        causes.forbidden(f"{path}.mountPropagation", rule)


def _check_recursion(mount: VolumeMount, path: str, causes: Causes) -> None:
    recursion = mount.recursive_read_only
    if recursion is None or recursion == "Disabled":
        return
    if recursion not in _RECURSIONS:
        causes.unsupported(path, recursion, _RECURSIONS)
        return
    if not mount.read_only:
        causes.forbidden(path, "may only be specified when readOnly is true")
    if mount.mount_propagation not in (None, "None"):
        rule = "may only be specified when mountPropagation is None or not specified"
        causes.forbidden(path, rule)


def check_descending_path(text: str, path: str, causes: Causes) -> None:
    """A relative path that never leads up; empty is fine."""
    if text.startswith("/"):
        causes.invalid(path, text, "must be a relative path")
    if ".." in text.split("/"):
        causes.invalid(path, text, "must not contain '..'")


def check_resources(resources: ResourceRequirements, path: str, causes: Causes) -> None:
    """Quantities are quantities, and no request is above its limit."""
    for side, quantities in (("limits", resources.limits), ("requests", resources.requests)):
        for name, quantity in quantities.items():
            causes.invalid(f"{path}.{side}", name, *qualified_name_errors(name))
            if "/" not in name and not _is_standard(name):
                causes.invalid(
                    f"{path}.{side}[{name}]",
                    name,
                    "must be a standard resource type or fully qualified",
                    "must be a standard resource for containers",
                )
            check_quantity(quantity, f"{path}.{side}[{name}]", causes)
    for name, request in resources.requests.items():
        limit = resources.limits.get(name)
        if limit is not None and _is_above(request, limit):
            rule = f"must be less than or equal to {name} limit of {limit}"
            causes.invalid(f"{path}.requests", request, rule)


def _is_standard(name: str) -> bool:
    return name in _STANDARD_RESOURCES or name.startswith("hugepages-")


def _is_above(request: str, limit: str) -> bool:
    try:
        return compare_quantities(request, limit) > 0
    except QuantityError:  # has been reported already
        return False


def check_hooks(container: Container, grace_seconds: int | None, path: str, causes: Causes) -> None:
    """The lifecycle hooks and probes of a container that may have them."""
    if container.lifecycle is not None:
        _check_lifecycle(container.lifecycle, grace_seconds, f"{path}.lifecycle", causes)
    _check_probe(container.liveness_probe, "livenessProbe", path, causes)
    _check_probe(container.readiness_probe, "readinessProbe", path, causes)
    _check_probe(container.startup_probe, "startupProbe", path, causes)


def _check_lifecycle(
    lifecycle: Lifecycle, grace_seconds: int | None, path: str, causes: Causes
) -> None:
    for name, handler in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
        if handler is None:
            continue
        here = f"{path}.{name}"
        _check_handler(handler, here, causes)
        if handler.sleep is not None and grace_seconds is not None:
            seconds = handler.sleep.seconds
            if not 0 <= seconds <= grace_seconds:
                causes.invalid(
                    f"{here}.sleep",
                    seconds,
                    "must be non-negative and less than terminationGracePeriodSeconds"
                    f" ({grace_seconds})",
                )
    if lifecycle.stop_signal is not None and lifecycle.stop_signal not in _STOP_SIGNALS:
        causes.unsupported(f"{path}.stopSignal", lifecycle.stop_signal, _STOP_SIGNALS)


def _check_probe(probe: Probe | None, name: str, container_path: str, causes: Causes) -> None:
    if probe is None:
        return
    path = f"{container_path}.{name}"
    _check_handler(probe, path, causes)
    causes.at_least(f"{path}.initialDelaySeconds", probe.initial_delay_seconds, 0)
    causes.at_least(f"{path}.timeoutSeconds", probe.timeout_seconds, 0)
    causes.at_least(f"{path}.periodSeconds", probe.period_seconds, 0)
    causes.at_least(f"{path}.successThreshold", probe.success_threshold, 0)
    causes.at_least(f"{path}.failureThreshold", probe.failure_threshold, 0)
    if name != "readinessProbe" and probe.success_threshold != 1:
        causes.invalid(f"{path}.successThreshold", probe.success_threshold, "must be 1")
    grace_seconds = probe.termination_grace_period_seconds
    if grace_seconds is None:
        return
    here = f"{path}.terminationGracePeriodSeconds"
    if name == "readinessProbe":
        causes.invalid(here, grace_seconds, "must not be set for readinessProbes")
    if grace_seconds <= 0:
        causes.invalid(here, grace_seconds, "must be greater than 0")


def _check_handler(handler: ProbeHandler | LifecycleHandler, path: str, causes: Causes) -> None:
    grpc = handler.grpc if isinstance(handler, ProbeHandler) else None
    sleep = handler.sleep if isinstance(handler, LifecycleHandler) else None
    given = [
        name
        for name, action in (
            ("exec", handler.exec),
            ("httpGet", handler.http_get),
            ("tcpSocket", handler.tcp_socket),
            ("grpc", grpc),
            ("sleep", sleep),
        )
        if action is not None
    ]
    if not given:
        causes.required(path, "must specify a handler type")
    for name in given[1:]:
        causes.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    if handler.exec is not None and not handler.exec.command:
        causes.required(f"{path}.exec.command")
    request = handler.http_get
    if request is not None:
        check_port(request.port, f"{path}.httpGet.port", causes)
        causes.one_of(f"{path}.httpGet.scheme", request.scheme, ("HTTP", "HTTPS"))
        for header in request.http_headers:
            errors = header_name_errors(header.name)
            causes.invalid(f"{path}.httpGet.httpHeaders", header.name, *errors)
    if handler.tcp_socket is not None:
        check_port(handler.tcp_socket.port, f"{path}.tcpSocket.port", causes)
    if grpc is not None:
        check_port(grpc.port, f"{path}.grpc.port", causes)
