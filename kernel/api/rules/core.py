"""The rules of the small core kinds (core/v1 and coordination/v1 validation.go)."""

import base64

from kernel.api.causes import Causes
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.coordination import Lease
from kernel.objects.event import Event
from kernel.objects.name_syntax import (
    data_key_errors,
    label_name_errors,
    label_value_errors,
    port_name_errors,
    port_number_errors,
    qualified_name_errors,
    subdomain_name_errors,
)
from kernel.objects.node import Node
from kernel.objects.quantity import QuantityError, parse_quantity
from kernel.objects.service import Service, ServicePort

DATA_SIZE_BYTES_MAX = 1024 * 1024
PROTOCOLS = ("SCTP", "TCP", "UDP")
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_IMMUTABLE = "field is immutable when `immutable` is set"

# The keys that a Secret of a type must have.
_SECRET_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_TOKEN_TYPE = "kubernetes.io/service-account-token"
_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"


def check_quantity(text: str, path: str, causes: Causes) -> None:
    """A quantity that is not negative."""
    try:
        if parse_quantity(text) < 0:
            causes.invalid(path, text, "must be greater than or equal to 0")
    except QuantityError as error:
        causes.invalid(path, text, str(error))


def _check_keys(data: dict[str, str], path: str, causes: Causes) -> None:
    for key in data:
        causes.invalid(f"{path}[{key}]", key, *data_key_errors(key))


def _decoded_size_bytes(data: dict[str, str], path: str, causes: Causes) -> int:
    size_bytes = 0
    for key, text in data.items():
        try:
            size_bytes += len(base64.b64decode(text, validate=True))
        except ValueError:  # also where it is not ASCII, which binascii.Error is not raised for
            causes.invalid(f"{path}[{key}]", key, "must be base64")
    return size_bytes


def check_config_map(config: ConfigMap, causes: Causes) -> None:
    """Keys are file names, distinct over both maps; all of it is 1 MiB at most."""
    _check_keys(config.data, "data", causes)
    _check_keys(config.binary_data, "binaryData", causes)
    for key in config.data:
        if key in config.binary_data:
            causes.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    size_bytes = sum(len(text.encode()) for text in config.data.values())
    size_bytes += _decoded_size_bytes(config.binary_data, "binaryData", causes)
    if size_bytes > DATA_SIZE_BYTES_MAX:
        causes.too_long("", DATA_SIZE_BYTES_MAX)


def check_config_map_update(new: ConfigMap, old: ConfigMap, causes: Causes) -> None:
    """`immutable` is for ever."""
    if not old.immutable:
        return
    if not new.immutable:
        causes.forbidden("immutable", _IMMUTABLE)
    if new.data != old.data:
        causes.forbidden("data", _IMMUTABLE)
    if new.binary_data != old.binary_data:
        causes.forbidden("binaryData", _IMMUTABLE)


def check_secret(secret: Secret, causes: Causes) -> None:
    """Keys are file names; all of it is 1 MiB at most; some types must have certain keys."""
    _check_keys(secret.data, "data", causes)
    if _decoded_size_bytes(secret.data, "data", causes) > DATA_SIZE_BYTES_MAX:
        causes.too_long("data", DATA_SIZE_BYTES_MAX)
    for key in _SECRET_KEYS.get(secret.type, ()):
        if key not in secret.data:
            causes.required(f"data[{key}]")
    if secret.type == "kubernetes.io/basic-auth" and not secret.data.keys() & {
        "username",
        "password",
    }:
        causes.required("data[username]")
        causes.required("data[password]")
    if secret.type == _TOKEN_TYPE and not secret.metadata.annotations.get(_ACCOUNT_ANNOTATION):
        causes.required(f"metadata.annotations[{_ACCOUNT_ANNOTATION}]")


def check_secret_update(new: Secret, old: Secret, causes: Causes) -> None:
    """The type never changes; `immutable` is for ever."""
    if new.type != old.type:
        causes.invalid("type", new.type, "field is immutable")
    if not old.immutable:
        return
    if not new.immutable:
        causes.forbidden("immutable", _IMMUTABLE)
    if new.data != old.data:
        causes.forbidden("data", _IMMUTABLE)


def check_service(service: Service, causes: Causes) -> None:
    """Ports are there, valid and distinct; the name of an ExternalName is a host's."""
    spec = service.spec
    causes.one_of("spec.type", spec.type, _SERVICE_TYPES)
    headless = spec.cluster_ip == "None"
    if not spec.ports and not headless and spec.type != "ExternalName":
        causes.required("spec.ports")
    seen: set[tuple[str, int]] = set()
    names: set[str] = set()
    for index, port in enumerate(spec.ports):
        path = f"spec.ports[{index}]"
        _check_service_port(port, path, len(spec.ports) > 1, names, causes)
        if (port.protocol, port.port) in seen:
            causes.duplicate(path, {"port": port.port, "protocol": port.protocol})
        seen.add((port.protocol, port.port))
    for key, value in spec.selector.items():
        causes.invalid("spec.selector", key, *qualified_name_errors(key))
        causes.invalid("spec.selector", value, *label_value_errors(value))
    causes.one_of("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None"))
    if spec.type == "ExternalName":
        host = spec.external_name.rstrip(".")
        if host:
            causes.invalid("spec.externalName", spec.external_name, *subdomain_name_errors(host))
        else:
            causes.required("spec.externalName")


def _check_service_port(
    port: ServicePort, path: str, name_required: bool, names: set[str], causes: Causes
) -> None:
    if port.name:
        causes.invalid(f"{path}.name", port.name, *label_name_errors(port.name))
        if port.name in names:
            causes.duplicate(f"{path}.name", port.name)
        names.add(port.name)
    elif name_required:
        causes.required(f"{path}.name")
    causes.invalid(f"{path}.port", port.port, *port_number_errors(port.port))
    causes.one_of(f"{path}.protocol", port.protocol, PROTOCOLS)
    check_port(port.target_port, f"{path}.targetPort", causes)
    if port.node_port:
        causes.invalid(f"{path}.nodePort", port.node_port, *port_number_errors(port.node_port))


def check_port(port: int | str, path: str, causes: Causes) -> None:
    """A port's number, or the name of a container's port."""
    errors = port_name_errors(port) if isinstance(port, str) else port_number_errors(port)
    causes.invalid(path, port, *errors)


def check_service_update(new: Service, old: Service, causes: Causes) -> None:
    """The address of a service stays while it has one."""
    moved = new.spec.cluster_ip != old.spec.cluster_ip
    if moved and old.spec.cluster_ip and "ExternalName" not in (new.spec.type, old.spec.type):
        causes.invalid("spec.clusterIPs[0]", new.spec.cluster_ips, "may not change once set")


def check_node(node: Node, causes: Causes) -> None:
    """Taints are well formed and distinct, quantities are quantities."""
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(node.spec.taints):
        path = f"spec.taints[{index}]"
        causes.invalid(f"{path}.key", taint.key, *qualified_name_errors(taint.key))
        causes.invalid(f"{path}.value", taint.value, *label_value_errors(taint.value))
        causes.one_of(f"{path}.effect", taint.effect, TAINT_EFFECTS)
        if (taint.key, taint.effect) in seen:
            causes.duplicate(path, taint)
        seen.add((taint.key, taint.effect))
    for path, quantities in (
        ("status.capacity", node.status.capacity),
        ("status.allocatable", node.status.allocatable),
    ):
        for name, quantity in quantities.items():
            check_quantity(quantity, f"{path}[{name}]", causes)


def check_event(event: Event, causes: Causes) -> None:
    """An Event lives in its object's namespace; that of a cluster-scoped object in default."""
    involved = event.involved_object.namespace
    if not involved:
        if event.metadata.namespace not in ("default", "kube-system"):
            causes.invalid("involvedObject.namespace", involved, "does not match event.namespace")
    elif involved != event.metadata.namespace:
        causes.invalid("involvedObject.namespace", involved, "does not match event.namespace")


def check_lease(lease: Lease, causes: Causes) -> None:
    """Durations are positive, counts not negative."""
    spec = lease.spec
    if spec.lease_duration_seconds is not None and spec.lease_duration_seconds <= 0:
        causes.invalid(
            "spec.leaseDurationSeconds", spec.lease_duration_seconds, "must be greater than 0"
        )
    if spec.lease_transitions is not None:
        causes.at_least("spec.leaseTransitions", spec.lease_transitions, 0)
