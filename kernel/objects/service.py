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
    """Name of the port, unique in the Service; may be left out if there is one port alone."""
    protocol: str = ""
    """Protocol of the port. Default: TCP. One of: SCTP, TCP, UDP."""
    app_protocol: str | None = None
    """What is spoken over it, http or kubernetes.io/h2c say."""
    port: Int32
    """Port that the Service is reached by, 1 to 65535."""
    target_port: int | str = 0
    """Port of the Pods: a number, or the name of a container's port. Default: `port`."""
    node_port: Int32 = 0
    """Port of every node that leads here, for the types NodePort and LoadBalancer. Default: a free
    one of 30000 to 32767."""


class ClientIPConfig(Struct):
    """How long a client stays with the Pod that it was sent to."""

    timeout_seconds: Int32 | None = None
    """For how many seconds a client stays with the same Pod, 1 to 86400. Default: 10800."""


class SessionAffinityConfig(Struct):
    """Settings of session affinity."""

    client_ip: ClientIPConfig | None = None
    """Settings for the affinity ClientIP."""


class ServiceSpec(Struct):
    """Which Pods stand behind a name, and how it is reached."""

    ports: Annotated[list[ServicePort], MergeKey("port", also=(("protocol", "TCP"),))] = []
    """Ports that the Service has."""
    selector: Annotated[dict[str, str], Atomic()] = {}
    """Labels of the Pods that it leads to. Empty: somebody else says where it leads."""
    cluster_ip: str = ""
    """Address of the Service in the cluster; None for none at all (headless); empty to be given
    one. Cannot be changed."""
    cluster_ips: list[str] = []
    """The same, one a family of addresses."""
    type: str = ""
    """How it is reached: in the cluster, by a port of each node too, by a load balancer too, or as
    another name in DNS. Default: ClusterIP. One of: ClusterIP, ExternalName, LoadBalancer,
    NodePort."""
    external_ips: list[str] = []
    """Further addresses, not looked after here, whose traffic is taken for the Service."""
    session_affinity: str = ""
    """Whether a client stays with the same Pod, by its address. Default: None. One of: ClientIP,
    None."""
    load_balancer_ip: str = ""
    """Of old, the address that the load balancer is to have."""
    load_balancer_source_ranges: list[str] = []
    """Addresses of clients that the load balancer lets in, as CIDRs. Empty: all."""
    external_name: str = ""
    """The name that DNS answers; for the type ExternalName alone."""
    external_traffic_policy: str = ""
    """Whether traffic from outside goes to Pods of any node, or only of the node that it came to,
    which keeps the client's address. Default: Cluster. One of: Cluster, Local."""
    health_check_node_port: Int32 = 0
    """Port of the nodes that tells a load balancer whether there are Pods; for the policy Local."""
    publish_not_ready_addresses: bool = False
    """Whether Pods that are not ready are among its addresses. Default: false."""
    session_affinity_config: SessionAffinityConfig | None = None
    """Settings of `sessionAffinity`."""
    ip_families: list[str] = []
    """Families of its addresses. One of: "", IPv4, IPv6."""
    ip_family_policy: str | None = None
    """Whether it has addresses of one family or two. Default: SingleStack. One of: PreferDualStack,
    RequireDualStack, SingleStack."""
    allocate_load_balancer_node_ports: bool | None = None
    """Whether a LoadBalancer gets node ports too. Default: true."""
    load_balancer_class: str | None = None
    """Which load balancer is to look after it; cannot be changed."""
    internal_traffic_policy: str | None = None
    """Whether traffic from inside goes to Pods of any node, or of the same node alone. Default:
    Cluster. One of: Cluster, Local."""
    traffic_distribution: str | None = None
    """Which Pods are preferred, PreferClose say. Default: none."""


class PortStatus(Struct):
    """One port of a load balancer."""

    port: Int32
    """The port."""
    protocol: str
    """Its protocol. One of: SCTP, TCP, UDP."""
    error: str | None = None
    """What is wrong with it, as one word."""


class LoadBalancerIngress(Struct):
    """A point where a load balancer takes traffic."""

    ip: str = ""
    """Address of the load balancer."""
    hostname: str = ""
    """Name of the load balancer."""
    ip_mode: str | None = None
    """Whether the node takes traffic to that address itself (VIP), or not (Proxy)."""
    ports: list[PortStatus] = []
    """State of each port."""


class LoadBalancerStatus(Struct):
    """Where a load balancer takes traffic."""

    ingress: list[LoadBalancerIngress] = []
    """Where traffic from outside comes in."""


class ServiceStatus(Struct):
    """What is known of a service."""

    load_balancer: LoadBalancerStatus = msgspec.field(default_factory=LoadBalancerStatus)
    """What the load balancer says."""
    conditions: Annotated[list[Condition], MergeKey("type")] = []
    """What is to be said of its state, by type."""


class Service(Kind, version="v1", short_names=("svc",), categories=("all",)):
    """A stable name and address for a set of Pods."""

    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)
    """How the Pods are reached."""
    status: ServiceStatus = msgspec.field(default_factory=ServiceStatus)
    """How they are reached from outside."""


class ServiceAccount(Kind, version="v1", short_names=("sa",)):
    """An identity for the processes of Pods."""

    secrets: Annotated[list[ObjectReference], MergeKey("name")] = []
    """Secrets that its Pods may mount; only held to where an annotation says so."""
    image_pull_secrets: list[LocalObjectReference] = []
    """Secrets with credentials for registries; given to Pods that name none."""
    automount_service_account_token: bool | None = None
    """Whether Pods get its token as a file, where they do not say. Default: true."""
