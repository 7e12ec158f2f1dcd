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
    """The name of the port; not beside a number."""
    number: Int32 = 0
    """The number of the port; not beside a name."""


class IngressServiceBackend(Struct):
    """A Service and one of its ports."""

    name: str
    """The name of the Service, in the same namespace."""
    port: ServiceBackendPort = msgspec.field(default_factory=ServiceBackendPort)
    """Its port."""


class IngressBackend(Struct):
    """Where requests go: to a Service, or to an object that a controller understands."""

    service: IngressServiceBackend | None = None
    """The Service."""
    resource: TypedLocalObjectReference | None = None
    """The object, in the same namespace; not beside a Service."""


class HTTPIngressPath(Struct):
    """Requests for a path, and their backend."""

    path: str = ""
    """The path, which starts with a slash."""
    path_type: str | None = None
    """How paths of requests are compared with it. One of: Exact, ImplementationSpecific, Prefix.
    Required."""
    backend: IngressBackend
    """Where its requests go."""


class HTTPIngressRuleValue(Struct):
    """Paths of one host."""

    paths: Annotated[list[HTTPIngressPath], Atomic()] = []
    """The paths, and where their requests go. Required."""


class IngressRule(Struct):
    """What becomes of requests to a host, or to any where none is named."""

    host: str = ""
    """The host, which may start with `*.`; empty for all."""
    http: HTTPIngressRuleValue | None = None
    """What becomes of requests over HTTP."""


class IngressTLS(Struct):
    """The Secret with the certificate of some hosts."""

    hosts: Annotated[list[str], Atomic()] = []
    """The hosts that the certificate is for."""
    secret_name: str = ""
    """The Secret with the certificate and its key."""


class IngressSpec(Struct):
    """Where requests from outside go."""

    ingress_class_name: str | None = None
    """The name of the class of controllers that is to serve it."""
    default_backend: IngressBackend | None = None
    """Where requests go that fit no rule."""
    tls: Annotated[list[IngressTLS], Atomic()] = []
    """Certificates for hosts."""
    rules: Annotated[list[IngressRule], Atomic()] = []
    """What becomes of requests, by host and path."""


class IngressPortStatus(Struct):
    """One port where an Ingress takes traffic."""

    port: Int32
    """Its number."""
    protocol: str
    """How it is spoken to. One of: SCTP, TCP, UDP."""
    error: str | None = None
    """Why it takes no traffic."""


class IngressLoadBalancerIngress(Struct):
    """A point where an Ingress takes traffic."""

    ip: str = ""
    """Its address."""
    hostname: str = ""
    """Its name."""
    ports: Annotated[list[IngressPortStatus], Atomic()] = []
    """Its ports."""


class IngressLoadBalancerStatus(Struct):
    """Where an Ingress takes traffic."""

    ingress: list[IngressLoadBalancerIngress] = []
    """The points where traffic is taken."""


class IngressStatus(Struct):
    """What is known of an Ingress."""

    load_balancer: IngressLoadBalancerStatus = msgspec.field(
        default_factory=IngressLoadBalancerStatus
    )
    """Where it takes traffic."""


class Ingress(Kind, group=_GROUP, version="v1", plural="ingresses", short_names=("ing",)):
    """Lets requests from outside come in to Services, by host and path."""

    spec: IngressSpec = msgspec.field(default_factory=IngressSpec)
    """Where requests go."""
    status: IngressStatus = msgspec.field(default_factory=IngressStatus)
    """Where it takes traffic."""


class IngressClassParametersReference(Struct):
    """An object with settings for a controller; `scope` is Cluster or Namespace."""

    api_group: str | None = None
    """The group of the object's kind; none for the core."""
    kind: str
    """Its kind."""
    name: str
    """Its name."""
    scope: str | None = None
    """Whether it is in a namespace. One of: Cluster, Namespace. Default: Cluster."""
    namespace: str | None = None
    """The namespace that it is in."""


class IngressClassSpec(Struct):
    """Which controller serves a class, and its settings."""

    controller: str = ""
    """The controller, as a path below a domain: `example.com/ingress`. It never changes."""
    parameters: IngressClassParametersReference | None = None
    """An object with settings for it."""


class IngressClass(Kind, group=_GROUP, version="v1", plural="ingressclasses", namespaced=False):
    """A name for a controller of Ingresses."""

    spec: IngressClassSpec = msgspec.field(default_factory=IngressClassSpec)
    """The controller, and its settings."""


class IPBlock(Struct):
    """A range of addresses, without some."""

    cidr: str
    """The range, such as 10.0.0.0/8."""
    except_: Annotated[list[str], Atomic()] = []
    """Ranges within it that are left out."""


class NetworkPolicyPort(Struct):
    """A port, or all from `port` to `end_port`; without either, all of a protocol."""

    protocol: str | None = None
    """How it is spoken to. One of: SCTP, TCP, UDP. Default: TCP."""
    port: int | str | None = None
    """Its number, or the name of a Pod's port; without it, all ports."""
    end_port: Int32 | None = None
    """The last number of a range that starts with `port`."""


class NetworkPolicyPeer(Struct):
    """Who is on the other side: Pods, or a range of addresses."""

    pod_selector: LabelSelector | None = None
    """Pods by their labels, in the same namespace unless namespaces are selected too."""
    namespace_selector: LabelSelector | None = None
    """Namespaces by their labels; all of their Pods unless Pods are selected too."""
    ip_block: IPBlock | None = None
    """A range of addresses; not beside selectors."""


class NetworkPolicyIngressRule(Struct):
    """Traffic that may come in."""

    ports: Annotated[list[NetworkPolicyPort], Atomic()] = []
    """The ports it may come in at; empty for all."""
    from_: Annotated[list[NetworkPolicyPeer], Atomic()] = []
    """Where it may come from; empty for anywhere."""


class NetworkPolicyEgressRule(Struct):
    """Traffic that may go out."""

    ports: Annotated[list[NetworkPolicyPort], Atomic()] = []
    """The ports it may go to; empty for all."""
    to: Annotated[list[NetworkPolicyPeer], Atomic()] = []
    """Where it may go; empty for anywhere."""


class NetworkPolicySpec(Struct):
    """Whose traffic is bounded, and what is let through."""

    pod_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)
    """The Pods by their labels; empty for all of the namespace."""
    ingress: Annotated[list[NetworkPolicyIngressRule], Atomic()] = []
    """What may come in; empty for nothing."""
    egress: Annotated[list[NetworkPolicyEgressRule], Atomic()] = []
    """What may go out; empty for nothing."""
    policy_types: Annotated[list[str], Atomic()] = []
    """Which directions are bounded. One of: Egress, Ingress. Default: Ingress, and Egress where
    there are rules for it."""


class NetworkPolicy(
    Kind, group=_GROUP, version="v1", plural="networkpolicies", short_names=("netpol",)
):
    """Which traffic some Pods of a namespace may have."""

    spec: NetworkPolicySpec = msgspec.field(default_factory=NetworkPolicySpec)
    """Whose traffic is bounded, and what is let through."""
