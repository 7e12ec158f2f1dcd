"""What every kernel has from the start, and gets back when it is deleted.

The namespaces default, kube-system, kube-public and kube-node-lease; Service `kubernetes` in
default, which stands for the API server; in every namespace a ServiceAccount `default` and a
ConfigMap `kube-root-ca.crt` with the authority that the API server is to be trusted by. A new
namespace has these two from the first moment: they are written together.
"""

import anyio

from kernel.api.admission import AdmissionHook, AdmissionRequest, admission
from kernel.api.client import Client
from kernel.api.context import acting
from kernel.api.errors import AlreadyExists, Forbidden, NotFound
from kernel.control.reconciler import Reconciler, Request, Watch
from kernel.objects.config import ConfigMap
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.service import Service, ServiceAccount, ServicePort, ServiceSpec

NAME = "system-objects"
SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
UNDELETABLE_NAMESPACES = ("default", "kube-system", "kube-public")
SERVICE_NAME = "kubernetes"
SERVICE_ADDRESS = "10.96.0.1"
SERVICE_PORT = 443
SERVER_PORT_DEFAULT = 6443
ACCOUNT_NAME = "default"
AUTHORITY_NAME = "kube-root-ca.crt"
AUTHORITY_KEY = "ca.crt"


async def ensure_system_objects(
    client: Client, *, authority: str, server_port: int = SERVER_PORT_DEFAULT
) -> None:
    """Make what is missing, before any reconciler runs. `authority` is the certificate authority
    of the API server, in PEM; `server_port` is where it listens: the target port of Service
    `kubernetes`."""
    with acting(NAME):
        # Side by side, so that they reach the disk together.
        async with anyio.create_task_group() as tasks:
            for namespace in SYSTEM_NAMESPACES:
                tasks.start_soon(_ensure_in, client, namespace, authority, server_port)


def system_objects(*, authority: str, server_port: int = SERVER_PORT_DEFAULT) -> Reconciler:
    """The reconciler that brings these objects back."""

    async def reconcile(request: Request, client: Client) -> None:
        await _ensure_in(client, request.name, authority, server_port)

    return Reconciler(
        name=NAME,
        kind=Namespace,
        reconcile=reconcile,
        watches=(
            Watch(Service, _of_service),
            Watch(ServiceAccount, _of_account),
            Watch(ConfigMap, _of_authority),
        ),
    )


def furnish_namespaces(authority: str) -> AdmissionHook:
    """The hook by which a new namespace has its objects."""

    @admission(Namespace, name=NAME)
    async def furnish(request: AdmissionRequest) -> None:
        request.companions += _objects_of(request.name, authority)

    return furnish


@admission(Namespace, operations=("DELETE",), validating=True, name=NAME)
async def protect_system_namespaces(request: AdmissionRequest) -> None:
    """Refuse, in Kubernetes' words, to delete the namespaces that nothing works without."""
    if request.name in UNDELETABLE_NAMESPACES:
        raise Forbidden(
            f'namespaces "{request.name}" is forbidden: this namespace may not be deleted'
        )


def _of_service(service: Service) -> list[Request]:
    metadata = service.metadata
    ours = (metadata.namespace, metadata.name) == ("default", SERVICE_NAME)
    return [Request(metadata.namespace)] if ours else []


def _of_account(account: ServiceAccount) -> list[Request]:
    metadata = account.metadata
    return [Request(metadata.namespace)] if metadata.name == ACCOUNT_NAME else []


def _of_authority(config_map: ConfigMap) -> list[Request]:
    metadata = config_map.metadata
    return [Request(metadata.namespace)] if metadata.name == AUTHORITY_NAME else []


def _objects_of(namespace: str, authority: str) -> tuple[ServiceAccount, ConfigMap]:
    return (
        ServiceAccount(metadata=ObjectMeta(name=ACCOUNT_NAME, namespace=namespace)),
        ConfigMap(
            metadata=ObjectMeta(name=AUTHORITY_NAME, namespace=namespace),
            data={AUTHORITY_KEY: authority},
        ),
    )


async def _ensure_in(client: Client, name: str, authority: str, server_port: int) -> None:
    """Make what is missing of one namespace; of one that is ending, nothing."""
    try:
        await client.get(Namespace, name)
    except NotFound:
        if name not in SYSTEM_NAMESPACES:
            return
        await _create_if_missing(client, Namespace(metadata=ObjectMeta(name=name)))
    account, wanted = _objects_of(name, authority)
    await _create_if_missing(client, account)
    try:
        present = await client.get(ConfigMap, AUTHORITY_NAME, namespace=name)
    except NotFound:
        await _create_if_missing(client, wanted)
    else:
        if present.data != wanted.data:
            present.data = wanted.data
            await client.update(present)
    if name == "default":
        await _ensure_service(client, server_port)


async def _ensure_service(client: Client, server_port: int) -> None:
    """Service `kubernetes`, with the present port of the API server behind it."""
    port = ServicePort(name="https", port=SERVICE_PORT, protocol="TCP", target_port=server_port)
    try:
        service = await client.get(Service, SERVICE_NAME, namespace="default")
    except NotFound:
        labels = {"component": "apiserver", "provider": "kubernetes"}
        service = Service(
            metadata=ObjectMeta(name=SERVICE_NAME, namespace="default", labels=labels),
            spec=ServiceSpec(
                type="ClusterIP",
                cluster_ip=SERVICE_ADDRESS,
                cluster_ips=[SERVICE_ADDRESS],
                ports=[port],
            ),
        )
        await _create_if_missing(client, service)
        return
    if service.spec.ports != [port]:
        service.spec.ports = [port]
        await client.update(service)


async def _create_if_missing(client: Client, obj: Kind) -> None:
    try:
        await client.create(obj)
    except (AlreadyExists, Forbidden):
        return  # somebody was faster, or the namespace has begun to end
