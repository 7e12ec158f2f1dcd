"""Where a webhook listens: by its URL, or behind a Service.

There is no virtual address of a Service here, so a Pod behind it is called directly: one that is
ready and that the Service selects, at the port that the Service's port stands for; or an address of
the Endpoints of a Service that selects nothing. The certificate is checked against the Service's
name, as in Kubernetes.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from kernel.api.errors import NotFound
from kernel.api.object_api import ObjectApi
from kernel.api.webhooks.calling import CallFailure, Destination
from kernel.objects.endpoints import Endpoints
from kernel.objects.pod import Pod
from kernel.objects.service import Service, ServicePort
from kernel.objects.webhook_configuration import ServiceReference, WebhookClientConfig

HTTPS_PORT = 443


def destination_of(
    client: WebhookClientConfig, api: ObjectApi, timeout_seconds: int
) -> Destination:
    """Where to call. Raises `CallFailure` where the Service leads nowhere now."""
    if client.service is not None:
        return _behind_service(client.service, client.ca_bundle, api, timeout_seconds)
    parts = urlsplit(client.url or "")
    host = parts.hostname or ""
    return Destination(
        host=host,
        port=parts.port or HTTPS_PORT,
        server_name=host,
        authority=parts.netloc,
        path=parts.path or "/",
        ca_bundle=client.ca_bundle,
    )


def _behind_service(
    reference: ServiceReference, ca_bundle: str, api: ObjectApi, timeout_seconds: int
) -> Destination:
    name = f"{reference.name}.{reference.namespace}.svc"
    wanted_port = reference.port or HTTPS_PORT
    path = reference.path or "/"
    path = path if path.startswith("/") else f"/{path}"
    destination = Destination(
        host="",
        port=wanted_port,
        server_name=name,
        authority=f"{name}:{wanted_port}",
        path=path,
        ca_bundle=ca_bundle,
    )
    prefix = f'failed to call webhook: Post "{destination.url(timeout_seconds)}": '
    try:
        service: Service = api.get(Service, reference.namespace, reference.name).decode()
    except NotFound:
        raise CallFailure(f'{prefix}service "{reference.name}" not found') from None
    if service.spec.type == "ExternalName":
        return _at(destination, service.spec.external_name, wanted_port)
    port = next((port for port in service.spec.ports if port.port == wanted_port), None)
    if port is None:
        raise CallFailure(
            f'{prefix}no service port {wanted_port} found for service "{reference.name}"'
        )
    backends = _pods_behind if service.spec.selector else _addresses_behind
    for address, number in backends(service, port, api):
        return _at(destination, address, number)
    raise CallFailure(f'{prefix}no endpoints available for service "{reference.name}"')


def _at(destination: Destination, host: str, port: int) -> Destination:
    return Destination(
        host=host,
        port=port,
        server_name=destination.server_name,
        authority=destination.authority,
        path=destination.path,
        ca_bundle=destination.ca_bundle,
    )


def _pods_behind(service: Service, port: ServicePort, api: ObjectApi) -> Iterator[tuple[str, int]]:
    """The address and the port of each ready Pod that the Service selects."""
    selector = ",".join(f"{key}={value}" for key, value in service.spec.selector.items())
    namespace = service.metadata.namespace
    for stored in api.list(Pod, namespace=namespace, label_selector=selector).items:
        pod: Pod = stored.decode()
        number = _port_number(port, pod)
        if _is_ready(pod) and pod.status.pod_ip and number:
            yield pod.status.pod_ip, number


def _addresses_behind(
    service: Service, port: ServicePort, api: ObjectApi
) -> Iterator[tuple[str, int]]:
    """The addresses of the Endpoints that somebody keeps for the Service."""
    metadata = service.metadata
    try:
        endpoints: Endpoints = api.get(Endpoints, metadata.namespace, metadata.name).decode()
    except NotFound:
        return
    for subset in endpoints.subsets:
        for found in subset.ports:
            if found.name == port.name:
                yield from ((address.ip, found.port) for address in subset.addresses)


def _is_ready(pod: Pod) -> bool:
    if pod.metadata.deletion_timestamp is not None:
        return False
    return any(found.type == "Ready" and found.status == "True" for found in pod.status.conditions)


def _port_number(port: ServicePort, pod: Pod) -> int | None:
    """The port of the Pod that a Service's port stands for: a number, or a name that it has."""
    target = port.target_port or port.port
    if isinstance(target, int):
        return target
    for container in pod.spec.containers:
        for found in container.ports:
            if found.name == target:
                return int(found.container_port)
    return None
