"""The rules of Endpoints and EndpointSlices (core/v1 and discovery/v1 defaults.go and
validation.go)."""

from kernel.api.causes import Causes
from kernel.api.rules.addresses import address_errors, backend_address_errors, parsed_address
from kernel.api.rules.by_kind import KindRules
from kernel.api.rules.core import PROTOCOLS
from kernel.objects.endpoint_slice import Endpoint, EndpointSlice, SlicePort
from kernel.objects.endpoints import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from kernel.objects.name_syntax import (
    label_name_errors,
    port_number_errors,
    qualified_name_errors,
    subdomain_name_errors,
)

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_IP_VERSIONS = {"IPv4": 4, "IPv6": 6}
ADDRESSES_MAX = 100
PORTS_MAX = 100
ENDPOINTS_MAX = 1000


def _default_endpoints(endpoints: Endpoints) -> None:
    for subset in endpoints.subsets:
        for port in subset.ports:
            port.protocol = port.protocol or "TCP"


def _check_endpoints(endpoints: Endpoints, causes: Causes) -> None:
    for index, subset in enumerate(endpoints.subsets):
        _check_subset(subset, f"subsets[{index}]", causes)


def _check_subset(subset: EndpointSubset, path: str, causes: Causes) -> None:
    if not subset.addresses and not subset.not_ready_addresses:
        causes.required(path, "must specify `addresses` or `notReadyAddresses`")
    for index, address in enumerate(subset.addresses):
        _check_address(address, f"{path}.addresses[{index}]", causes)
    for index, address in enumerate(subset.not_ready_addresses):
        _check_address(address, f"{path}.notReadyAddresses[{index}]", causes)
    for index, port in enumerate(subset.ports):
        _check_port(port, f"{path}.ports[{index}]", len(subset.ports) > 1, causes)


def _check_address(address: EndpointAddress, path: str, causes: Causes) -> None:
    causes.invalid(f"{path}.ip", address.ip, *backend_address_errors(address.ip))
    if address.hostname:
        causes.invalid(f"{path}.hostname", address.hostname, *label_name_errors(address.hostname))
    if address.node_name is not None:
        errors = subdomain_name_errors(address.node_name)
        causes.invalid(f"{path}.nodeName", address.node_name, *errors)


def _check_port(port: EndpointPort, path: str, name_required: bool, causes: Causes) -> None:
    if port.name:
        causes.invalid(f"{path}.name", port.name, *label_name_errors(port.name))
    elif name_required:
        causes.required(f"{path}.name")
    causes.invalid(f"{path}.port", port.port, *port_number_errors(port.port))
    causes.one_of(f"{path}.protocol", port.protocol, PROTOCOLS)
    if port.app_protocol is not None:
        errors = qualified_name_errors(port.app_protocol)
        causes.invalid(f"{path}.appProtocol", port.app_protocol, *errors)


def _default_slice(endpoint_slice: EndpointSlice) -> None:
    for port in endpoint_slice.ports:
        port.name = port.name or ""
        port.protocol = port.protocol or "TCP"


def _check_slice(endpoint_slice: EndpointSlice, causes: Causes) -> None:
    causes.one_of("addressType", endpoint_slice.address_type, _ADDRESS_TYPES)
    endpoints, ports = endpoint_slice.endpoints, endpoint_slice.ports
    if len(endpoints) > ENDPOINTS_MAX:
        causes.too_many("endpoints", len(endpoints), ENDPOINTS_MAX)
    else:
        for index, endpoint in enumerate(endpoints):
            path = f"endpoints[{index}]"
            _check_endpoint(endpoint, endpoint_slice.address_type, path, causes)
    if len(ports) > PORTS_MAX:
        causes.too_many("ports", len(ports), PORTS_MAX)
    else:
        _check_slice_ports(ports, causes)


def _check_endpoint(endpoint: Endpoint, address_type: str, path: str, causes: Causes) -> None:
    if not endpoint.addresses:
        causes.required(f"{path}.addresses", "must contain at least 1 address")
    elif len(endpoint.addresses) > ADDRESSES_MAX:
        causes.too_many(f"{path}.addresses", len(endpoint.addresses), ADDRESSES_MAX)
    for index, address in enumerate(endpoint.addresses):
        errors = _address_errors(address, address_type)
        causes.invalid(f"{path}.addresses[{index}]", address, *errors)
    if endpoint.hostname is not None:
        causes.invalid(f"{path}.hostname", endpoint.hostname, *label_name_errors(endpoint.hostname))
    if endpoint.node_name is not None:
        errors = subdomain_name_errors(endpoint.node_name)
        causes.invalid(f"{path}.nodeName", endpoint.node_name, *errors)


def _address_errors(address: str, address_type: str) -> list[str]:
    if address_type == "FQDN":
        errors = subdomain_name_errors(address)
        few = "should be a domain with at least two segments separated by dots"
        return errors or ([] if "." in address else [few])
    version = _IP_VERSIONS.get(address_type)
    if version is None:
        return []
    parsed = parsed_address(address)
    if parsed is None:
        return address_errors(address)
    if parsed.version != version:
        return [f"must be a valid {address_type} address"]
    return backend_address_errors(address)


def _check_slice_ports(ports: list[SlicePort], causes: Causes) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", port.name or ""
        if name:
            causes.invalid(f"{path}.name", name, *label_name_errors(name))
        if name in names:
            causes.duplicate(f"{path}.name", name)
        names.add(name)
        causes.one_of(f"{path}.protocol", port.protocol or "", PROTOCOLS)
        if port.port is not None:
            causes.invalid(f"{path}.port", port.port, *port_number_errors(port.port))
        if port.app_protocol is not None:
            errors = qualified_name_errors(port.app_protocol)
            causes.invalid(f"{path}.appProtocol", port.app_protocol, *errors)


def _check_slice_update(new: EndpointSlice, old: EndpointSlice, causes: Causes) -> None:
    if new.address_type != old.address_type:
        causes.invalid("addressType", new.address_type, "field is immutable")


RULES = {
    Endpoints: KindRules(_default_endpoints, _check_endpoints),
    EndpointSlice: KindRules(_default_slice, _check_slice, _check_slice_update),
}
