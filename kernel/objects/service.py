"""Services and ServiceAccounts (core/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.event import ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.meta import Condition
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.volume import LocalObjectReference
from kernel.objects.wire_types import Int32


class ServicePort(Struct):
    """A port of the service; `target_port` 0 or absent means `port`."""

    name: str = ""
    protocol: str = ""
    app_protocol: str | None = None
    port: Int32
    target_port: int | str = 0
    node_port: Int32 = 0


class ClientIPConfig(Struct):
    """How long a client stays with the Pod that it was sent to."""

    timeout_seconds: Int32 | None = None


class SessionAffinityConfig(Struct):
    """Settings of session affinity."""

    client_ip: ClientIPConfig | None = None


class ServiceSpec(Struct):
    """Which Pods stand behind a name, and how it is reached."""

    ports: Annotated[list[ServicePort], MergeKey("port", also=(("protocol", "TCP"),))] = []
    selector: Annotated[dict[str, str], Atomic()] = {}
    cluster_ip: str = ""
    cluster_ips: list[str] = []
    type: str = ""
    external_ips: list[str] = []
    session_affinity: str = ""
    load_balancer_ip: str = ""
    load_balancer_source_ranges: list[str] = []
    external_name: str = ""
    external_traffic_policy: str = ""
    health_check_node_port: Int32 = 0
    publish_not_ready_addresses: bool = False
    session_affinity_config: SessionAffinityConfig | None = None
    ip_families: list[str] = []
    ip_family_policy: str | None = None
    allocate_load_balancer_node_ports: bool | None = None
    load_balancer_class: str | None = None
    internal_traffic_policy: str | None = None
    traffic_distribution: str | None = None


class PortStatus(Struct):
    """One port of a load balancer."""

    port: Int32
    protocol: str
    error: str | None = None


class LoadBalancerIngress(Struct):
    """A point where a load balancer takes traffic."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None
    ports: list[PortStatus] = []


class LoadBalancerStatus(Struct):
    """Where a load balancer takes traffic."""

    ingress: list[LoadBalancerIngress] = []


class ServiceStatus(Struct):
    """What is known of a service."""

    load_balancer: LoadBalancerStatus = msgspec.field(default_factory=LoadBalancerStatus)
    conditions: Annotated[list[Condition], MergeKey("type")] = []


class Service(Kind, version="v1", short_names=("svc",), categories=("all",)):
    """A stable name and address for a set of Pods."""

    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)
    status: ServiceStatus = msgspec.field(default_factory=ServiceStatus)


class ServiceAccount(Kind, version="v1", short_names=("sa",)):
    """An identity for the processes of Pods."""

    secrets: Annotated[list[ObjectReference], MergeKey("name")] = []
    image_pull_secrets: list[LocalObjectReference] = []
    automount_service_account_token: bool | None = None
