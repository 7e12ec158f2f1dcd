"""Environment variables that lead a container to the Services of its namespace (pure).

https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""

from collections.abc import Iterable

from kernel.objects.pod import Pod
from kernel.objects.service import Service

API_SERVICE = ("default", "kubernetes")


def service_variables(pod: Pod, services: Iterable[Service]) -> dict[str, str]:
    """The variables of those `services` that the Pod is to know and that have an address: all of
    its namespace unless `enableServiceLinks` is false, and in any case the API server's."""
    known: dict[str, Service] = {}
    for service in services:
        if service.spec.cluster_ip in ("", "None") or not service.spec.ports:
            continue
        name = service.metadata.name
        if _is_linked(pod, service):
            known[name] = service
        elif (service.metadata.namespace, name) == API_SERVICE:
            # In its own namespace, a Service named as the API server's hides that one.
            known.setdefault(name, service)
    variables: dict[str, str] = {}
    for service in known.values():
        variables |= _variables_of(service)
    return variables


def _is_linked(pod: Pod, service: Service) -> bool:
    enabled = pod.spec.enable_service_links is not False
    return enabled and service.metadata.namespace == pod.metadata.namespace


def _variables_of(service: Service) -> dict[str, str]:
    prefix, address = _name(service.metadata.name), service.spec.cluster_ip
    ports = service.spec.ports
    first = ports[0]
    variables = {
        f"{prefix}_SERVICE_HOST": address,
        f"{prefix}_SERVICE_PORT": str(first.port),
        f"{prefix}_PORT": _url(first.protocol, address, first.port),
    }
    for port in ports:
        if port.name:
            variables[f"{prefix}_SERVICE_PORT_{_name(port.name)}"] = str(port.port)
        protocol = port.protocol or "TCP"
        link = f"{prefix}_PORT_{port.port}_{protocol.upper()}"
        variables |= {
            link: _url(protocol, address, port.port),
            f"{link}_PROTO": protocol.lower(),
            f"{link}_PORT": str(port.port),
            f"{link}_ADDR": address,
        }
    return variables


def _url(protocol: str, address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{(protocol or 'TCP').lower()}://{host}:{port}"


def _name(text: str) -> str:
    name = text.replace("-", "_").replace(".", "_").upper()
    return f"_{name}" if name[:1].isdigit() else name
