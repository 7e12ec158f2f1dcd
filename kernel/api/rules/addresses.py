"""Forms of network addresses, and Kubernetes' words for refusing others (core/v1 validation.go)."""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_LINK_LOCAL_MULTICAST = (ip_network("224.0.0.0/24"), ip_network("ff02::/16"))


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, None where it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def parsed_range(text: str) -> IPv4Network | IPv6Network | None:
    """The range of addresses in CIDR notation, None where it is none."""
    try:
        return ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def address_errors(text: str) -> list[str]:
    """An IP address of either version."""
    if parsed_address(text) is None:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def range_errors(text: str) -> list[str]:
    """A range of addresses."""
    if parsed_range(text) is None:
        return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    return []


def backend_address_errors(text: str) -> list[str]:
    """An IP address that may stand behind a Service."""
    address = parsed_address(text)
    if address is None:
        return address_errors(text)
    errors = []
    if address.is_unspecified:
        errors.append(f"may not be unspecified ({text})")
    if address.is_loopback:
        errors.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        errors.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if any(address in network for network in _LINK_LOCAL_MULTICAST):
        errors.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return errors
