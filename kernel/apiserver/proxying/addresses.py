"""Which port of which Pod a proxied request is for: pure.

Source of the rules and words: ResourceLocation of Pods and of Services in Kubernetes' registries,
and SplitSchemeNamePort of k8s.io/apimachinery.
"""

from collections.abc import Sequence

import msgspec

from kernel.api.errors import ApiError, BadRequest
from kernel.objects.container import Container
from kernel.objects.pod import Pod
from kernel.objects.service import Service, ServicePort

_SCHEMES = ("", "http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PORT_MAX = 65535


class ServiceUnavailable(ApiError):
    """What is to answer can't be reached now."""

    reason, code = "ServiceUnavailable", 503


class ProxiedName(msgspec.Struct, frozen=True):
    """What stands in a path where an object's name does: `web`, `web:8080`, `https:web:8443`.
    `port` is a number or, of a Service, its name; empty where none is given."""

    name: str
    scheme: str = "http"
    port: str = ""


def read_name(text: str, kind: str) -> ProxiedName:
    """The parts of such a name. Raises `BadRequest`."""
    parts = text.split(":")
    scheme, port = "", ""
    if len(parts) == 1:
        name = parts[0]
    elif len(parts) == 2:
        name, port = parts
    elif len(parts) == 3:
        scheme, name, port = parts
    else:
        name = ""
    if not name or scheme not in _SCHEMES:
        raise BadRequest(f'invalid {kind} request "{text}"')
    return ProxiedName(name, scheme or "http", port)


def pod_port(pod: Pod, wanted: ProxiedName) -> int:
    """The port of a Pod: what is asked for, or the first that its containers name, or the
    scheme's. Raises `ServiceUnavailable` for what is no port."""
    if wanted.port:
        return _port_number(wanted.port)
    for container in pod.spec.containers:
        if container.ports:
            return container.ports[0].container_port
    return _DEFAULT_PORTS[wanted.scheme]


def _port_number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= _PORT_MAX:
        raise ServiceUnavailable(f"error trying to reach service: dial tcp: invalid port {text}")
    return number


def service_port(service: Service, wanted: ProxiedName) -> ServicePort:
    """The port of a Service that is asked for by number or name; without either, the one that
    has no name. Raises `ServiceUnavailable`."""
    ports, name = service.spec.ports, service.metadata.name
    if wanted.port.isascii() and wanted.port.isdigit():
        number = int(wanted.port)
        for port in ports:
            if port.port == number:
                return port
        raise ServiceUnavailable(f'no service port {number} found for service "{name}"')
    for port in ports:
        if port.name == wanted.port:
            return port
    raise _no_endpoints(name)


def service_backends(
    service: Service, port: ServicePort, pods: Sequence[Pod]
) -> list[tuple[Pod, int]]:
    """The Pods that may answer for a Service, with the port of each. `pods` are those that its
    selector chooses. Raises `ServiceUnavailable` where there are none."""
    found = []
    for pod in pods:
        if not (_is_ready(pod) or service.spec.publish_not_ready_addresses):
            continue
        number = _target_port(pod, port)
        if number:
            found.append((pod, number))
    if not found:
        raise _no_endpoints(service.metadata.name)
    return found


def _no_endpoints(name: str) -> ServiceUnavailable:
    return ServiceUnavailable(f'no endpoints available for service "{name}"')


def _is_ready(pod: Pod) -> bool:
    if pod.metadata.deletion_timestamp is not None:
        return False
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def _target_port(pod: Pod, port: ServicePort) -> int:
    """0 where the Pod has no port of that name."""
    target = port.target_port or port.port
    if isinstance(target, int):
        return target
    sidecars: list[Container] = [
        one for one in pod.spec.init_containers if one.restart_policy == "Always"
    ]
    for container in (*pod.spec.containers, *sidecars):
        for own in container.ports:
            if own.name == target and own.protocol == port.protocol:
                return own.container_port
    return 0
