"""The other built-in kinds as rows of `kubectl get`: Kubernetes' columns and words."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from kernel.apiserver.rows.ages import UNKNOWN, age
from kernel.apiserver.rows.pods import NONE, POD_COLUMNS, pod_cells
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.coordination import Lease
from kernel.objects.event import Event
from kernel.objects.kind import Column, Kind
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.service import Service, ServiceAccount, ServicePort

NODE_ROLE_PREFIX = "node-role.kubernetes.io/"
NODE_ROLE_LABEL = "kubernetes.io/role"


class Rows(msgspec.Struct, frozen=True):
    """The columns of a kind, and what makes one of its objects (as of a time) their cells."""

    columns: tuple[Column, ...]
    cells: Callable[[Any, datetime], list[object]]


NAME = Column("Name", "metadata.name")
AGE = Column("Age", "metadata.creationTimestamp", type="date")


def columns(*names: str, wide: Iterable[str] = ()) -> tuple[Column, ...]:
    """Columns by name; `Name` and `Age` are those of every kind."""
    standard = {"Name": NAME, "Age": AGE}
    shown = [standard.get(name) or Column(name, "") for name in names]
    return (*shown, *(Column(name, "", priority=1) for name in wide))


def _node_cells(node: Node, now: datetime) -> list[object]:
    ready = next((c.status for c in node.status.conditions if c.type == "Ready"), "")
    status = {"True": "Ready", "": "Unknown"}.get(ready, "NotReady")
    if node.spec.unschedulable:
        status += ",SchedulingDisabled"
    info = node.status.node_info
    return [
        node.metadata.name,
        status,
        ",".join(_node_roles(node)) or NONE,
        age(node.metadata.creation_timestamp, now),
        info.kubelet_version,
        _node_address(node, "InternalIP"),
        _node_address(node, "ExternalIP"),
        info.os_image or UNKNOWN,
        info.kernel_version or UNKNOWN,
        info.container_runtime_version or UNKNOWN,
    ]


def _node_roles(node: Node) -> list[str]:
    roles = set()
    for label, value in node.metadata.labels.items():
        if label.startswith(NODE_ROLE_PREFIX):
            roles.add(label.removeprefix(NODE_ROLE_PREFIX))
        elif label == NODE_ROLE_LABEL:
            roles.add(value)
    return sorted(roles - {""})


def _node_address(node: Node, type_: str) -> str:
    return next((a.address for a in node.status.addresses if a.type == type_), NONE)


def _namespace_cells(namespace: Namespace, now: datetime) -> list[object]:
    metadata = namespace.metadata
    return [metadata.name, namespace.status.phase, age(metadata.creation_timestamp, now)]


def _config_map_cells(config_map: ConfigMap, now: datetime) -> list[object]:
    metadata = config_map.metadata
    entries = len(config_map.data) + len(config_map.binary_data)
    return [metadata.name, entries, age(metadata.creation_timestamp, now)]


def _secret_cells(secret: Secret, now: datetime) -> list[object]:
    metadata = secret.metadata
    return [metadata.name, secret.type, len(secret.data), age(metadata.creation_timestamp, now)]


def _service_cells(service: Service, now: datetime) -> list[object]:
    spec = service.spec
    selector = ",".join(f"{key}={value}" for key, value in sorted(spec.selector.items()))
    return [
        service.metadata.name,
        spec.type or "ClusterIP",
        spec.cluster_ip or NONE,
        _external_address(service),
        ",".join(_port_text(port) for port in spec.ports) or NONE,
        age(service.metadata.creation_timestamp, now),
        selector or NONE,
    ]


def _external_address(service: Service) -> str:
    spec = service.spec
    if spec.type == "ExternalName":
        return spec.external_name
    addresses = list(spec.external_ips)
    if spec.type == "LoadBalancer":
        ingress = service.status.load_balancer.ingress
        addresses = [point.ip or point.hostname for point in ingress] + addresses
        return ",".join(addresses) or "<pending>"
    return ",".join(addresses) or NONE


def _port_text(port: ServicePort) -> str:
    node_port = f":{port.node_port}" if port.node_port else ""
    return f"{port.port}{node_port}/{port.protocol or 'TCP'}"


def _service_account_cells(account: ServiceAccount, now: datetime) -> list[object]:
    metadata = account.metadata
    return [metadata.name, len(account.secrets), age(metadata.creation_timestamp, now)]


def _lease_cells(lease: Lease, now: datetime) -> list[object]:
    metadata = lease.metadata
    holder = lease.spec.holder_identity or ""
    return [metadata.name, holder, age(metadata.creation_timestamp, now)]


def _runtime_class_cells(runtime_class: RuntimeClass, now: datetime) -> list[object]:
    metadata = runtime_class.metadata
    return [metadata.name, runtime_class.handler, age(metadata.creation_timestamp, now)]


def _event_cells(event: Event, now: datetime) -> list[object]:
    first = event.first_timestamp or event.event_time
    last = event.last_timestamp or first
    count = event.count or 1
    if event.series is not None:
        last = event.series.last_observed_time or last
        count = event.series.count or count
    about = event.involved_object
    component = event.source.component or event.reporting_component
    host = event.source.host or event.reporting_instance
    return [
        age(last, now),
        event.type,
        event.reason,
        f"{about.kind.lower()}/{about.name}",
        about.field_path,
        ", ".join(part for part in (component, host) if part),
        event.message.strip(),
        age(first, now),
        count,
        event.metadata.name,
    ]


_EVENT_COLUMNS = (
    *columns("Last Seen", "Type", "Reason", "Object", wide=("Subobject", "Source")),
    *columns("Message", wide=("First Seen", "Count", "Name")),
)

CORE_ROWS: dict[type[Kind], Rows] = {
    Pod: Rows(POD_COLUMNS, pod_cells),
    Node: Rows(
        columns(
            *("Name", "Status", "Roles", "Age", "Version"),
            wide=("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        ),
        _node_cells,
    ),
    Namespace: Rows(columns("Name", "Status", "Age"), _namespace_cells),
    ConfigMap: Rows(columns("Name", "Data", "Age"), _config_map_cells),
    Secret: Rows(columns("Name", "Type", "Data", "Age"), _secret_cells),
    Service: Rows(
        columns(
            *("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"), wide=("Selector",)
        ),
        _service_cells,
    ),
    ServiceAccount: Rows(columns("Name", "Secrets", "Age"), _service_account_cells),
    Lease: Rows(columns("Name", "Holder", "Age"), _lease_cells),
    RuntimeClass: Rows(columns("Name", "Handler", "Age"), _runtime_class_cells),
    Event: Rows(_EVENT_COLUMNS, _event_cells),
}
