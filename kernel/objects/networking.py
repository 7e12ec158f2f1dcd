"""Ingresses, their classes, and NetworkPolicies (networking.k8s.io/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.struct import Atomic, Struct
from kernel.objects.volume import TypedLocalObjectReference
from kernel.objects.wire_types import Int32

_GROUP = "networking.k8s.io"


class ServiceBackendPort(Struct, atomic=True):
    """A port of a Service, by name or by number."""

    name: str = ""
    number: Int32 = 0


class IngressServiceBackend(Struct):
    """A Service and one of its ports."""

    name: str
    port: ServiceBackendPort = msgspec.field(default_factory=ServiceBackendPort)


class IngressBackend(Struct):
    """Where requests go: to a Service, or to an object that a controller understands."""

    service: IngressServiceBackend | None = None
    resource: TypedLocalObjectReference | None = None


class HTTPIngressPath(Struct):
    """Requests for a path, and their backend."""

    path: str = ""
    path_type: str | None = None
    backend: IngressBackend


class HTTPIngressRuleValue(Struct):
    """Paths of one host."""

    paths: Annotated[list[HTTPIngressPath], Atomic()] = []


class IngressRule(Struct):
    """What becomes of requests to a host, or to any where none is named."""

    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressTLS(Struct):
    """The Secret with the certificate of some hosts."""

    hosts: Annotated[list[str], Atomic()] = []
    secret_name: str = ""


class IngressSpec(Struct):
    """Where requests from outside go."""

    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    tls: Annotated[list[IngressTLS], Atomic()] = []
    rules: Annotated[list[IngressRule], Atomic()] = []


class IngressPortStatus(Struct):
    """One port where an Ingress takes traffic."""

    port: Int32
    protocol: str
    error: str | None = None


class IngressLoadBalancerIngress(Struct):
    """A point where an Ingress takes traffic."""

    ip: str = ""
    hostname: str = ""
    ports: Annotated[list[IngressPortStatus], Atomic()] = []


class IngressLoadBalancerStatus(Struct):
    """Where an Ingress takes traffic."""

    ingress: list[IngressLoadBalancerIngress] = []


class IngressStatus(Struct):
    """What is known of an Ingress."""

    load_balancer: IngressLoadBalancerStatus = msgspec.field(
        default_factory=IngressLoadBalancerStatus
    )


class Ingress(Kind, group=_GROUP, version="v1", plural="ingresses", short_names=("ing",)):
    """Lets requests from outside come in to Services, by host and path."""

    spec: IngressSpec = msgspec.field(default_factory=IngressSpec)
    status: IngressStatus = msgspec.field(default_factory=IngressStatus)


class IngressClassParametersReference(Struct):
    """An object with settings for a controller; `scope` is Cluster or Namespace."""

    api_group: str | None = None
    kind: str
    name: str
    scope: str | None = None
    namespace: str | None = None


class IngressClassSpec(Struct):
    """Which controller serves a class, and its settings."""

    controller: str = ""
    parameters: IngressClassParametersReference | None = None


class IngressClass(Kind, group=_GROUP, version="v1", plural="ingressclasses", namespaced=False):
    """A name for a controller of Ingresses."""

    spec: IngressClassSpec = msgspec.field(default_factory=IngressClassSpec)


class IPBlock(Struct):
    """A range of addresses, without some."""

    cidr: str
    except_: Annotated[list[str], Atomic()] = []


class NetworkPolicyPort(Struct):
    """A port, or all from `port` to `end_port`; without either, all of a protocol."""

    protocol: str | None = None
    port: int | str | None = None
    end_port: Int32 | None = None


class NetworkPolicyPeer(Struct):
    """Who is on the other side: Pods, or a range of addresses."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyIngressRule(Struct):
    """Traffic that may come in."""

    ports: Annotated[list[NetworkPolicyPort], Atomic()] = []
    from_: Annotated[list[NetworkPolicyPeer], Atomic()] = []


class NetworkPolicyEgressRule(Struct):
    """Traffic that may go out."""

    ports: Annotated[list[NetworkPolicyPort], Atomic()] = []
    to: Annotated[list[NetworkPolicyPeer], Atomic()] = []


class NetworkPolicySpec(Struct):
    """Whose traffic is bounded, and what is let through."""

    pod_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)
    ingress: Annotated[list[NetworkPolicyIngressRule], Atomic()] = []
    egress: Annotated[list[NetworkPolicyEgressRule], Atomic()] = []
    policy_types: Annotated[list[str], Atomic()] = []


class NetworkPolicy(
    Kind, group=_GROUP, version="v1", plural="networkpolicies", short_names=("netpol",)
):
    """Which traffic some Pods of a namespace may have."""

    spec: NetworkPolicySpec = msgspec.field(default_factory=NetworkPolicySpec)
