"""What the API fills in where an object leaves it open, as Kubernetes does (core/v1 defaults.go).

Pure, and idempotent: the same rules run on create and on every update.
"""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from kernel.api import workload_defaulting
from kernel.api.pod_defaulting import default_pod, default_template
from kernel.api.rules.by_kind import rules_of
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.batch import CronJob, Job
from kernel.objects.config import Secret
from kernel.objects.coordination import Lease
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.pod_template import PodTemplate, ReplicationController
from kernel.objects.resource_policies import LimitRange
from kernel.objects.service import ClientIPConfig, Service, SessionAffinityConfig

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
NAMESPACE_FINALIZER = "kubernetes"

_AFFINITY_TIMEOUT_SECONDS = 10800


def default(obj: Kind) -> None:
    """Fill in `obj`, in place. Kinds without defaults are left as they are."""
    rule = _RULES.get(type(obj)) or rules_of(type(obj)).default
    if rule is not None:
        rule(obj)


def _default_namespace(namespace: Namespace) -> None:
    if namespace.metadata.name:
        namespace.metadata.labels[NAMESPACE_NAME_LABEL] = namespace.metadata.name
    if namespace.metadata.deletion_timestamp is None:
        namespace.status.phase = namespace.status.phase or "Active"
        if not namespace.spec.finalizers:
            namespace.spec.finalizers = [NAMESPACE_FINALIZER]


def _default_secret(secret: Secret) -> None:
    secret.type = secret.type or "Opaque"
    for key, text in secret.string_data.items():
        secret.data[key] = base64.b64encode(text.encode()).decode()
    secret.string_data = {}


def _default_node(node: Node) -> None:
    if not node.status.allocatable:
        node.status.allocatable = dict(node.status.capacity)
    if not node.spec.pod_cidrs and node.spec.pod_cidr:
        node.spec.pod_cidrs = [node.spec.pod_cidr]


def _default_service(service: Service) -> None:
    spec = service.spec
    spec.type = spec.type or "ClusterIP"
    spec.session_affinity = spec.session_affinity or "None"
    if spec.session_affinity == "None":
        spec.session_affinity_config = None
    elif spec.session_affinity_config is None:
        client_ip = ClientIPConfig(timeout_seconds=_AFFINITY_TIMEOUT_SECONDS)
        spec.session_affinity_config = SessionAffinityConfig(client_ip=client_ip)
    for port in spec.ports:
        port.protocol = port.protocol or "TCP"
        port.target_port = port.target_port or port.port
    if spec.cluster_ip and not spec.cluster_ips:
        spec.cluster_ips = [spec.cluster_ip]
    if spec.type == "ExternalName":
        return
    spec.internal_traffic_policy = spec.internal_traffic_policy or "Cluster"
    spec.ip_family_policy = spec.ip_family_policy or "SingleStack"
    spec.ip_families = spec.ip_families or ["IPv4"]
    if spec.type in ("NodePort", "LoadBalancer") or spec.external_ips:
        spec.external_traffic_policy = spec.external_traffic_policy or "Cluster"
    if spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is None:
        spec.allocate_load_balancer_node_ports = True


def _default_limit_range(limit_range: LimitRange) -> None:
    """A container's limit is the largest there may be, and its request its limit."""
    for item in limit_range.spec.limits:
        if item.type == "Container":
            item.default = item.max | item.default
            item.default_request = item.min | item.default | item.default_request


def _default_claim(claim: PersistentVolumeClaim) -> None:
    claim.spec.volume_mode = claim.spec.volume_mode or "Filesystem"
    claim.status.phase = claim.status.phase or "Pending"


def _default_lease(lease: Lease) -> None:
    lease.spec.acquire_time = _with_fraction(lease.spec.acquire_time)
    lease.spec.renew_time = _with_fraction(lease.spec.renew_time)


def _default_event(event: Event) -> None:
    event.event_time = _with_fraction(event.event_time)
    if event.series is not None:
        event.series.last_observed_time = _with_fraction(event.series.last_observed_time)


def _with_fraction(time: datetime | None) -> datetime | None:
    """Keeps a MicroTime readable: Go's clients want six digits after the point, always, while
    a whole second is written with none. Such a time moves by one microsecond."""
    if time is None or time.microsecond:
        return time
    return time + timedelta(microseconds=1)


_RULES: dict[type[Kind], Callable[[Any], None]] = {
    Pod: default_pod,
    Namespace: _default_namespace,
    Secret: _default_secret,
    Node: _default_node,
    Service: _default_service,
    Lease: _default_lease,
    Event: _default_event,
    PodTemplate: lambda stored: default_template(stored.template.spec),
    ReplicationController: workload_defaulting.default_replication_controller,
    Deployment: workload_defaulting.default_deployment,
    ReplicaSet: workload_defaulting.default_replica_set,
    StatefulSet: workload_defaulting.default_stateful_set,
    DaemonSet: workload_defaulting.default_daemon_set,
    Job: workload_defaulting.default_job,
    CronJob: workload_defaulting.default_cron_job,
    LimitRange: _default_limit_range,
    PersistentVolumeClaim: _default_claim,
}
