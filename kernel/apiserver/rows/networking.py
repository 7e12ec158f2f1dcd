"""What is before and behind Services as rows of `kubectl get`: Kubernetes' columns and words."""

from collections.abc import Iterable
from datetime import datetime

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import Rows, columns
from kernel.apiserver.rows.pods import NONE
from kernel.apiserver.rows.workloads import selector_text
from kernel.objects.endpoint_slice import EndpointSlice
from kernel.objects.endpoints import Endpoints
from kernel.objects.kind import Kind
from kernel.objects.networking import Ingress, IngressClass, NetworkPolicy

SHOWN_MAX = 3
DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"


def _first_of(texts: Iterable[str], *, empty: str) -> str:
    """Some of the texts, and how many more there are."""
    listed = list(texts)
    shown = ",".join(listed[:SHOWN_MAX])
    more = len(listed) - SHOWN_MAX
    return f"{shown} + {more} more..." if more > 0 else shown or empty


def _endpoints_cells(endpoints: Endpoints, now: datetime) -> list[object]:
    metadata = endpoints.metadata
    places = [
        f"[{address.ip}]:{port.port}" if ":" in address.ip else f"{address.ip}:{port.port}"
        for subset in endpoints.subsets
        for port in subset.ports
        for address in subset.addresses
    ]
    places += [
        address.ip
        for subset in endpoints.subsets
        if not subset.ports
        for address in subset.addresses
    ]
    empty = "" if endpoints.subsets else NONE
    return [
        metadata.name,
        _first_of(places, empty=empty),
        age(metadata.creation_timestamp, now),
    ]


def _slice_cells(endpoint_slice: EndpointSlice, now: datetime) -> list[object]:
    metadata = endpoint_slice.metadata
    ports = [
        str(port.port) if port.port is not None else "*" if port.name is None else port.name
        for port in endpoint_slice.ports
    ]
    addresses = [address for one in endpoint_slice.endpoints for address in one.addresses]
    return [
        metadata.name,
        endpoint_slice.address_type,
        _first_of(ports, empty="<unset>"),
        _first_of(addresses, empty="<unset>"),
        age(metadata.creation_timestamp, now),
    ]


def _ingress_cells(ingress: Ingress, now: datetime) -> list[object]:
    spec = ingress.spec
    hosts = [rule.host for rule in spec.rules if rule.host]
    points = ingress.status.load_balancer.ingress
    addresses = sorted({point.ip or point.hostname for point in points} - {""})
    return [
        ingress.metadata.name,
        spec.ingress_class_name or NONE,
        _first_of(hosts, empty="*"),
        ",".join(addresses),
        "80, 443" if spec.tls else "80",
        age(ingress.metadata.creation_timestamp, now),
    ]


def _class_cells(ingress_class: IngressClass, now: datetime) -> list[object]:
    metadata, parameters = ingress_class.metadata, ingress_class.spec.parameters
    is_default = metadata.annotations.get(DEFAULT_CLASS_ANNOTATION) == "true"
    shown = NONE
    if parameters is not None:
        group = f".{parameters.api_group}" if parameters.api_group is not None else ""
        shown = f"{parameters.kind}{group}/{parameters.name}"
    return [
        f"{metadata.name} (default)" if is_default else metadata.name,
        ingress_class.spec.controller,
        shown,
        age(metadata.creation_timestamp, now),
    ]


def _policy_cells(policy: NetworkPolicy, now: datetime) -> list[object]:
    metadata = policy.metadata
    selector = selector_text(policy.spec.pod_selector)
    return [metadata.name, selector or NONE, age(metadata.creation_timestamp, now)]


ROWS: dict[type[Kind], Rows] = {
    Endpoints: Rows(columns("Name", "Endpoints", "Age"), _endpoints_cells),
    EndpointSlice: Rows(columns("Name", "AddressType", "Ports", "Endpoints", "Age"), _slice_cells),
    Ingress: Rows(columns("Name", "Class", "Hosts", "Address", "Ports", "Age"), _ingress_cells),
    IngressClass: Rows(columns("Name", "Controller", "Parameters", "Age"), _class_cells),
    NetworkPolicy: Rows(columns("Name", "Pod-Selector", "Age"), _policy_cells),
}
